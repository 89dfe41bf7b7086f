"""The one JSON shape of every refusal and failure; ``create_app`` registers it.

No HTML and no traceback ever reaches a caller: an unexpected exception is logged and answered with a bare 500.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
from collections.abc import Mapping
from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from api.encoding import CODINGS
from api.house import house
from limner import errors
from limner.log import event

log = logging.getLogger(__name__)

STORE_RETRY_AFTER_S = 5.0
#: a disk is freed by jobs that end, and by operators
DISK_RETRY_AFTER_S = 60.0

STATUS_CODES: Mapping[type[errors.RequestError], HTTPStatus] = {
    errors.NotJson: HTTPStatus.BAD_REQUEST,
    errors.BodyBroken: HTTPStatus.BAD_REQUEST,
    errors.TokenRejected: HTTPStatus.UNAUTHORIZED,
    errors.LaneNotAllowed: HTTPStatus.FORBIDDEN,
    errors.NotForStrangers: HTTPStatus.FORBIDDEN,
    errors.RoleTooLow: HTTPStatus.FORBIDDEN,
    errors.JobNotFound: HTTPStatus.NOT_FOUND,
    errors.PictureNotFound: HTTPStatus.NOT_FOUND,
    errors.IdempotencyConflict: HTTPStatus.CONFLICT,
    errors.JobConflict: HTTPStatus.CONFLICT,
    errors.ParentGone: HTTPStatus.GONE,
    errors.BodyTooSlow: HTTPStatus.REQUEST_TIMEOUT,
    errors.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.WrongContentType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.WrongEncoding: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooFast: HTTPStatus.TOO_MANY_REQUESTS,
    errors.TooManyAtOnce: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Crowded: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.WaitingFull: HTTPStatus.TOO_MANY_REQUESTS,
    errors.BudgetSpent: HTTPStatus.TOO_MANY_REQUESTS,
    errors.InlineFull: HTTPStatus.TOO_MANY_REQUESTS,
    errors.TokensSlowed: HTTPStatus.TOO_MANY_REQUESTS,
}
#: our sentences in place of werkzeug's long ones
_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take {method}.",
    413: "The body is too large.",
}


def register(app: Flask) -> None:
    """Make ``app`` answer every error in the one shape."""
    app.register_error_handler(errors.RequestError, _refused)
    app.register_error_handler(errors.StoreDown, _store_down)
    app.register_error_handler(errors.ImagesDown, _images_down)
    app.register_error_handler(errors.DiskFull, _disk_full)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)


def refusal(
    status: int,
    message: str,
    fields: errors.FieldErrors | None = None,
    retry_after_s: float | None = None,
) -> Response:
    """Return a response in the one shape."""
    body = refusal_body(status, message, fields)
    response = Response(body, int(status), mimetype="application/json")
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
    return response


def refusal_body(status: int, message: str, fields: errors.FieldErrors | None = None) -> str:
    """Return the one shape as JSON."""
    return json.dumps({"statusCode": int(status), "message": message, "errors": fields or {}})


def _refused(error: errors.RequestError) -> Response:
    status = STATUS_CODES[type(error)]
    response = refusal(status, error.message, error.errors, error.retry_after_s)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.WrongEncoding):
        response.headers["Accept-Encoding"] = ", ".join(CODINGS)
    return response


def _store_down(error: errors.StoreDown) -> Response:
    event(log, "store.missed", level=logging.WARNING, path=request.path, why=error.message)
    message = "The gateway cannot reach its store. Try again soon."
    return refusal(HTTPStatus.SERVICE_UNAVAILABLE, message, retry_after_s=STORE_RETRY_AFTER_S)


def _images_down(error: errors.ImagesDown) -> Response:
    event(log, "images.missed", level=logging.WARNING, path=request.path, why=error.message)
    message = "The gateway cannot reach its pictures. Try again soon."
    return refusal(HTTPStatus.SERVICE_UNAVAILABLE, message, retry_after_s=STORE_RETRY_AFTER_S)


def _disk_full(error: errors.DiskFull) -> Response:
    event(log, "images.missed", level=logging.WARNING, path=request.path, why=error.message)
    with contextlib.suppress(errors.StoreDown):
        house().store.numbers.count("refused", "disk_full")
    message = "The gateway has no room for more pictures now. Try again later."
    return refusal(HTTPStatus.INSUFFICIENT_STORAGE, message, retry_after_s=DISK_RETRY_AFTER_S)


def _http(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    sentence = _SENTENCES.get(status, f"{error.name}.")
    response = refusal(status, sentence.format(method=request.method))
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after", "content-range"):
            response.headers[name] = value
    return response


def _unforeseen(error: Exception) -> Response:
    event(
        log,
        "request.broke",
        level=logging.ERROR,
        error=True,
        method=request.method,
        path=request.path,
        kind=type(error).__name__,
    )
    return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong in the gateway.")
