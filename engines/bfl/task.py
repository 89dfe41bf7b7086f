"""What a task's record, and a refusal, mean; pure functions.

Source: BFL's documentation of its results and errors. What is moderated in the request is not charged, what is
moderated in the picture is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from engines.hosted.host import HostedLook
from engines.hosted.refused_inputs import inputs_named, refused_inputs
from engines.remote.session import Answer, Judge
from limner.errors import EngineError, Refused, Rejected

SEED_MOST = 2**32


def look_of(told: Mapping[str, Any], cost: float | None = None) -> HostedLook:
    """Return what a record says; an unknown status counts as drawing. ``cost``: as its submission told."""
    status = told.get("status")
    match status:
        case "Ready":
            return _done(told, cost)
        case "Request Moderated":
            return HostedLook("failed", error=_moderated("The prompt or its picture was"), cost=0.0)
        case "Content Moderated":
            return HostedLook("failed", error=_moderated("The picture was"), cost=cost)
        case "Task not found":
            return HostedLook("gone", cost=cost)
        case "Error" | "Failed":
            failed = EngineError("The engine failed to draw this.")
            return HostedLook("failed", error=failed, cost=cost)
        case "Pending" | "Queued":
            return HostedLook("waiting", cost=cost)
    return HostedLook("drawing", cost=cost)


def judge_with(inputs: Collection[str]) -> Judge:
    """Return the judge of refusals; ``inputs`` are names that the operator's options set."""

    def judge(answer: Answer) -> EngineError | None:
        named = inputs_named(answer.table().get("detail"))
        # Without a name it may be anything: who fails for everybody is not to be believed.
        return refused_inputs(named, inputs) if named and answer.status in (400, 422) else None

    return judge


def credits_in(told: Mapping[str, Any], name: str) -> float | None:
    """Return a number of credits; None if it is not told."""
    value = told.get(name)
    told_so = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if told_so and value is not None else None


def check_balance(told: Mapping[str, Any]) -> None:
    """Check that an account has credits left, as far as it tells.

    Raises:
        Refused: it has none.
    """
    left = credits_in(told, "credits")
    if left is not None and left <= 0:
        raise Refused("credit", "the account has no credits left")


def _done(told: Mapping[str, Any], cost: float | None) -> HostedLook:
    result = told.get("result")
    result = result if isinstance(result, dict) else {}
    where, seed = result.get("sample"), result.get("seed")
    known = isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < SEED_MOST
    return HostedLook(
        "done",
        pictures=[where] if isinstance(where, str) else [],
        seeds=(seed,) if known and isinstance(seed, int) else (),
        cost=cost,
    )


def _moderated(what: str) -> Rejected:
    return Rejected("moderated", f"{what} refused by moderation.")
