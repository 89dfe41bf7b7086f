"""Who sends a request: by the address it comes from, and by the name under which it found us.

Used by the API (``api/insight.py``, ``api/guard.py``) and by Flower's door (``workers/panel.py``).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

#: headers of whoever sends a request on for somebody else
FORWARDED = (
    *("Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip"),
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server"),
)
#: what one household, or one machine, has of IPv6
IPV6_PREFIX = 64


def is_loopback(host: str) -> bool:
    """Return whether ``host``, a name or an address, leads to this machine and nowhere else."""
    address = _address(host)
    if address is not None:
        return address.is_loopback
    return host.lower().rstrip(".") == "localhost"


def leads_here(url_or_host: str) -> bool:
    """Return whether a URL, or the value of a ``Host`` header, names this machine by itself."""
    where = url_or_host if "://" in url_or_host else f"//{url_or_host}"
    try:
        return is_loopback(urlsplit(where).hostname or "")
    except ValueError:
        return False


def is_local(remote: str | None, host: str, *, forwarded: bool) -> bool:
    """Return whether a request comes from this machine, and from nobody behind it.

    ``remote`` is the address it comes from, ``host`` its header of that name, and ``forwarded`` says
    whether it has one of ``FORWARDED``.

    A proxy on this machine may send other people's requests on without a word of it, as nginx does.
    Then only the name betrays it: that of the outside, or of what the proxy calls us. (A page in a
    browser on this machine that has its own name lead here is told in the same way.)
    """
    return not forwarded and is_loopback(remote or "") and leads_here(host)


def source_of(remote: str | None) -> str:
    """Return under which name an address's wrong tokens are counted: IPv6 by its /64 network."""
    address = _address(remote or "")
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_PREFIX), strict=False))
    return str(address or "unknown")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
