"""Validate the text of a URL that a caller supplied, before its host is resolved.

Used where a URL comes in (callback URLs, reference images) and again before it is dialled. Addresses
are the business of ``limner.egress.address``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from limner.egress.host import HostRefused, is_number, parse_host

#: longest URL that we accept, in characters
URL_MAX = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}
#: services that an HTTP request might harm, or that would reveal something about our network:
#: ssh telnet smtp dns pop3 imap and their TLS forms, databases, container engines, caches
DENIED_PORTS = frozenset(
    {22, 23, 25, 53, 110, 143, 465, 587, 993, 995, 2375, 2376, 2379, 3306, 5432, 5984}
    | {6379, 6380, 9200, 9300, 11211, 27017}
)
#: C0, space and DEL; some parsers take a backslash for a slash
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_URL = re.compile(r"(?P<scheme>[^:/?#]*)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]{0,9}))?", re.DOTALL)


class UrlRefused(ValueError):
    """The URL is not one that we may call; the message is fit for the caller."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL points: the same three values for every form of it."""

    #: http or https
    scheme: str
    #: ASCII, lower case, no trailing dot; an IPv6 address without brackets
    host: str
    port: int

    @property
    def literal(self) -> bool:
        """Whether the host is an address and not a name."""
        return ":" in self.host or is_number(self.host.rpartition(".")[2])

    @property
    def local(self) -> bool:
        """Whether the host is ``localhost`` or below it (RFC 6761, 6.3)."""
        return self.host == "localhost" or self.host.endswith(".localhost")

    @property
    def destination(self) -> str:
        """The key under which a client's callbacks to this place share their fate."""
        return f"{self.scheme}://{self.bracketed}:{self.port}"

    @property
    def bracketed(self) -> str:
        """The host as written in a URL."""
        return f"[{self.host}]" if ":" in self.host else self.host


# Most of a client's jobs have the same URL, and each is parsed at least twice.
@lru_cache(maxsize=1024)
def parse_target(url: str) -> Target:
    """Return where ``url`` points, from its text alone.

    Raises:
        UrlRefused: it is not an http(s) URL that every parser reads in the same way.
    """
    if len(url) > URL_MAX:
        raise UrlRefused(f"Must be at most {URL_MAX} characters.")
    if _FORBIDDEN.search(url):
        raise UrlRefused("Must not contain spaces, control characters or backslashes.")
    parts = _URL.fullmatch(url)
    scheme = parts["scheme"].lower() if parts else ""
    if parts is None or scheme not in DEFAULT_PORTS or not parts["authority"]:
        raise UrlRefused("Must be an http or https URL.")
    if "@" in parts["authority"]:
        raise UrlRefused("Must not contain a user name or password.")
    if "#" in url:
        raise UrlRefused("Must not contain a fragment (#).")
    where = _AUTHORITY.fullmatch(parts["authority"])
    if where is None or not where["host"]:
        raise UrlRefused("Must be a valid http or https URL.")
    port = int(where["port"] or DEFAULT_PORTS[scheme])
    if not 0 < port < 65536 or port in DENIED_PORTS:
        raise UrlRefused("This port is not allowed.")
    try:
        return Target(scheme, parse_host(where["host"]), port)
    except HostRefused as error:
        raise UrlRefused(str(error)) from None


def after_host(url: str) -> str:
    """Return what follows the host and port in a URL that ``parse_target`` accepts."""
    parts = _URL.fullmatch(url)
    return parts["rest"] if parts else ""
