"""POST ``imagine`` and ``origin/imagine``: ask for a drawing; see docs/api.md."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from api.accept import accept
from api.access import guard
from api.answer import answer
from api.body import asked
from schemas.limner.imagine import ImagineSchema, OriginImagineSchema
from schemas.limner.job import job_body

draw = Blueprint("draw", __name__, url_prefix="/draw/midjourney")
draw.before_request(guard.let_in)

_IMAGINE = ImagineSchema()
_ORIGIN_IMAGINE = OriginImagineSchema()


@draw.post("/imagine")
def imagine() -> Response:
    """Draw a prompt with parameters."""
    return answer(job_body(accept(*asked(_IMAGINE))), HTTPStatus.ACCEPTED)


@draw.post("/origin/imagine")
def origin_imagine() -> Response:
    """Draw a prompt as written, with the flags in its text."""
    return answer(job_body(accept(*asked(_ORIGIN_IMAGINE))), HTTPStatus.ACCEPTED)
