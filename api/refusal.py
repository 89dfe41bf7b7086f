"""The one JSON shape of every refusal of the gateway's own."""

from __future__ import annotations

import json
import math

from flask import Response

from limner.errors import FieldErrors


def refusal(
    status: int,
    message: str,
    fields: FieldErrors | None = None,
    retry_after_s: float | None = None,
) -> Response:
    """Return a response in the one shape."""
    body = refusal_body(status, message, fields)
    response = Response(body, int(status), mimetype="application/json")
    tell_when(response, retry_after_s)
    return response


def refusal_body(status: int, message: str, fields: FieldErrors | None = None) -> str:
    """Return the one shape as JSON."""
    return json.dumps({"statusCode": int(status), "message": message, "errors": fields or {}})


def tell_when(response: Response, retry_after_s: float | None) -> None:
    """Say when a retry makes sense, if that is known."""
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
