"""What an OpenAI-style error means: whose fault it is, and whether it may pass; pure.

Source: OpenAI's error guide, ``{"error": {"message", "type", "param", "code"}}``. Other servers send
``{"error": "text"}``, or their own codes; so words are looked at where codes say nothing. A LiteLLM
proxy (1.108 was run) puts the status in ``code`` and what it knows into ``message``; it says 400 also
where it has no such model, no database to look the key up in, or no server behind it that is well. So a
400 is the caller's only if it says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engines.remote import Answer
from limner.errors import EngineBusy, EngineDown, EngineError, Refused, Rejected

_MODERATED = (
    "moderation_blocked",
    "content_policy",
    "content_filter",
    "safety system",
    "safety_violation",
    "sensitive content",
    "data_inspection_failed",
)
_CREDIT = (
    "insufficient_quota",
    "billing_hard_limit",
    "billing_not_active",
    "insufficient balance",
    "budget_exceeded",
    "budget has been exceeded",
    "crossed budget",
)
_CREDENTIALS = (
    "invalid_api_key",
    "incorrect api key",
    "authentication_error",
    "authentication error",
    "auth_error",
    "account_deactivated",
    "no_db_connection",
    "no connected db",
    "token_not_found_in_db",
    "expired_key",
    "invalid proxy server token",
)
#: what the operator has to mend, as the words that say so → what is told of it
_SETUP = {
    "invalid model name": "the server does not know the model",
    "model_not_found": "the server does not know the model",
    "unknown model": "the server does not know the model",
    "no such model": "the server does not know the model",
    "llm provider not provided": "the server does not know who serves the model",
    "model_access_denied": "the key may not use the model",
    "not allowed to access model": "the key may not use the model",
    "unknown_parameter": "an option is not known to the server",
    "unsupported_parameter": "an option is not known to the server",
}
_DOWN = ("no healthy deployments", "deployments for selected model are in cooldown")
_BUSY = (
    "rate_limit",
    "ratelimit",
    "throttling_error",
    "too_many_requests",
    "overloaded",
    "queue is full",
    "no deployments available",
    "max_parallel_requests",
)
ECHO_MIN = 8
#: texts that speak of what the caller wants, where no field is named
_CALLERS_MATTER = re.compile(r"\bprompt\b|image_generation_user_error")
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


def judge(answer: Answer, prompt: str = "") -> EngineError | None:
    """Return the error that an answer of 400 or more stands for, or None for the usual one.

    ``prompt`` is what was asked for: where the server repeats it, it decides nothing.
    """
    known = judge_table(answer.table(), answer.retry_after_s, prompt)
    if known:
        return known
    if answer.status in (404, 405):
        return Refused("setup", f"no such route or model (HTTP {answer.status})")
    if answer.status == 413:
        return Rejected("reference", "The reference images are too large for the engine.")
    if answer.status in (400, 415, 422):
        return _of_parameter(answer.table(), prompt)
    return None


def judge_question(answer: Answer) -> EngineError | None:
    """Judge an answer to what is asked of the server itself: only its own words decide."""
    return judge_table(answer.table(), answer.retry_after_s)


def judge_table(
    told: Mapping[str, Any], retry_after_s: float = 1.0, prompt: str = ""
) -> EngineError | None:
    """Return what an error object stands for, if its own words decide.

    Also for errors that come inside of a stream, after a 200.
    """
    words = _words(told, prompt)
    if any(word in words for word in _MODERATED):
        return Rejected("moderated", "The prompt or its picture was refused by moderation.")
    if any(word in words for word in _CREDIT):
        return Refused("credit", "the account has no credit left")
    if any(word in words for word in _CREDENTIALS):
        return Refused("credentials", "the key is not taken")
    for word, why in _SETUP.items():
        if word in words:
            return Refused("setup", why)
    if any(word in words for word in _DOWN):
        return EngineDown("no server behind it is well")
    if any(word in words for word in _BUSY):
        return EngineBusy(retry_after_s)
    return None


def _of_parameter(told: Mapping[str, Any], prompt: str) -> EngineError | None:
    error = told.get("error")
    param = str(error.get("param") or "") if isinstance(error, dict) else ""
    if param in _OURS:
        return Refused("setup", f"the server does not take our {param}")
    if param.startswith(("image", "mask")):
        return Rejected("reference", "The engine could not use the reference images.")
    if "prompt" in param or (not param and _CALLERS_MATTER.search(_words(told, prompt))):
        return Rejected("parameter", "The engine does not take these parameters.")
    # It may be anything: a server that fails so for everyone must not be taken at its word.
    return None


def _words(told: Mapping[str, Any], prompt: str = "") -> str:
    """Return codes, type and message in lower case; never shown to anyone."""
    error = told.get("error", told)
    if not isinstance(error, dict):
        words = str(error)
    else:
        words = " ".join(str(error.get(key) or "") for key in ("code", "type", "message"))
    words = words.lower()
    # A shorter prompt cannot hold a word that decides.
    return words.replace(prompt.lower(), " ") if len(prompt) >= ECHO_MIN else words
