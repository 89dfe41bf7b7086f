"""Load a multipart form: its fields and its files, in memory and within the bounds of every body."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from api.access.guard import caller
from api.body import BODY_MAX_BYTES, PIECE_BYTES, received
from api.house import house
from limner.errors import BodyTooLarge, WrongContentType

#: fields and files of one form
PARTS_MAX = 200
MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class File:
    """One file of a form, with what its sender says of it."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A form's fields and files; each name may come several times."""

    fields: dict[str, list[str]]
    files: dict[str, list[File]]


def form() -> Form:
    """Return the form that the request's body holds.

    Raises:
        WrongContentType, WrongEncoding: its headers declare something else.
        BodyBroken, BodyTooLarge, BodyTooSlow: as for other bodies. What is no form has no fields.
    """
    if request.mimetype != MULTIPART:
        raise WrongContentType(f"The body must be {MULTIPART}.")
    with house().bodies.hold(caller().name, PIECE_BYTES) as held:
        data = received(held)
        parser = FormDataParser(
            stream_factory=lambda *_sizes, **_told: BytesIO(),
            max_form_memory_size=BODY_MAX_BYTES,
            max_form_parts=PARTS_MAX,
            silent=True,
        )
        try:
            _, fields, files = parser.parse(
                BytesIO(data), request.mimetype, len(data), request.mimetype_params
            )
        except RequestEntityTooLarge:
            raise BodyTooLarge(f"A form has at most {PARTS_MAX} parts.") from None
    return Form(
        {name: fields.getlist(name) for name in fields},
        {
            name: [
                File(one.filename or "", one.mimetype or "", one.stream.read())
                for one in files.getlist(name)
            ]
            for name in files
        },
    )
