"""The text of a URL that others gave us: what it must look like before anybody resolves its host.

Used where a URL comes in (callback URLs, reference images) and again before it is dialled. What is
wrong by its address and not by its text is the business of ``limner.address``.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import idna

#: longest URL we keep or dial, in characters
URL_MAX = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}
#: services that an HTTP request might harm or that would tell a stranger about our network:
#: ssh telnet smtp dns pop3 imap and their TLS forms, databases, container engines, caches
DENIED_PORTS = frozenset(
    {22, 23, 25, 53, 110, 143, 465, 587, 993, 995, 2375, 2376, 2379, 3306, 5432, 5984}
    | {6379, 6380, 9200, 9300, 11211, 27017}
)
#: digits, letters, hyphen, and the underscore that container networks put into names
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
#: C0, space and DEL; a backslash is a slash to some parsers and not to others
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")


class UrlRefused(ValueError):
    """The text of a URL is not one we would dial; the message is fit for the caller."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL points: the same three values for every spelling of it."""

    #: http or https
    scheme: str
    #: ASCII, lower case, no dot at the end; an IPv6 address without brackets
    host: str
    port: int

    @property
    def literal(self) -> bool:
        """Whether the host is an address and not a name."""
        return ":" in self.host or _NUMBER.fullmatch(self.host.rpartition(".")[2]) is not None

    @property
    def destination(self) -> str:
        """The key under which all callbacks to this place share their fate."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


# A client's jobs mostly name one URL, and each is read at least twice.
@lru_cache(maxsize=1024)
def parse_target(url: str) -> Target:
    """Return where ``url`` points, from its text alone.

    Raises:
        UrlRefused: it is not an http(s) URL that every parser reads in the same way.
    """
    if len(url) > URL_MAX:
        raise UrlRefused(f"Must be at most {URL_MAX} characters.")
    if _FORBIDDEN.search(url):
        raise UrlRefused("Must not hold spaces, control characters or backslashes.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlRefused("Must be a valid http or https URL.") from None
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not parts.hostname:
        raise UrlRefused("Must be an http or https URL.")
    if "@" in parts.netloc:
        raise UrlRefused("Must not hold a user name or password.")
    if "#" in url:
        raise UrlRefused("Must not hold a fragment (#).")
    if port is None:
        port = DEFAULT_PORTS[scheme]
    if port == 0 or port in DENIED_PORTS:
        raise UrlRefused("This port is not allowed.")
    return Target(scheme, _host(parts.hostname), port)


def _host(text: str) -> str:
    if ":" in text:
        try:
            address = ipaddress.IPv6Address(text)
        except ValueError:
            raise UrlRefused("The host is not a valid address.") from None
        if address.scope_id:
            raise UrlRefused("The host must not name a network interface.")
        return str(address)
    host = text.lower().removesuffix(".")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode().lower().removesuffix(".")
        except idna.IDNAError:
            raise UrlRefused("The host is not a valid name.") from None
        if _NUMBER.fullmatch(host.rpartition(".")[2]):
            raise UrlRefused("The host is not a valid name.")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlRefused("The host is not a valid name.")
    if _NUMBER.fullmatch(labels[-1]):
        # 127.1, 2130706433, 0x7f000001 and 0177.0.0.1 are all one address to a resolver.
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise UrlRefused("An address must be written as four numbers.") from None
    return host
