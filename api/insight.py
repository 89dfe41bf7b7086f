"""Who may look inside the gateway: ``/metrics`` and the reasons in ``/readyz`` ask here.

With ``LIMNER_METRICS_TOKEN``, whoever sends it. Without, this machine alone, and nothing that came
through a proxy: a gateway that is open to the world must not tell it how its engines do. One that has
a public address has a proxy, and not every proxy says that it is one: there only the token counts.
"""

from __future__ import annotations

import hmac

from flask import request

from api.guard import bearer
from api.house import house
from limner.errors import NotForStrangers, RequestError, TokenRejected
from limner.peer import FORWARDED, is_local, leads_here, source_of


def check_may_look() -> None:
    """Return if this request may be told what is for operators.

    Raises:
        NotForStrangers: it comes from elsewhere, and there is no token to send.
        TokenRejected, TokensSlowed: it came without the token, or with a wrong one, which is counted.
    """
    if (refused := _refused()) is not None:
        raise refused


def may_look() -> bool:
    """Return whether this request may be told what is for operators; a wrong token is counted."""
    return _refused() is None


def _refused() -> RequestError | None:
    settings = house().settings
    if not settings.metrics_token:
        return None if _is_from_here(settings.public_url) else NotForStrangers()
    sent = bearer()
    if hmac.compare_digest(sent.encode(), settings.metrics_token.encode()):
        return None
    if not sent:
        return TokenRejected("Send LIMNER_METRICS_TOKEN as a bearer token.")
    return house().door.wrong_token_of_operators(source_of(request.remote_addr))


def _is_from_here(public_url: str | None) -> bool:
    if public_url and not leads_here(public_url):
        return False
    host = request.headers.get("Host", "")
    forwarded = any(name in request.headers for name in FORWARDED)
    return is_local(request.remote_addr, host, forwarded=forwarded)
