"""Where a request comes from, by its address and by the host name it was sent to.

Used by the API (``api/ops/insight.py``, ``api/access/guard.py``) and for Flower (``workers/panel.py``).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

#: headers that proxies add to the requests they forward
FORWARDED = (
    *("Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip"),
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server"),
)
#: the IPv6 prefix of one household or machine
IPV6_PREFIX = 64


def is_loopback(host: str) -> bool:
    """Return whether ``host``, a name or an address, is this machine's loopback."""
    address = _address(host)
    if address is not None:
        return address.is_loopback
    return host.lower().rstrip(".") == "localhost"


def leads_here(url_or_host: str) -> bool:
    """Return whether a URL or the value of a ``Host`` header names loopback."""
    where = url_or_host if "://" in url_or_host else f"//{url_or_host}"
    try:
        return is_loopback(urlsplit(where).hostname or "")
    except ValueError:
        return False


def is_local(remote: str | None, host: str, *, forwarded: bool) -> bool:
    """Return whether a request was made on this machine, and not forwarded from another.

    ``remote`` is the address it comes from, ``host`` its ``Host`` header, and ``forwarded`` says whether
    it has any of ``FORWARDED``.

    A proxy on this machine may forward other people's requests without a header that says so, as nginx
    does. Then only the host name betrays it: the public one, or the proxy's upstream name. (DNS rebinding
    by a page in a browser on this machine is caught in the same way.)
    """
    return not forwarded and is_loopback(remote or "") and leads_here(host)


def source_of(remote: str | None) -> str:
    """Return the key by which an address's wrong tokens are counted: for IPv6, its /64 network."""
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
