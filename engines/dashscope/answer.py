"""What DashScope's answers mean: pictures, a task's state, or a refusal; pure functions.

Source: Model Studio's references of image models and of asynchronous tasks, and its list of error codes. A refusal
is ``{"code", "message"}``, with HTTP 200 as well; pictures may be missing from a task that succeeds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engines.hosted.host import HostedLook
from engines.remote.session import Answer
from limner.errors import EngineBusy, EngineDown, EngineError, Refused, Rejected

#: how long to wait where a rate is exceeded
BUSY_S = 5.0
_OF_PARAMETERS = ("InvalidParameter", "InvalidURL")
_REFERENCE = re.compile(r"image|picture|url|download|图", re.IGNORECASE)
_PROMPT = re.compile(r"prompt|text|length|提示", re.IGNORECASE)
_SIZE = re.compile(r"size|resolution|width|height", re.IGNORECASE)


def look_of(told: Mapping[str, Any], *, pictures: bool) -> HostedLook:
    """Return what a task's record says; an unknown state counts as drawing.

    ``pictures``: whether the task started from any.
    """
    output = told.get("output")
    output = output if isinstance(output, dict) else {}
    match str(output.get("task_status")):
        case "PENDING" | "SUSPENDED":
            return HostedLook("waiting")
        case "SUCCEEDED":
            return ended(output, pictures=pictures)
        case "FAILED":
            return HostedLook("failed", error=error_of(output, pictures=pictures))
        case "CANCELED":
            gone = Rejected("failed", "The drawing was cancelled at the engine.")
            return HostedLook("failed", error=gone)
        case "UNKNOWN":
            return HostedLook("gone")
    return HostedLook("drawing", fraction=_fraction(output.get("task_metrics")))


def ended(output: Mapping[str, Any], *, pictures: bool) -> HostedLook:
    """Return the pictures of an output; a failure if one of them is an error."""
    for one in _tables(output.get("results")):
        if one.get("code"):
            return HostedLook("failed", error=error_of(one, pictures=pictures))
    return HostedLook("done", pictures=list(_urls(output)))


def judge(answer: Answer) -> EngineError | None:
    """Return the error for a refusal; None for the usual one of its status, or if it is about parameters."""
    return _by_code(answer.table())


def error_of(told: Mapping[str, Any], *, pictures: bool) -> EngineError:
    """Return the error for a code and its message; ``pictures``: whether the request had any."""
    kind = str(told.get("code") or "").partition(".")[0]
    about = str(told.get("message") or "") if kind in _OF_PARAMETERS else ""
    failed = EngineError("The engine failed to draw this.")
    return _by_code(told) or _of_parameter(about, pictures) or failed


def _by_code(told: Mapping[str, Any]) -> EngineError | None:
    code, message = str(told.get("code") or ""), str(told.get("message") or "")
    kind = code.partition(".")[0]
    if "datainspectionfailed" in code.replace("_", "").lower():
        return Rejected("moderated", "The prompt or its picture was refused by moderation.")
    match kind:
        case "Throttling":
            if code == "Throttling.AllocationQuota":
                return EngineBusy(BUSY_S * 4, "its quota is used up")
            return EngineBusy(BUSY_S, "its rate limit is reached")
        case "Arrearage":
            return Refused("credit", "the account is in arrears")
        case "InvalidApiKey":
            return Refused("credentials", "the key is not taken")
        case "ModelNotFound" | "Model":
            return Refused("setup", "there is no such model, or the account may not use it")
        case "AccessDenied":
            if "ynchronous" in message:
                return Refused("setup", "the account takes this model in the other way: see route")
            return Refused("setup", "the account may not use this model")
        case "ServiceUnavailable" | "SystemOverloaded":
            return EngineDown("it is too busy to answer")
    return None


def _of_parameter(message: str, pictures: bool) -> EngineError | None:
    # The size may be that of a picture of the caller's, who must not take the engine out.
    if pictures and _REFERENCE.search(message):
        return Rejected("reference", "The engine could not use the reference images.")
    if _SIZE.search(message):
        return Refused("setup", "the model does not draw our sizes")
    if _PROMPT.search(message):
        return Rejected("parameter", "The engine does not take this prompt.")
    # It may be anything: a model that fails for everyone in this way must not be believed.
    return None


def _fraction(metrics: Any) -> float | None:
    """Return how many of a task's pictures are over."""
    if not isinstance(metrics, dict):
        return None
    total, over = (_whole(metrics, "TOTAL"), _whole(metrics, "SUCCEEDED", "FAILED"))
    return over / total if total else None


def _whole(metrics: Mapping[str, Any], *names: str) -> int:
    numbers = [metrics.get(name) for name in names]
    return sum(one for one in numbers if isinstance(one, int) and 0 <= one <= 100)


def _urls(output: Mapping[str, Any]) -> Iterator[str]:
    """Yield the addresses of pictures, in either form of an output."""
    for result in _tables(output.get("results")):
        if isinstance(result.get("url"), str):
            yield result["url"]
    for choice in _tables(output.get("choices")):
        message = choice.get("message")
        for part in _tables(message.get("content")) if isinstance(message, dict) else ():
            if isinstance(part.get("image"), str):
                yield part["image"]


def _tables(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
