"""The one JSON shape of every refusal of the gateway's own."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus

from flask import Response

from limner.errors import FieldErrors
from limner.refusals import RefusalCode

_OF_HTTP: Mapping[int, RefusalCode] = {
    HTTPStatus.NOT_FOUND: RefusalCode.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: RefusalCode.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: RefusalCode.BODY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: RefusalCode.WRONG_CONTENT_TYPE,
    # Unsupported transfer codings and versions of HTTP.
    HTTPStatus.NOT_IMPLEMENTED: RefusalCode.BAD_REQUEST,
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED: RefusalCode.BAD_REQUEST,
}


def refusal(
    status: int,
    code: RefusalCode,
    message: str,
    fields: FieldErrors | None = None,
    retry_after_s: float | None = None,
) -> Response:
    """Return a response in the one shape."""
    body = refusal_body(status, code, message, fields)
    response = Response(body, int(status), mimetype="application/json")
    tell_when(response, retry_after_s)
    return response


def refusal_body(
    status: int, code: RefusalCode, message: str, fields: FieldErrors | None = None
) -> str:
    """Return the one shape as JSON."""
    return json.dumps(
        {"statusCode": int(status), "code": code, "message": message, "errors": fields or {}}
    )


def code_of(status: int) -> RefusalCode:
    """Return the code of a refusal that HTTP itself asks for."""
    ours = RefusalCode.INTERNAL_ERROR if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
    return _OF_HTTP.get(status) or ours or RefusalCode.BAD_REQUEST


def tell_when(response: Response, retry_after_s: float | None) -> None:
    """Say when a retry makes sense, if that is known."""
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
