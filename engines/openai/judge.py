"""What an OpenAI-style error means: whose fault it is, and whether it may pass; pure.

Source: OpenAI's error guide, ``{"error": {"message", "type", "param", "code"}}``. Other servers send
``{"error": "text"}``, or their own codes; so words are looked at where codes say nothing. A LiteLLM
proxy (1.108 was run) puts the status in ``code`` and what it knows into ``message``; it says 400 also
where it has no such model, no database to look the key up in, or no server behind it that is well. So a
400 is the caller's only if it says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
#: a message that says so of one model by its name
_NO_MODEL = re.compile(
    r"\bmodel:?\s+\S{1,100}\s+"
    r"(?:does not exist|(?:(?:is|was|has been)\s+)?(?:not found|not supported|deprecated))"
)
_VERDICT = r"(?:too (?:long|short|large)|invalid|not allowed|required|is empty|must|exceeds|at most|maximum|limit)"
#: texts that speak of what the caller wants, where no field is named. The bare word is not enough:
#: servers have prompts of their own.
_CALLERS_MATTER = re.compile(
    rf"\bprompt\b.{{0,60}}\b{_VERDICT}|\b{_VERDICT}.{{0,40}}\bprompt\b|image_generation_user_error"
)
_NO_LETTERS = re.compile(r"[\W_]+")
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


def _of_parameter(told: Mapping[str, Any], prompt: str) -> EngineError | None:
    error = told.get("error")
    param = str(error.get("param") or "") if isinstance(error, dict) else ""
    if param in _OURS:
        return Refused("setup", f"the server does not take our {param}")
    if param.startswith(("image", "mask")):
        return Rejected("reference", "The engine could not use the reference images.")
    if "prompt" in param or (not param and _Said(told, prompt).matches(_CALLERS_MATTER)):
        return Rejected("parameter", "The engine does not take these parameters.")
    # It may be anything: a server that fails so for everyone must not be taken at its word.
    return None


class _Said:
    """What an error says, in lower case; never shown to anyone.

    Its codes and its type are the server's own words. Its message may repeat the prompt, whole or cut,
    plain or escaped: what the prompt says, too, decides nothing there.
    """

    def __init__(self, told: Mapping[str, Any], prompt: str) -> None:
        error = told.get("error", told)
        if not isinstance(error, dict):
            error = {"message": error}
        self._codes = " ".join(str(error.get(key) or "") for key in ("code", "type")).lower()
        self._message = str(error.get("message") or "").lower()
        self._prompt = _letters(prompt)

    def any_of(self, words: Iterable[str]) -> bool:
        """Return whether one of these words decides."""
        return any(word in self._codes or self._is_own(word) for word in words)

    def matches(self, pattern: re.Pattern[str]) -> bool:
        """Return whether codes or message match, with words that are not the prompt's."""
        if pattern.search(self._codes):
            return True
        return any(
            _letters(found[0]) not in self._prompt for found in pattern.finditer(self._message)
        )

    def _is_own(self, word: str) -> bool:
        return word in self._message and _letters(word) not in self._prompt


def _letters(text: str) -> str:
    return _NO_LETTERS.sub("", text.lower())
