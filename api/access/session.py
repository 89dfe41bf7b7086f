"""Sessions of the console: whose a request's is, and when it counts for more than looking at a page.

The one place that decides it; used by the guards of the API and of ``/ops``, and by ``api/console``.

A browser sends a cookie whoever makes it ask. So a cookie alone only opens pages, which other sites cannot read.
A call to the API counts by its session if it also has a header that only our own pages know (``CSRF``), and which
no form can send; and a form must come from our own origin.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Response, g, request

from api.house import house
from limner.errors import TokenRejected
from limner.store.sessions import CSRF, KEPT_S, ConsoleSession, Entered, cookie_of, csrf_of

ENDED = "This session has ended. Enter again."


def session_here() -> ConsoleSession | None:
    """Return the session whose cookie the request has: enough for looking at a page, and for nothing else."""
    if "session" not in g:
        secret = _secret()
        g.session = house().store.sessions.find(secret) if secret else None
    found: ConsoleSession | None = g.session
    return found


def session_of_call() -> ConsoleSession | None:
    """Return the session by which a page of ours makes this call; None: no page of ours makes it.

    Raises:
        TokenRejected: the session has ended.
    """
    sent, secret = request.headers.get(CSRF, ""), _secret()
    if not sent or house().settings.console == "off" or not is_from_ourselves():
        return None
    if not secret or not hmac.compare_digest(sent.encode(), csrf_of(secret).encode()):
        raise TokenRejected(ENDED)
    session = session_here()
    if session is None:
        raise TokenRejected(ENDED)
    return session


def lasts() -> Callable[[], bool]:
    """Return what says whether the request's session still lasts, also beyond the request's context."""
    sessions, secret = house().store.sessions, _secret()
    return lambda: sessions.find(secret) is not None


def csrf() -> str:
    """Return what our pages send back to us to show that they are ours."""
    return csrf_of(_secret())


def is_from_ourselves() -> bool:
    """Return whether a page of our own origin makes this request, as far as its browser says."""
    # A page cannot set either header. Browsers leave out the first one over plain HTTP.
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return site == "same-origin"
    if origin is None:
        return request.method in ("GET", "HEAD")
    ours = (request.host, urlsplit(house().settings.base_url).netloc)
    return origin.partition("://")[2] in ours


def remember(response: Response, entered: Entered) -> None:
    """Have the browser keep a session."""
    response.set_cookie(
        _cookie(),
        entered.secret,
        max_age=KEPT_S,
        path="/",
        secure=_is_secure(),
        httponly=True,
        samesite="Lax",
    )


def end_session() -> None:
    """End the request's session, if it has one."""
    if secret := _secret():
        house().store.sessions.end(secret)


def forget(response: Response) -> None:
    """Have the browser forget its session."""
    response.delete_cookie(_cookie(), path="/", secure=_is_secure(), httponly=True, samesite="Lax")


def _secret() -> str:
    return request.cookies.get(_cookie(), "")[:200]


def _cookie() -> str:
    return "__Host-limner" if _is_secure() else cookie_of(house().settings.port)


def _is_secure() -> bool:
    """Return whether the browser came by https, also if a proxy in front of us ended it."""
    ours = urlsplit(house().settings.base_url)
    return request.is_secure or (ours.scheme == "https" and ours.netloc == request.host)
