"""POST ``imagine``, ``origin/imagine``, ``blend`` and ``describe``: ask for a drawing; see docs/api.md."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from api.accept import accept
from api.access import guard
from api.answer import answer
from api.body import Reader, asked
from api.choices import plan_of
from limner.request import Request
from schemas.limner.imagine import BlendSchema, DescribeSchema, ImagineSchema, OriginImagineSchema
from schemas.limner.job import job_body
from schemas.limner.shapes import plan_body

draw = Blueprint("draw", __name__, url_prefix="/draw/midjourney")
draw.before_request(guard.let_in_or_page)

_IMAGINE = ImagineSchema()
_ORIGIN_IMAGINE = OriginImagineSchema()
_BLEND = BlendSchema()
_DESCRIBE = DescribeSchema()


@draw.post("/imagine")
def imagine() -> Response:
    """Draw a prompt with parameters."""
    return _drawn(_IMAGINE)


@draw.post("/origin/imagine")
def origin_imagine() -> Response:
    """Draw a prompt as written, with the flags in its text."""
    return _drawn(_ORIGIN_IMAGINE)


@draw.post("/blend")
def blend() -> Response:
    """Draw one picture out of two to five."""
    return _drawn(_BLEND)


@draw.post("/describe")
def describe() -> Response:
    """Find four prompts for a picture."""
    return _drawn(_DESCRIBE)


def _drawn(schema: Reader[Request]) -> Response:
    """Accept what the body asks for, or only tell what would be done."""
    request, key = asked(schema)
    if request.dry_run:
        return answer(plan_body(plan_of(request)))
    return answer(job_body(accept(request, key)), HTTPStatus.ACCEPTED)
