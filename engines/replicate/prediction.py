"""What a prediction's record, and a refusal, mean; pure functions.

Source: Replicate's HTTP reference and its pages on the lifecycle of predictions, rate limits and errors.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from engines.hosted.host import HostedLook
from engines.hosted.refused_inputs import refused_inputs
from engines.remote.failure import says
from engines.remote.session import Answer, Judge
from limner.errors import (
    EngineBusy,
    EngineError,
    JobLost,
    OutOfMemory,
    Refused,
    Rejected,
)

#: how much of the logs, and of an error, is read
LOGS_TAIL, ERROR_MAX = 4000, 4000
PICTURES_MAX, DEPTH_MAX = 16, 4
#: how long to wait where the host is full and does not say for how long
BUSY_S = 10.0

_PERCENT = re.compile(r"(?:^|[\s:])(\d{1,3})%\|")
_RESETS = re.compile(r"resets? in ~?\s*(\d{1,5})\s*s")
_FIELD = re.compile(r"\binput\.(\w+)")
_MODERATED = re.compile(
    r"nsfw|flagged as sensitive|\be005\b|moderat|safety (?:checker|filter|system)|content polic",
    re.IGNORECASE,
)
_MEMORY = re.compile(r"out of memory", re.IGNORECASE)
_BUSY = re.compile(r"\be003\b|high demand|queue is full|too many requests", re.IGNORECASE)
_REFERENCE = re.compile(
    r"cannot identify image|(?:could not|failed to|unable to) (?:load|read|open|download|decode) "
    r"(?:the )?(?:input )?(?:image|file|mask)",
    re.IGNORECASE,
)


def look_of(told: Mapping[str, Any], price_per_second: float = 0.0) -> HostedLook:
    """Return what a record says; an unknown status counts as drawing."""
    status = told.get("status")
    if status == "succeeded":
        return _done(told, price_per_second)
    if status == "failed":
        return HostedLook("failed", error=_failure(told), cost=_cost(told, price_per_second))
    if status == "canceled":
        gone = Rejected("failed", "The drawing was cancelled at the engine.")
        return HostedLook("failed", error=gone, cost=_cost(told, price_per_second))
    if status == "aborted":
        # Its deadline passed before it ran; that is not charged.
        return HostedLook("failed", error=EngineBusy(BUSY_S, "nothing was free in time"))
    if status == "starting":
        return HostedLook("waiting")
    previews = dict(enumerate(_pictures(told.get("output"))))
    return HostedLook("drawing", fraction=_fraction(told.get("logs")), previews=previews)


def is_usable(told: Mapping[str, Any]) -> bool:
    """Return whether a record's pictures are there, or still to come."""
    known = told.get("status") in ("starting", "processing", "succeeded")
    return known and not told.get("data_removed")


def judge_with(inputs: Collection[str]) -> Judge:
    """Return the judge of refusals; ``inputs`` are names that the operator's options set."""

    def judge(answer: Answer) -> EngineError | None:
        match answer.status:
            case 404:
                # Of polls ``Account.look`` makes "gone", of cancellations nothing.
                return None
            case 422:
                detail = str(answer.table().get("detail") or "")[:ERROR_MAX]
                # Without a word it may be anything: who fails for everybody is not to be believed.
                return _of_input(detail, inputs) if detail else None
            case 429 if "Retry-After" not in answer.headers:
                found = _RESETS.search(str(answer.table().get("detail") or "")[:ERROR_MAX])
                return EngineBusy(float(found[1]), "its rate limit is reached") if found else None
        return None

    return judge


def _of_input(detail: str, inputs: Collection[str]) -> EngineError:
    named = set(_FIELD.findall(detail))
    if not named and re.search(r"\bversion\b", detail, re.IGNORECASE):
        return Refused("setup", "there is no such version, or the account may not run it")
    return refused_inputs(named, inputs)


def _done(told: Mapping[str, Any], price_per_second: float) -> HostedLook:
    cost = _cost(told, price_per_second)
    if told.get("data_removed"):
        gone = JobLost("The engine's pictures are gone.", charged=True)
        return HostedLook("failed", error=gone, cost=cost)
    seconds = _seconds(told)
    notes = {} if seconds is None else {"predict_time": seconds}
    return HostedLook("done", pictures=list(_pictures(told.get("output"))), notes=notes, cost=cost)


def _failure(told: Mapping[str, Any]) -> EngineError:
    """Return what the text of a failure means; it is not passed on."""
    text = str(told.get("error") or "")[:ERROR_MAX]
    given = told.get("input")
    prompt = str(given.get("prompt") or "") if isinstance(given, Mapping) else ""
    if says(text, _MODERATED, prompt):
        return Rejected("moderated", "The prompt or its picture was refused by moderation.")
    if says(text, _MEMORY, prompt):
        return OutOfMemory()
    if says(text, _BUSY, prompt):
        return EngineBusy(BUSY_S, "the model is in high demand")
    if says(text, _REFERENCE, prompt):
        return Rejected("reference", "The engine could not use the reference images.")
    return EngineError("The engine failed to draw this.")


def _fraction(logs: Any) -> float | None:
    """Return the last progress bar's fraction: `` 40%|████      | 2/5``."""
    found = _PERCENT.findall(logs[-LOGS_TAIL:]) if isinstance(logs, str) else []
    return min(int(found[-1]), 100) / 100 if found else None


def _pictures(output: Any, depth: int = 0) -> Iterator[str]:
    """Yield the URLs in an output: one, a list, or a table with such."""
    if isinstance(output, str):
        if output.startswith(("http://", "https://", "data:")):
            yield output
    elif depth < DEPTH_MAX and isinstance(output, list | dict):
        for one in list(output.values() if isinstance(output, dict) else output)[:PICTURES_MAX]:
            yield from _pictures(one, depth + 1)


def _seconds(told: Mapping[str, Any]) -> float | None:
    metrics = told.get("metrics")
    value = metrics.get("predict_time") if isinstance(metrics, Mapping) else None
    return float(value) if isinstance(value, int | float) and value >= 0 else None


def _cost(told: Mapping[str, Any], price_per_second: float) -> float | None:
    seconds = _seconds(told)
    return seconds * price_per_second if seconds is not None and price_per_second else None
