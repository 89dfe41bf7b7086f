"""Every refusal and failure, in the shape of the face at whose address it happened; ``create_app`` registers it.

No HTML and no traceback ever reaches a caller: an unexpected exception is logged and answered with a bare 500.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from http import HTTPStatus

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from api.cors import readable
from api.encoding import CODINGS
from api.face import Refusal, face_at
from api.house import house
from api.peer import NOBODY_READS, HungUp
from api.refusal import code_of, refusal, tell_when
from limner import errors
from limner.forbidden import ModerationDown, WordsForbidden
from limner.log import event
from limner.refusals import RefusalCode

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
    errors.FaceNotServed: HTTPStatus.NOT_FOUND,
    errors.ModelNotFound: HTTPStatus.NOT_FOUND,
    errors.IdempotencyConflict: HTTPStatus.CONFLICT,
    errors.JobConflict: HTTPStatus.CONFLICT,
    errors.ParentGone: HTTPStatus.GONE,
    errors.BodyTooSlow: HTTPStatus.REQUEST_TIMEOUT,
    errors.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.WrongContentType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.WrongEncoding: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    WordsForbidden: HTTPStatus.UNPROCESSABLE_ENTITY,
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
    app.register_error_handler(HungUp, _unread)
    app.register_error_handler(errors.StoreDown, _store_down)
    app.register_error_handler(errors.ImagesDown, _images_down)
    app.register_error_handler(ModerationDown, _moderation_down)
    app.register_error_handler(errors.DiskFull, _disk_full)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)


def _said(
    error: Exception,
    status: int,
    code: RefusalCode,
    message: str,
    retry_after_s: float | None = None,
) -> Response:
    """Return the refusal in the shape of the face at this address."""
    fields = error.errors if isinstance(error, errors.RequestError) else {}
    face = face_at(current_app, request.path)
    if face is None:
        return refusal(status, code, message, fields, retry_after_s)
    response = face.refuse(Refusal(int(status), code, message, fields, retry_after_s, error))
    tell_when(response, retry_after_s)
    # Where no view was found, no blueprint does it.
    return readable(response) if face.open_to_pages else response


def _refused(error: errors.RequestError) -> Response:
    status = STATUS_CODES[type(error)]
    response = _said(error, status, error.code, error.message, error.retry_after_s)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.WrongEncoding):
        response.headers["Accept-Encoding"] = ", ".join(CODINGS)
    return response


def _unread(_error: HungUp) -> Response:
    return Response(status=NOBODY_READS)


def _store_down(error: errors.StoreDown) -> Response:
    event(log, "store.missed", level=logging.WARNING, path=request.path, why=error.message)
    return _said(error, HTTPStatus.SERVICE_UNAVAILABLE, error.code, error.told, STORE_RETRY_AFTER_S)


def _images_down(error: errors.ImagesDown) -> Response:
    event(log, "images.missed", level=logging.WARNING, path=request.path, why=error.message)
    message = "The gateway cannot reach its pictures. Try again soon."
    code = RefusalCode.PICTURES_DOWN
    return _said(error, HTTPStatus.SERVICE_UNAVAILABLE, code, message, STORE_RETRY_AFTER_S)


def _moderation_down(error: ModerationDown) -> Response:
    code = RefusalCode.MODERATION_DOWN
    return _said(error, HTTPStatus.SERVICE_UNAVAILABLE, code, error.message, STORE_RETRY_AFTER_S)


def _disk_full(error: errors.DiskFull) -> Response:
    event(log, "images.missed", level=logging.WARNING, path=request.path, why=error.message)
    with contextlib.suppress(errors.StoreDown):
        house().store.numbers.count("refused", "disk_full")
    message = "The gateway has no room for more pictures now. Try again later."
    code = RefusalCode.DISK_FULL
    return _said(error, HTTPStatus.INSUFFICIENT_STORAGE, code, message, DISK_RETRY_AFTER_S)


def _http(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    sentence = _SENTENCES.get(status, f"{error.name}.")
    response = _said(error, status, code_of(status), sentence.format(method=request.method))
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
    message = "Something went wrong in the gateway."
    code = RefusalCode.INTERNAL_ERROR
    return _said(error, HTTPStatus.INTERNAL_SERVER_ERROR, code, message)
