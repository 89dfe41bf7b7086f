"""What a face is to the API: its addresses, its views, the shape of its errors; see ``api/faces/``.

``create_app`` registers those that are served; ``api/errors.py`` asks the one whose address it is how to say no.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from flask import Blueprint, Flask, Response, current_app

from limner.errors import FieldErrors
from limner.refusals import RefusalCode
from limner.settings import Settings

EXTENSION = "limner.faces"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not served, whatever the face."""

    #: of HTTP, as the gateway's own API answers it
    status: int
    #: what a program goes by
    code: RefusalCode
    #: a sentence
    message: str
    #: field name on the wire → its errors
    fields: FieldErrors
    retry_after_s: float | None
    #: what was raised: a ``LimnerError``, one of werkzeug's, or anything
    error: Exception


@dataclass(frozen=True, slots=True)
class Face:
    """One protocol that the gateway speaks."""

    #: one of ``limner.faces.FACES``
    name: str
    blueprints: Sequence[Blueprint]
    #: matches, from their beginning, the paths that are this face's, also those where it has nothing
    paths: re.Pattern[str]
    #: says no in the face's own shape; ``create_app`` adds what every refusal has in its headers
    refuse: Callable[[Refusal], Response]
    #: returns the OpenAPI document for a base URL and a version; None: its protocol has no HTTP shapes
    document: Callable[[str, str], dict[str, Any]] | None = None
    #: what its callers call the words to draw, and those for what must not be there
    words: tuple[str, str] = ("promptEn", "negative")
    #: pages of other origins may call it (``api/cors.py``), and read where it has nothing, too
    open_to_pages: bool = False
    #: what its callers call a field of the domain, if not as the gateway's own do
    names: Mapping[str, str] = field(default_factory=dict)


def served_faces(settings: Settings) -> tuple[Face, ...]:
    """Return the faces that are served."""
    return tuple(import_module(f"api.faces.{name}").FACE for name in settings.served_faces)


def face_at(app: Flask, path: str) -> Face | None:
    """Return the face whose address ``path`` is, if it is one's."""
    faces: Sequence[Face] = app.extensions[EXTENSION]
    return next((face for face in faces if face.paths.match(path)), None)


def face_named(name: str) -> Face | None:
    """Return the face of that name, if the app that serves this request serves it."""
    faces: Sequence[Face] = current_app.extensions[EXTENSION]
    return next((face for face in faces if face.name == name), None)
