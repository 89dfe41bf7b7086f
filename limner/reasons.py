"""Why a job fails: a code for programs, ``reasonCode`` on the wire, and a sentence for people.

The only list of them. Python imports them from here, the store's scripts get them when they are loaded
(``limner/store/domain.py``), the OpenAPI document lists the codes, and docs/api.md says what a caller
can do about each. Codes are promises to callers: add one rather than change one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """A reason code; ``sentence`` is the default text for people."""

    sentence: str

    # By the caller, or what the caller sent.
    CANCELLED = "cancelled", "The caller cancelled this job."
    DEADLINE_PASSED = "deadline_passed", "The deadline that the caller set has passed."
    MODERATED = "moderated", "The engine's moderation refused the prompt or its picture."
    PARAMETER = "parameter", "The engine does not take these parameters."
    REFERENCE = "reference", "A reference image cannot be used."
    # In the lane.
    NO_ENGINE = "no_engine", "No engine here can draw what this job asks for."
    WAITED_TOO_LONG = "waited_too_long", "No engine was free for this job in time."
    # At the engine.
    ENGINE_DOWN = "engine_down", "The engine cannot be reached."
    ENGINE_FAILED = "engine_failed", "The drawing engine could not draw."
    DRAWING_LOST = "drawing_lost", "The engine no longer knows this drawing."
    NO_PROGRESS = "no_progress", "The engine showed no progress for too long."
    TIMED_OUT = "timed_out", "The drawing took too long."
    OUT_OF_MEMORY = "out_of_memory", "The engine ran out of memory."
    BAD_RESULT = (
        "bad_result",
        "The engine's pictures are missing, broken, identical or of the wrong size.",
    )
    # In the gateway.
    WORKER_LOST = "worker_lost", "The workers that drew this job died."
    STORE_FAILED = "store_failed", "The pictures could not be stored."
    INTERNAL_ERROR = "internal_error", "Something went wrong inside the gateway."

    def __new__(cls, code: str, sentence: str) -> Self:
        """Make a member whose value is its code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member


#: the sentence of ``CANCELLED`` if it was not the caller
BY_OPERATOR = "The operator of the gateway cancelled this job."
#: the sentence of ``DRAWING_LOST`` if drawing it again would cost money again
PAID_FOR = "The drawing was lost after it had cost money."
