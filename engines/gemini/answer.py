"""What Gemini's answers and refusals mean; pure functions.

Source: Google's reference of ``generateContent`` and of its errors, and their own client. Why a picture is missing
is said by a candidate's ``finishReason``, or for the prompt by ``promptFeedback``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engines.remote.cells import from_base64
from engines.remote.session import Answer
from limner.errors import BadResult, EngineBusy, EngineError, Refused, Rejected

#: how long to wait where the host is overloaded, and says nothing
BUSY_S, BUSY_MAX_S = 10.0, 3600.0
#: how much of a message is read: what it is about stands first, what it quotes behind
MESSAGE_READ = 100
_MODERATED = frozenset(
    [
        *("SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT"),
        *("RECITATION", "IMAGE_RECITATION", "BLOCKLIST", "SPII"),
    ]
)
_DELAY = re.compile(r"(\d{1,6})(?:\.\d+)?s")


def pictures_of(told: Mapping[str, Any]) -> list[bytes]:
    """Return the pictures in an answer.

    Raises:
        EngineError: there is none; what the answer says instead.
    """
    found = []
    for part in _parts(told):
        inline = part.get("inlineData")
        # What it thinks with is no picture for the caller.
        if isinstance(inline, dict) and inline.get("data") and not part.get("thought"):
            found.append(from_base64(inline["data"]))
    if found:
        return found
    feedback = told.get("promptFeedback")
    if isinstance(feedback, dict) and feedback.get("blockReason"):
        raise Rejected("moderated", "The prompt was refused by moderation.")
    reasons = {str(one.get("finishReason")) for one in _tables(told.get("candidates"))}
    if reasons & _MODERATED:
        raise Rejected("moderated", "The prompt or its picture was refused by moderation.")
    if reasons - {"STOP", "None"}:
        # NO_IMAGE, IMAGE_OTHER and the like: it may succeed the next time.
        raise EngineError("The engine failed to draw this.")
    raise BadResult("The engine's answer has no picture.")


def judge(answer: Answer) -> EngineError | None:
    """Return the error for a refusal; None for the usual one of its status."""
    error = answer.table().get("error")
    if not isinstance(error, dict):
        return None
    details = _tables(error.get("details"))
    if any(one.get("reason") == "API_KEY_INVALID" for one in details):
        return Refused("credentials", "the key is not taken")
    match str(error.get("status") or ""):
        case "RESOURCE_EXHAUSTED":
            return _exhausted(details, answer)
        case "UNAVAILABLE":
            return EngineBusy(BUSY_S, "the model is overloaded")
        case "NOT_FOUND":
            return Refused("setup", "there is no such model")
        case "FAILED_PRECONDITION":
            return Refused("setup", "the account or its region may not use this model")
        case "INVALID_ARGUMENT":
            return _invalid(str(error.get("message") or "")[:MESSAGE_READ].lower())
    return None


def _exhausted(details: list[dict[str, Any]], answer: Answer) -> EngineError:
    violations = [one for detail in details for one in _tables(detail.get("violations"))]
    if any("PerDay" in str(one.get("quotaId")) for one in violations):
        return Refused("credit", "the day's quota is used up")
    for detail in details:
        delay = _DELAY.fullmatch(str(detail.get("retryDelay") or ""))
        if delay:
            return EngineBusy(min(max(float(delay[1]), 1.0), BUSY_MAX_S), "its quota is used up")
    asked_s = answer.retry_after_s if "Retry-After" in answer.headers else BUSY_S
    return EngineBusy(asked_s, "its quota is used up")


def _invalid(message: str) -> EngineError | None:
    # Not wherever it stands: an answer may quote the prompt.
    if message.startswith("api key"):
        return Refused("credentials", "the key is not taken")
    if "input image" in message:
        return Rejected("reference", "The engine could not use the reference images.")
    if "aspect" in message or "imagesize" in message or "image_size" in message:
        return Refused("setup", "the model does not take our ratios or image_size")
    return None


def _parts(told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for candidate in _tables(told.get("candidates")):
        content = candidate.get("content")
        if isinstance(content, dict):
            yield from _tables(content.get("parts"))


def _tables(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
