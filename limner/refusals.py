"""Why a request is refused: a code for programs, ``code`` on the wire, and what a caller can do.

The only list of them: ``limner/errors.py`` gives each error its code, ``api/errors.py`` adds those of HTTP itself,
the OpenAPI document lists them, and docs/api.md says the same. Codes are promises to callers: add one
rather than change one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class RefusalCode(StrEnum):
    """A refusal's code; ``advice`` is what a program, or its author, does about it."""

    advice: str

    # The request itself, or its sender.
    BAD_REQUEST = "bad_request", "Send valid HTTP."
    NOT_JSON = "not_json", "Send a JSON object."
    BODY_BROKEN = "body_broken", "Send the body whole, as its headers announce it."
    BODY_TOO_SLOW = "body_too_slow", "Send it again, faster, or send pictures by URL."
    BODY_TOO_LARGE = "body_too_large", "Send less: pictures by URL, or smaller ones."
    WRONG_CONTENT_TYPE = "wrong_content_type", "Send the type that `message` names."
    WRONG_ENCODING = "wrong_encoding", "Compress by gzip or deflate, or not at all."
    METHOD_NOT_ALLOWED = "method_not_allowed", "Use a method that `Allow` lists."
    INVALID_REQUEST = "invalid_request", "Correct the fields that `errors` names."
    WORDS_FORBIDDEN = "words_forbidden", "Ask for something else: `errors` names the field."
    TOKEN_REJECTED = "token_rejected", "Send a valid token."
    LANE_NOT_ALLOWED = "lane_not_allowed", "Use the other lane, or ask the operator for this one."
    NOT_FOR_STRANGERS = "not_for_strangers", "Send the token that the operator has set."
    ROLE_TOO_LOW = "role_too_low", "Ask for a role that may change things."
    # What it is about.
    NOT_FOUND = "not_found", "Look at the address."
    JOB_NOT_FOUND = (
        "job_not_found",
        "Look at the id or tag: a job is its own client's, and kept for a while only.",
    )
    PICTURE_NOT_FOUND = "picture_not_found", "It was deleted, or there never was one."
    FACE_NOT_SERVED = "face_not_served", "Ask the operator to serve that protocol."
    MODEL_NOT_FOUND = "model_not_found", "Use a model that is listed."
    JOB_CONFLICT = (
        "job_conflict",
        "Look at the job first: `message` says what its state does not allow.",
    )
    NOT_DONE = "not_done", "Wait until the job is done."
    NOT_FAILED = "not_failed", "Only a failed job is submitted again."
    ALREADY_ENDED = "already_ended", "Nothing: the job ended before."
    ALREADY_USED = "already_used", "Nothing: that button works once, and did."
    NO_SUCH_CELL = "no_such_cell", "Name one of the job's pictures."
    NO_ENGINE = "no_engine", "Ask for less, or ask the operator for an engine that can."
    NO_CALLBACK_URL = "no_callback_url", "Give the job, or the client, a callback URL."
    PARENT_GONE = "parent_gone", "Draw it anew: its pictures have been deleted."
    IDEMPOTENCY_CONFLICT = "idempotency_conflict", "Use a new key for a new body."
    # How much is asked for.
    TOO_FAST = "too_fast", "Send again after `Retry-After`, and slower."
    TOO_MANY_AT_ONCE = "too_many_at_once", "Send again after `Retry-After`, and less at once."
    WAITING_FULL = "waiting_full", "Send again after `Retry-After`, when jobs have ended."
    BUDGET_SPENT = "budget_spent", "Send again after `Retry-After`, or ask for a larger budget."
    INLINE_FULL = "inline_full", "Send again when jobs have ended, or send pictures by URL."
    TOKENS_SLOWED = "tokens_slowed", "Send a valid token: it is accepted at any time."
    # The gateway.
    CROWDED = "crowded", "Send again after `Retry-After`."
    NOT_READY = (
        "not_ready",
        "Wait: the gateway is starting, stopping, or lacks what `message` names.",
    )
    STORE_DOWN = "store_down", "Send again after `Retry-After`, with the same Idempotency-Key."
    TOO_FEW_REPLICAS = (
        "too_few_replicas",
        "Send again after `Retry-After`: the job was not accepted.",
    )
    JOB_IN_DOUBT = (
        "job_in_doubt",
        "Look the job up by the id in `message`, or send the same key again.",
    )
    MODERATION_DOWN = "moderation_down", "Send again after `Retry-After`."
    PICTURES_DOWN = "pictures_down", "Send again after `Retry-After`."
    DISK_FULL = "disk_full", "Send again after `Retry-After`, or send pictures by URL."
    INTERNAL_ERROR = "internal_error", "Tell the operator, and when it was: it is in the log."

    def __new__(cls, code: str, advice: str) -> Self:
        """Make a member whose value is its code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.advice = advice
        return member
