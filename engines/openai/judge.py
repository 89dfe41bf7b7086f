"""What an OpenAI-style error means: whose fault it is, and whether it is temporary; pure functions.

Source: OpenAI's error guide, ``{"error": {"message", "type", "param", "code"}}``. Other servers send
``{"error": "text"}``, or their own codes; so the words decide if codes say nothing. A LiteLLM proxy
(1.108 was run) puts the status in ``code`` and the details in ``message``; it returns 400 also if it
has no such model, no database to look up the key, or no healthy server behind it. So a 400 is the
caller's fault only if it says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from engines.remote.session import Answer
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
#: errors that the operator has to fix: words in the message → our words
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
#: a message that says so of a model by its name
_NO_MODEL = re.compile(
    r"\bmodel:?\s+\S{1,100}\s+"
    r"(?:does not exist|(?:(?:is|was|has been)\s+)?(?:not found|not supported|deprecated))"
)
_VERDICT = r"(?:too (?:long|short|large)|invalid|not allowed|required|is empty|must|exceeds|at most|maximum|limit)"
#: messages about the caller's input that name no field. The word "prompt" alone is not enough: servers
#: have prompts of their own.
_CALLERS_MATTER = re.compile(
    rf"\bprompt\b.{{0,60}}\b{_VERDICT}|\b{_VERDICT}.{{0,40}}\bprompt\b|image_generation_user_error"
)
_NO_LETTERS = re.compile(r"[\W_]+")
#: fields of a request that the operator's options decide, not the caller
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


def judge(answer: Answer, prompt: str = "", *, callers_size: bool = False) -> EngineError | None:
    """Return the error for a response with a status of 400 or more, or None for the usual one.

    ``prompt`` is what was sent: if the server quotes it, its words decide nothing. ``callers_size``: the
    size is one that the caller asked for, and not the operator's matter.
    """
    known = judge_table(answer.table(), answer.retry_after_s, prompt)
    if known:
        return known
    if answer.status in (404, 405):
        return Refused("setup", f"no such route or model (HTTP {answer.status})")
    if answer.status == 413:
        return Rejected("reference", "The reference images are too large for the engine.")
    if answer.status in (400, 415, 422):
        return _of_parameter(answer.table(), prompt, callers_size)
    return None


def judge_question(answer: Answer) -> EngineError | None:
    """Judge a response to a request about the server itself: only its own words decide."""
    return judge_table(answer.table(), answer.retry_after_s)


def judge_table(
    told: Mapping[str, Any], retry_after_s: float = 1.0, prompt: str = ""
) -> EngineError | None:
    """Return the error for an error object, if its own words decide.

    Also for errors inside a stream, after a 200.
    """
    said = _Said(told, prompt)
    if said.any_of(_MODERATED):
        return Rejected("moderated", "The prompt or its picture was refused by moderation.")
    if said.any_of(_CREDIT):
        return Refused("credit", "the account has no credit left")
    if said.any_of(_CREDENTIALS):
        return Refused("credentials", "the key is not taken")
    for word, why in _SETUP.items():
        if said.any_of([word]):
            return Refused("setup", why)
    if said.matches(_NO_MODEL):
        return Refused("setup", "the server does not know the model")
    if said.any_of(_DOWN):
        return EngineDown("no server behind it is well")
    if said.any_of(_BUSY):
        return EngineBusy(retry_after_s)
    return None


def _of_parameter(told: Mapping[str, Any], prompt: str, callers_size: bool) -> EngineError | None:
    error = told.get("error")
    param = str(error.get("param") or "") if isinstance(error, dict) else ""
    if param == "size" and callers_size:
        return Rejected("parameter", "The engine does not draw this size.")
    if param in _OURS:
        return Refused("setup", f"the server does not take our {param}")
    if param.startswith(("image", "mask")):
        return Rejected("reference", "The engine could not use the reference images.")
    if "prompt" in param or (not param and _Said(told, prompt).matches(_CALLERS_MATTER)):
        return Rejected("parameter", "The engine does not take these parameters.")
    # It may be anything: a server that fails for everyone in this way must not be believed.
    return None


class _Said:
    """The text of an error, in lower case; never shown to anyone.

    Its codes and its type are the server's own words. Its message may quote the prompt, complete or
    truncated, plain or escaped: words that are also in the prompt decide nothing there.
    """

    def __init__(self, told: Mapping[str, Any], prompt: str) -> None:
        error = told.get("error", told)
        if not isinstance(error, dict):
            error = {"message": error}
        self._codes = " ".join(str(error.get(key) or "") for key in ("code", "type")).lower()
        self._message = str(error.get("message") or "").lower()
        self._prompt = _letters(prompt)

    def any_of(self, words: Iterable[str]) -> bool:
        """Return whether any of these words is in it."""
        return any(word in self._codes or self._is_own(word) for word in words)

    def matches(self, pattern: re.Pattern[str]) -> bool:
        """Return whether codes or message match, without the prompt's words."""
        if pattern.search(self._codes):
            return True
        return any(
            _letters(found[0]) not in self._prompt for found in pattern.finditer(self._message)
        )

    def _is_own(self, word: str) -> bool:
        return word in self._message and _letters(word) not in self._prompt


def _letters(text: str) -> str:
    return _NO_LETTERS.sub("", text.lower())
