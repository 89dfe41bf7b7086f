"""Who may call: authenticates every request to the drawing endpoints.

Their blueprints run ``let_in`` before each view, so that none can forget it.
"""

from __future__ import annotations

from typing import cast

from flask import Response, g, request

from api.access.session import session_of_call
from api.house import house
from limner.client import Admission, Client, Pace
from limner.errors import LaneNotAllowed, TokenRejected, TooFast
from limner.peer import source_of
from limner.request import Lane
from limner.store.sessions import Holder


def let_in() -> None:
    """Identify the caller and count the request; for ``before_request``.

    Raises:
        TokenRejected, TokensSlowed, TooFast: as ``admit`` says.
    """
    admit(request.headers.get("token", "").strip() or bearer())


def let_in_or_page() -> None:
    """Do the same, and let in the console's own pages by their session; for ``before_request``.

    Raises:
        TokenRejected, TokensSlowed, TooFast: as ``admit`` says; or the session has ended, or is an operator's.
    """
    session = None if sends_token() else session_of_call()
    if session is None:
        let_in()
        return
    if session.kind is not Holder.CLIENT:
        raise TokenRejected("This session is an operator's: enter with a client's token to draw.")
    _counted(house().door.admit_session(session, source_of(request.remote_addr)))


def admit(token: str) -> None:
    """Identify the caller by a token, wherever its protocol puts it, and count the request.

    Raises:
        TokenRejected: the token is missing or unknown.
        TokensSlowed: it is unknown, and the caller's address has sent too many such tokens.
        TooFast: the client has used up its request rate.
    """
    if not token:
        raise TokenRejected("Send your token in the header `token` or as a bearer token.")
    _counted(house().door.admit(token, source_of(request.remote_addr)))


def _counted(admission: Admission) -> None:
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


def sends_token() -> bool:
    """Return whether the request has a token, right or wrong."""
    return bool(request.headers.get("token", "").strip() or bearer())


def bearer() -> str:
    """Return the request's bearer token; "" if there is none."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
