"""What an OpenAI-style error means: whose fault it is, and whether it may pass; pure.

Source: OpenAI's error guide, ``{"error": {"message", "type", "param", "code"}}``. Other servers send
``{"error": "text"}``, or their own codes; so words are looked at where codes say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engines.remote import Answer
from limner.errors import EngineBusy, EngineError, Refused, Rejected

_MODERATED = (
    "moderation_blocked",
    "content_policy",
    "content_filter",
    "safety system",
    "safety_violation",
    "sensitive content",
    "data_inspection_failed",
)
_CREDIT = ("insufficient_quota", "billing_hard_limit", "billing_not_active", "insufficient balance")
_CREDENTIALS = ("invalid_api_key", "authentication_error", "account_deactivated")
_SETUP = ("model_not_found", "unknown_parameter", "unsupported_parameter")
_BUSY = ("rate_limit", "too_many_requests", "overloaded", "queue is full")
#: fields of a request that the operator's options decide, and not the caller
_OURS = frozenset(
    [
        "model",
        "size",
        "quality",
        "n",
        "stream",
        "partial_images",
        "output_format",
        "response_format",
        "moderation",
        "seed",
        "input_fidelity",
    ]
)


def judge(answer: Answer) -> EngineError | None:
    """Return the error that an answer of 400 or more stands for, or None for the usual one."""
    known = judge_table(answer.table(), answer.retry_after_s)
    if known:
        return known
    if answer.status in (404, 405):
        return Refused("setup", f"no such route or model (HTTP {answer.status})")
    if answer.status == 413:
        return Rejected("reference", "The reference images are too large for the engine.")
    if answer.status in (400, 415, 422):
        return _of_parameter(answer.table())
    return None


def judge_table(told: Mapping[str, Any], retry_after_s: float = 1.0) -> EngineError | None:
    """Return what an error object stands for, if its own words decide.

    Also for errors that come inside of a stream, after a 200.
    """
    words = _words(told)
    if any(word in words for word in _MODERATED):
        return Rejected("moderated", "The prompt or its picture was refused by moderation.")
    if any(word in words for word in _CREDIT):
        return Refused("credit", "the account has no credit left")
    if any(word in words for word in _CREDENTIALS):
        return Refused("credentials", "the key is not taken")
    if any(word in words for word in _SETUP):
        return Refused("setup", "the model or an option is not known to the server")
    if any(word in words for word in _BUSY):
        return EngineBusy(retry_after_s)
    return None


def _of_parameter(told: Mapping[str, Any]) -> EngineError:
    error = told.get("error")
    param = str(error.get("param") or "") if isinstance(error, dict) else ""
    if param in _OURS:
        return Refused("setup", f"the server does not take our {param}")
    if param.startswith(("image", "mask")):
        return Rejected("reference", "The engine could not use the reference images.")
    return Rejected("parameter", "The engine does not take these parameters.")


def _words(told: Mapping[str, Any]) -> str:
    """Return codes, type and message in lower case; never shown to anyone."""
    error = told.get("error", told)
    if not isinstance(error, dict):
        return str(error).lower()
    return " ".join(str(error.get(key) or "") for key in ("code", "type", "message")).lower()
