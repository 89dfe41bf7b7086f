"""Who may look inside the gateway: checked by ``/metrics`` and for the reasons in ``/readyz``.

Operators, by tokens of their own. If ``LIMNER_METRICS_TOKEN`` is set, whoever sends it. If not, this machine, and
nothing that came through a proxy: a public gateway must not tell the world how its engines are doing. A gateway
with a public URL has a proxy in front, and not every proxy reveals itself, so there only tokens count.
"""

from __future__ import annotations

import contextlib
import hmac

from flask import request

from api.access.guard import bearer
from api.house import house
from limner.errors import NotForStrangers, RequestError, StoreDown, TokenRejected
from limner.peer import FORWARDED, is_local, leads_here, source_of


def check_may_look() -> None:
    """Return if this request may see what is for operators.

    Raises:
        NotForStrangers: it comes from another machine, and no token is configured.
        TokenRejected, TokensSlowed: the token is missing or wrong; a wrong one is counted.
    """
    if (refused := _refused()) is not None:
        raise refused


def may_look() -> bool:
    """Return whether this request may see what is for operators; a wrong token is counted."""
    return _refused() is None


def _refused() -> RequestError | None:
    settings, sent = house().settings, bearer()
    token = settings.metrics_token
    if token and hmac.compare_digest(sent.encode(), token.encode()):
        return None
    if not token and _is_from_here(settings.public_url):
        return None
    if sent and _is_an_operators(sent):
        return None
    if not token:
        return NotForStrangers()
    if not sent:
        return TokenRejected(
            "Send LIMNER_METRICS_TOKEN, or an operator's token, as a bearer token."
        )
    return house().door.wrong_token_of_operators(source_of(request.remote_addr))


def _is_an_operators(token: str) -> bool:
    # While Redis is down nobody knows; the other ways in are still open.
    with contextlib.suppress(StoreDown):
        return house().store.operators.by_token(token) is not None
    return False


def _is_from_here(public_url: str | None) -> bool:
    if public_url and not leads_here(public_url):
        return False
    host = request.headers.get("Host", "")
    forwarded = any(name in request.headers for name in FORWARDED)
    return is_local(request.remote_addr, host, forwarded=forwarded)
