"""Who may call: every request to the drawing endpoints passes here first.

The blueprints of ``draw`` and ``jobs`` put ``let_in`` before all their views, so none can forget it.
"""

from __future__ import annotations

from typing import cast

from flask import Response, g, request

from api.house import house
from limner.client import Client, Pace
from limner.errors import LaneNotAllowed, TokenRejected, TooFast
from limner.peer import source_of
from limner.request import Lane


def let_in() -> None:
    """Find out who calls and count the request; for ``before_request``.

    Raises:
        TokenRejected: there is no token, or nobody holds it.
        TokensSlowed: nobody holds it, and the caller's address has sent too many such tokens.
        TooFast: the client's rate allows no request yet.
    """
    token = request.headers.get("token", "").strip() or bearer()
    if not token:
        raise TokenRejected("Send your token in the header `token` or as a bearer token.")
    admission = house().door.admit(token, source_of(request.remote_addr))
    g.client, g.pace = admission.client, admission.pace
    if admission.wait_s:
        raise TooFast(admission.wait_s)


def tell_pace(response: Response) -> Response:
    """Say how the caller's rate stands, if it has one; for ``after_request``.

    Source: draft-ietf-httpapi-ratelimit-headers-10.
    """
    pace: Pace | None = g.get("pace")
    if pace:
        response.headers["RateLimit-Policy"] = f'"client";q={pace.most};w={pace.window_s}'
        response.headers["RateLimit"] = f'"client";r={pace.left};t={pace.back_s}'
    return response


def caller() -> Client:
    """Return who calls."""
    return cast("Client", g.client)


def check_lane(client: Client, lane: Lane) -> None:
    """Return if ``client`` may use ``lane``.

    Raises:
        LaneNotAllowed: it may not.
    """
    if lane not in client.lanes:
        raise LaneNotAllowed(f"This client may not use the {lane} lane.")


def bearer() -> str:
    """Return the request's bearer token; "" if there is none."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
