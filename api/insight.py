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
from limner.peer import FORWARDED, is_local, leads_here, source_of


def may_look() -> bool:
    """Return whether this request may be told what is for operators; a wrong token is counted.

    Raises:
        TokensSlowed: too many wrong tokens came from its address.
    """
    settings = house().settings
    if not settings.metrics_token:
        if settings.public_url and not leads_here(settings.public_url):
            return False
        host = request.headers.get("Host", "")
        forwarded = any(name in request.headers for name in FORWARDED)
        return is_local(request.remote_addr, host, forwarded=forwarded)
    sent = bearer()
    if hmac.compare_digest(sent.encode(), settings.metrics_token.encode()):
        return True
    if sent:
        house().door.count_wrong(source_of(request.remote_addr))
    return False
