"""POST ``submit/imagine``, ``blend`` and ``describe``: ask for a drawing."""

from __future__ import annotations

from dataclasses import replace

from flask import Response

from api.accept import accept
from api.asking import new_tag
from api.body import idempotency, json_object
from api.faces.mjproxy.entry import lane_of
from api.faces.mjproxy.shown import shown
from schemas.mjproxy.answer import submitted_body
from schemas.mjproxy.asked import BlendBody, DescribeBody, ImagineBody

_IMAGINE = ImagineBody()
_BLEND = BlendBody()
_DESCRIBE = DescribeBody()


def imagine() -> Response:
    """Draw a prompt."""
    return _drawn(_IMAGINE)


def blend() -> Response:
    """Draw one picture out of two to five."""
    return _drawn(_BLEND)


def describe() -> Response:
    """Find four prompts for a picture."""
    return _drawn(_DESCRIBE)


def _drawn(schema: ImagineBody | BlendBody | DescribeBody) -> Response:
    body = json_object()
    asked = schema.read(body, new_tag())
    request = replace(asked.request, lane=lane_of(asked.lane))
    return shown(submitted_body(accept(request, idempotency(body))))
