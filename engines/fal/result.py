"""What the states, outputs and errors of fal's queue mean; pure functions.

Source: fal's documentation of its queue and of its errors. COMPLETED is not success: the error is in the state,
or is the status of the result. Errors of the queue are ``{"detail": text, "error_type"}``, those of models
``{"detail": [{loc, msg, type, ctx}]}``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from engines.hosted.host import HostedLook
from engines.hosted.refused_inputs import DETAILS_MAX, inputs_named, refused_inputs
from engines.remote.session import Answer, Answered, Judge
from limner.errors import EngineBusy, EngineError, OutOfMemory, Refused, Rejected

ERROR_MAX, LOGS_MAX, PICTURES_MAX = 4000, 50, 16
BUSY_S = 10.0

_PERCENT = re.compile(r"(?:^|[\s:])(\d{1,3})%\|")
_CREDIT = re.compile(
    r"exhausted balance|insufficient (?:balance|credit|funds)|top up", re.IGNORECASE
)
_MEMORY = re.compile(r"out of memory", re.IGNORECASE)
_MODERATED = ("content_policy_violation",)
_REFERENCE = (
    "image_too_small",
    "image_too_large",
    "image_load_error",
    "file_download_error",
    "file_too_large",
    "unsupported_image_format",
)
#: it was not started, or what it needs is full
_BUSY = (
    "request_timeout",
    "runner_scheduling_failure",
    "downstream_service_unavailable",
)
_CANCELLED = ("client_cancelled",)
#: the model, or fal, failed: to be tried again
_FAILED = (
    "startup_timeout",
    "runner_connection_timeout",
    "runner_disconnected",
    "runner_connection_refused",
    "runner_connection_error",
    "runner_incomplete_response",
    "runner_server_error",
    "client_disconnected",
    "internal_error",
    "internal_server_error",
    "downstream_service_error",
    "generation_timeout",
    "no_media_generated",
)


def state_of(told: Mapping[str, Any]) -> HostedLook | None:
    """Return what a request's state says; None: it is over, and its result says how."""
    status = told.get("status")
    if status == "COMPLETED":
        return None
    if status == "IN_QUEUE":
        ahead = told.get("queue_position")
        known = ahead if isinstance(ahead, int) and ahead >= 0 else None
        return HostedLook("waiting", position=None if known is None else known + 1)
    return HostedLook("drawing", fraction=_fraction(told.get("logs")))


def result_of(told: Mapping[str, Any], state: Mapping[str, Any], count: int) -> HostedLook:
    """Return what a result says; ``state`` is the last state, ``count`` how many pictures were asked for."""
    if state.get("error") or state.get("error_type"):
        return HostedLook("failed", error=failure_of(state))
    unsafe = told.get("has_nsfw_concepts")
    if isinstance(unsafe, list) and any(one is True for one in unsafe):
        # What comes in its place is black.
        return HostedLook("failed", error=_moderated())
    seed = told.get("seed")
    # Of several pictures it is the first one's, or a common one.
    seeds = (seed,) if isinstance(seed, int) and seed is not True and count == 1 else ()
    return HostedLook("done", pictures=list(_pictures(told)), seeds=seeds)


def judge_result(answer: Answer) -> EngineError | None:
    """Return the error for a result with a status of 400 or more: the model's own, if it says so."""
    if answer.status in (401, 403, 429):
        return None
    told = answer.table()
    # A front end that is away for a moment has no such words.
    return Answered(answer) if told.get("detail") or told.get("error_type") else None


def judge_with(inputs: Collection[str]) -> Judge:
    """Return the judge of refusals; ``inputs`` are names that the operator's options set."""

    def judge(answer: Answer) -> EngineError | None:
        told = answer.table()
        text = _text(told)
        if answer.status in (401, 402, 403) and _CREDIT.search(text):
            return Refused("credit", "the balance is exhausted")
        if answer.status in (400, 422):
            return failure_of(told, inputs)
        return None

    return judge


def failure_of(told: Mapping[str, Any], inputs: Collection[str] = ()) -> EngineError:
    """Return what an error means; its words are not passed on."""
    detail = told.get("detail")
    details = detail[:DETAILS_MAX] if isinstance(detail, list) else []
    kinds = {str(one.get("type")) for one in details if isinstance(one, dict)}
    kinds.add(str(told.get("error_type") or ""))
    for error, known in (
        (_moderated(), _MODERATED),
        (Rejected("reference", "The engine could not use the reference images."), _REFERENCE),
        (Rejected("failed", "The drawing was cancelled at the engine."), _CANCELLED),
        (EngineBusy(BUSY_S, "nothing was free in time"), _BUSY),
    ):
        if kinds & set(known):
            return error
    text = _text(told)
    if _MEMORY.search(text):
        return OutOfMemory()
    if _CREDIT.search(text):
        return Refused("credit", "the balance is exhausted")
    if kinds & set(_FAILED):
        return EngineError("The engine failed to draw this.")
    named = inputs_named(detail)
    if named or "bad_request" in kinds:
        return refused_inputs(named, inputs)
    return EngineError("The engine failed to draw this.")


def _moderated() -> Rejected:
    return Rejected("moderated", "The prompt or its picture was refused by moderation.")


def _text(told: Mapping[str, Any]) -> str:
    """Return the words of an error that are not a list; a model's may quote the prompt."""
    words = (told.get("detail"), told.get("error"))
    return " ".join(one for one in words if isinstance(one, str))[:ERROR_MAX]


def _fraction(logs: Any) -> float | None:
    """Return the last progress bar's fraction: `` 40%|████      | 2/5``."""
    for one in reversed(logs[-LOGS_MAX:] if isinstance(logs, list) else []):
        message = one.get("message") if isinstance(one, dict) else None
        found = _PERCENT.findall(message[-ERROR_MAX:]) if isinstance(message, str) else []
        if found:
            return min(int(found[-1]), 100) / 100
    return None


def _pictures(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield the URLs of an output: ``images``, or one ``image``."""
    images = told.get("images")
    for one in images[:PICTURES_MAX] if isinstance(images, list) else [told.get("image")]:
        where = one.get("url") if isinstance(one, dict) else one
        if isinstance(where, str) and where:
            yield where
