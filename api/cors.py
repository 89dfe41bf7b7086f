"""Let pages of other origins call a face from a browser; tokens are sent by hand, so no cookie is at stake."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, request

_DAY_S = 86_400


def allow_browsers(blueprint: Blueprint) -> None:
    """Answer preflight requests below ``blueprint``'s addresses, and let pages read its answers.

    Call it before the blueprint's ``before_request`` asks for a token: a preflight request has none.
    """
    blueprint.before_request(_preflight)
    blueprint.after_request(readable)


def _preflight() -> Response | None:
    if request.method != "OPTIONS":
        return None
    response = Response(status=HTTPStatus.NO_CONTENT)
    rule = request.url_rule
    response.headers["Access-Control-Allow-Methods"] = (
        ", ".join(sorted(rule.methods or ())) if rule else ""
    )
    asked = request.headers.get("Access-Control-Request-Headers")
    response.headers["Access-Control-Allow-Headers"] = asked or "authorization, content-type"
    response.headers["Access-Control-Max-Age"] = str(_DAY_S)
    return response


def readable(response: Response) -> Response:
    """Let a page of any origin read ``response``."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "x-request-id, retry-after"
    return response
