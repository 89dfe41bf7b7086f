"""The addresses that our servers listen on, in the spellings that others need.

Used by ``limner.settings`` and by whatever prints where the API and Flower are, or asks them.
"""

from __future__ import annotations

from ipaddress import ip_address


def bound_to(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 address in brackets, for servers and for messages."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reached_at(host: str, port: int) -> str:
    """Return where a server that listens on ``host`` is found from this machine, as URLs spell it.

    Every address at once is none to dial. (Where gunicorn listens on all of IPv6, IPv4 is with it.)
    """
    if is_everywhere(host):
        host = "127.0.0.1"
    # In a URL, the percent before an interface's name is escaped.
    return bound_to(host.replace("%", "%25"), port)


def is_everywhere(host: str) -> bool:
    """Return whether a server on ``host`` listens on every address of this machine."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return host == "0"
