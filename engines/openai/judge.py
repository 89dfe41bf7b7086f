"""What an OpenAI-style error means: whose fault it is, and whether it is temporary; pure functions.

Source: OpenAI's error guide, ``{"error": {"message", "type", "param", "code"}}``. Other servers send
``{"error": "text"}``, with a code beside it (xAI), in a list (Google), or their own codes; so the words decide
if codes say nothing. OpenRouter's 403 is moderation if it says what was flagged. A LiteLLM proxy
(1.108 was run) puts the status in ``code`` and the details in ``message``; it returns 400 also if it
has no such model, no database to look up the key, or no healthy server behind it. So a 400 is the
caller's fault only if it says so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from engines.remote.failure import letters_of, says
from engines.remote.session import Answer
from limner.errors import BadResult, EngineBusy, EngineDown, EngineError, Refused, Rejected

_MODERATED = (
    "moderation_blocked",
    "content_policy",
    "content_filter",
    "safety system",
    "safety_violation",
    "sensitive content",
    "data_inspection_failed",
    # Ark: InputTextSensitiveContentDetected, OutputImage…
    "sensitivecontentdetected",
    "input was flagged",
    "nsfw",
)
_CREDIT = (
    "insufficient_quota",
    "billing_hard_limit",
    "billing_not_active",
    "insufficient balance",
    "budget_exceeded",
    "budget has been exceeded",
    "crossed budget",
    "accountoverdue",
    "balance is insufficient",
    "any credits",
    "available credits",
)
_CREDENTIALS = (
    "invalid_api_key",
    "incorrect api key",
    "authentication_error",
    "authentication error",
    "authenticationerror",
    "api key not valid",
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
    "invalidendpointormodel": "the server does not know the model",
    "modelnotopen": "the account has not opened the model",
    "no such model": "the server does not know the model",
    "model does not exist": "the server does not know the model",
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
_SIZES = ("size", "image_size", "aspect_ratio", "width", "height")
#: fields of a request that the operator's options decide, not the caller
_OURS = frozenset(
    [
        "model",
        "size",
        "image_size",
        "aspect_ratio",
        "width",
        "height",
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


def judge(
    answer: Answer, prompt: str = "", *, callers_size: bool = False, ours: Iterable[str] = ()
) -> EngineError | None:
    """Return the error for a response with a status of 400 or more, or None for the usual one.

    ``prompt`` is what was sent: if the server quotes it, its words decide nothing. ``callers_size``: the
    size is one that the caller asked for, and not the operator's matter. ``ours``: what else was sent beside
    the prompt, by its names.
    """
    told = _table_of(answer)
    known = judge_table(told, answer.retry_after_s, prompt)
    if known:
        return known
    if answer.status == 403 and _says_what_was_flagged(told):
        return Rejected("moderated", "The prompt or its picture was refused by moderation.")
    if answer.status in (404, 405):
        return Refused("setup", f"no such route or model (HTTP {answer.status})")
    if answer.status == 413:
        return Rejected("reference", "The reference images are too large for the engine.")
    if answer.status in (400, 415, 422):
        return _of_parameter(told, prompt, callers_size, {*_OURS, *ours})
    return None


def judge_question(answer: Answer) -> EngineError | None:
    """Judge a response to a request about the server itself: only its own words decide."""
    return judge_table(_table_of(answer), answer.retry_after_s)


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


def _table_of(answer: Answer) -> Mapping[str, Any]:
    told = answer.table()
    if told:
        return told
    try:
        listed = answer.json()
    except BadResult:
        return {}
    return listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}


def _says_what_was_flagged(told: Mapping[str, Any]) -> bool:
    error = told.get("error")
    about = error.get("metadata") if isinstance(error, dict) else None
    return isinstance(about, dict) and bool(about.get("reasons") or about.get("flagged_input"))


def _of_parameter(
    told: Mapping[str, Any], prompt: str, callers_size: bool, ours: Collection[str]
) -> EngineError | None:
    error = told.get("error")
    param = str(error.get("param") or "") if isinstance(error, dict) else ""
    if param in _SIZES and callers_size:
        return Rejected("parameter", "The engine does not draw this size.")
    if param in ours and "prompt" not in param:
        return Refused("setup", f"the server does not take our {param}")
    if param.startswith(("image", "mask", "input_reference")):
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
            error = {**told, "message": error}
        self._codes = " ".join(str(error.get(key) or "") for key in ("code", "type")).lower()
        self._message = str(error.get("message") or "").lower()
        self._prompt = letters_of(prompt)

    def any_of(self, words: Iterable[str]) -> bool:
        """Return whether any of these words is in it."""
        return any(word in self._codes or self._is_own(word) for word in words)

    def matches(self, pattern: re.Pattern[str]) -> bool:
        """Return whether codes or message match, without the prompt's words."""
        return bool(pattern.search(self._codes)) or says(self._message, pattern, self._prompt)

    def _is_own(self, word: str) -> bool:
        return word in self._message and letters_of(word) not in self._prompt
