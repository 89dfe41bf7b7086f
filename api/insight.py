"""Who may look inside the gateway: ``/metrics`` and the reasons in ``/readyz`` ask here.

With ``LIMNER_METRICS_TOKEN``, whoever sends it. Without, this machine alone, and nothing that came
through a proxy: a gateway that is open to the world must not tell it how its engines do.
"""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from flask import request

from api.house import house

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


def may_look() -> bool:
    """Return whether this request may be told what is for operators."""
    token = house().settings.metrics_token
    if token:
        scheme, _, sent = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(sent.strip().encode(), token.encode())
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
