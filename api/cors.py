"""Let pages of other origins call a face from a browser; tokens are sent by hand, so no cookie is at stake.

Other people's protocols are open to every page, as their servers are. The gateway's own is open to those that
the operator names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import MethodNotAllowed

_DAY_S = 86_400
_EXPOSED = "x-request-id, retry-after, ratelimit, ratelimit-policy, idempotent-replayed"


def allow_browsers(blueprint: Blueprint) -> None:
    """Answer preflight requests below ``blueprint``'s addresses, and let pages read its answers.

    Call it before the blueprint's ``before_request`` asks for a token: a preflight request has none.
    """
    blueprint.before_request(_preflight)
    blueprint.after_request(readable)


def allow_pages_of(app: Flask, origins: Sequence[str], paths: re.Pattern[str]) -> None:
    """Let pages of these origins call the addresses that ``paths`` matches, from their beginning."""

    def theirs() -> bool:
        return request.headers.get("Origin") in origins and bool(paths.match(request.path))

    def preflight() -> Response | None:
        nothing = request.routing_exception
        # No view takes OPTIONS itself.
        if request.method != "OPTIONS" or not isinstance(nothing, MethodNotAllowed):
            return None
        return _allowing(nothing.valid_methods or ()) if theirs() else None

    def shown(response: Response) -> Response:
        if paths.match(request.path):
            response.headers.add("Vary", "Origin")
        if theirs():
            readable(response, request.headers["Origin"])
        return response

    app.before_request(preflight)
    app.after_request(shown)


def _preflight() -> Response | None:
    if request.method != "OPTIONS":
        return None
    rule = request.url_rule
    return _allowing((rule.methods or ()) if rule else ())


def _allowing(methods: Iterable[str]) -> Response:
    response = Response(status=HTTPStatus.NO_CONTENT)
    response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(methods))
    asked = request.headers.get("Access-Control-Request-Headers")
    response.headers["Access-Control-Allow-Headers"] = asked or "authorization, content-type"
    response.headers["Access-Control-Max-Age"] = str(_DAY_S)
    return response


def readable(response: Response, origin: str = "*") -> Response:
    """Let a page of that origin read ``response``, or of any."""
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    return response
