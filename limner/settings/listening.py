"""The addresses that our servers listen on, in the forms that are needed elsewhere.

Used by ``limner.settings`` and by whatever prints or connects to the API's and Flower's addresses.
"""

from __future__ import annotations

from ipaddress import ip_address


def bound_to(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 address in brackets, for servers and for messages."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reached_at(host: str, port: int) -> str:
    """Return the host, for a URL, by which a server listening on ``host`` is reached from this machine.

    The wildcard address cannot be dialled. (If gunicorn listens on all of IPv6, that includes IPv4.)
    """
    if is_everywhere(host):
        host = "127.0.0.1"
    # In a URL, the percent sign before an interface's name is escaped.
    return bound_to(host.replace("%", "%25"), port)


def is_everywhere(host: str) -> bool:
    """Return whether a server on ``host`` listens on every address of this machine."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return host == "0"
