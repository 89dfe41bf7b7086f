"""The shape of a job's callbacks: that of the face through which the job came.

Asked for by the callback dispatcher, with the face's name from the job's record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from limner.faces import FACES, LIMNER
from limner.job import Job


@dataclass(frozen=True, slots=True)
class CallbackShape:
    """How a face tells of a job."""

    #: returns the body, ready for JSON, from the job at an event and the gateway's base URL
    body: Callable[[Job, str], dict[str, Any]]
    #: groups of fields that are set to null, one after the other, while the body is too long
    dispensable: tuple[tuple[str, ...], ...] = ()


@cache
def callback_shape(face: str) -> CallbackShape:
    """Return ``schemas.<face>.callback.SHAPE``, or the gateway's own if the face has none."""
    # A job of another release may name a face that this one does not know.
    name = face if face in FACES and find_spec(f"schemas.{face}.callback") else LIMNER
    shape: CallbackShape = import_module(f"schemas.{name}.callback").SHAPE
    return shape
