"""Answer requests that gunicorn cannot parse, in the one shape; used by ``api/server/worker.py``.

Neither the response nor the log quotes what was sent: it may contain a token.
"""

from __future__ import annotations

from http import HTTPStatus

from gunicorn.http import errors

from api.answer import PRIVATE
from api.refusal import code_of, refusal_body

_BAD = HTTPStatus.BAD_REQUEST
_PROXY = (
    "The headers that a proxy adds contradict each other or the path: X-Forwarded-Proto, "
    "X-Forwarded-Protocol, X-Forwarded-Ssl, SCRIPT_NAME."
)
#: gunicorn's error → status and sentence; the first class that fits counts
_ANSWERS: tuple[tuple[type[Exception], HTTPStatus, str], ...] = (
    (errors.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG, "The address is too long."),
    (
        errors.LimitRequestHeaders,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The request has too many headers, or too long ones.",
    ),
    (
        errors.UnsupportedTransferCoding,
        HTTPStatus.NOT_IMPLEMENTED,
        "The body may be sent in chunks, and in no other transfer coding.",
    ),
    (
        errors.ExpectationFailed,
        HTTPStatus.EXPECTATION_FAILED,
        "The only supported Expect is 100-continue.",
    ),
    (
        errors.InvalidHTTPVersion,
        HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
        "The gateway supports only HTTP/1.1.",
    ),
    (errors.InvalidRequestLine, _BAD, "The first line of the request is malformed."),
    (errors.InvalidSchemeHeaders, _BAD, _PROXY),
    (errors.ConfigurationProblem, _BAD, _PROXY),
    (errors.InvalidRequestMethod, _BAD, "The method is not a valid HTTP method."),
    # These two come from the application's own response: not the caller's fault.
    (errors.InvalidResponseHeader, HTTPStatus.INTERNAL_SERVER_ERROR, ""),
    (errors.InvalidResponseHeaderName, HTTPStatus.INTERNAL_SERVER_ERROR, ""),
    (errors.InvalidHeader, _BAD, "A header of the request is malformed."),
    (errors.InvalidHeaderName, _BAD, "A header of the request is malformed."),
    (errors.ParseException, _BAD, "The request is malformed."),
)
_OURS = "Something went wrong in the gateway."


def status_of(error: Exception) -> tuple[HTTPStatus, str]:
    """Return the status and the sentence for ``error``."""
    for kind, status, sentence in _ANSWERS:
        if isinstance(error, kind):
            return status, sentence or _OURS
    return HTTPStatus.INTERNAL_SERVER_ERROR, _OURS


def is_the_proxys(error: Exception) -> bool:
    """Return whether a misconfigured proxy is to blame, which only its operator can fix."""
    return isinstance(error, (errors.InvalidSchemeHeaders, errors.ConfigurationProblem))


def head_and_body(status: HTTPStatus, sentence: str) -> tuple[bytes, bytes]:
    """Return the raw response; the connection closes after it."""
    body = refusal_body(status, code_of(status), sentence).encode()
    headers = {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **PRIVATE,
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode(), body
