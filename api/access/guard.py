"""Who may call: authenticates every request to the drawing endpoints.

Their blueprints run ``let_in`` before each view, so that none can forget it.
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
    """Identify the caller and count the request; for ``before_request``.

    Raises:
        TokenRejected, TokensSlowed, TooFast: as ``admit`` says.
    """
    admit(request.headers.get("token", "").strip() or bearer())


def admit(token: str) -> None:
    """Identify the caller by a token, wherever its protocol puts it, and count the request.

    Raises:
        TokenRejected: the token is missing or unknown.
        TokensSlowed: it is unknown, and the caller's address has sent too many such tokens.
        TooFast: the client has used up its request rate.
    """
    if not token:
        raise TokenRejected("Send your token in the header `token` or as a bearer token.")
    admission = house().door.admit(token, source_of(request.remote_addr))
    g.client, g.pace = admission.client, admission.pace
    if admission.wait_s:
        raise TooFast(admission.wait_s)


def tell_pace(response: Response) -> Response:
    """Add the caller's rate-limit headers, if it has a rate; for ``after_request``.

    Source: draft-ietf-httpapi-ratelimit-headers-10.
    """
    pace: Pace | None = g.get("pace")
    if pace:
        response.headers["RateLimit-Policy"] = f'"client";q={pace.most};w={pace.window_s}'
        response.headers["RateLimit"] = f'"client";r={pace.left};t={pace.back_s}'
    return response


def caller() -> Client:
    """Return the client that sent this request."""
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
