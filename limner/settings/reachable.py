"""What the gateway may dial for a client, by the operator's settings and that client's own allow-list.

Used where a URL is accepted (the API, ``limner clients``) to refuse at once what no DNS answer could make allowed,
and by ``net/outgoing.py``, which checks every address again as it is dialled.
"""

from __future__ import annotations

from dataclasses import replace

from limner.egress.address import NEVER_NAMES, DialPolicy
from limner.egress.target import parse_target
from limner.settings import Settings
from limner.settings.broker import redis_address


def dial_policy(settings: Settings, client_allow: str = "") -> DialPolicy:
    """Return what may be dialled under the gateway's allow-list and a client's own.

    Raises:
        ValueError: a list cannot be parsed.
    """
    own = {settings.port, settings.flower_port, *redis_address(settings).ports}
    policy = DialPolicy.parse(settings.callback_allow, client_allow)
    return replace(policy, own_ports=frozenset(own))


def check_url(url: str, settings: Settings, client_allow: str = "") -> None:
    """Return unless ``url`` can never be dialled, whatever names resolve to.

    Raises:
        UrlRefused: it is malformed.
        AddressNotAllowed: its host is an address, or a name with a fixed one, that is not allowed.
    """
    target = parse_target(url)
    if not (target.literal or target.local or target.host in NEVER_NAMES):
        return
    try:
        policy = dial_policy(settings, client_allow)
    except ValueError:
        # As ``net/reach.py``: of a list that cannot be parsed, nothing counts.
        policy = dial_policy(settings)
    policy.check_unresolved(target)
