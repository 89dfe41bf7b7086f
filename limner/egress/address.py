"""Which addresses we dial for callers: public ones and what the operator allows, but some never.

Used by ``net/outgoing.py`` at the moment of dialling, for callbacks and reference images alike,
and to parse allow-lists. ``ipaddress.is_global`` differs between Python releases (cpython issue
113171), so the networks are listed here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from limner.egress.target import Target, UrlRefused, parse_target

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(word) for word in text.split())


#: Where clouds hand out credentials to whoever asks. No allow-list opens these.
NEVER = _networks("""
    169.254.0.0/16 100.100.100.200/32 168.63.129.16/32 192.0.0.192/32
    fe80::/10 fd00:ec2::/32 fd20:ce::/32 fd00:c1::/32 fd00:42::/32
""")
#: names of the same services, refused before they are resolved
NEVER_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})
#: Not public, by the IANA special-purpose registries and their tunnels; the allow-list may open them.
PRIVATE = _networks("""
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
    192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24
    198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
    ::/8 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001:db8::/32 2002::/16
    2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8
""")
#: what ``localhost`` may resolve to
LOOPBACKS = ("127.0.0.1", "::1")
#: all public IPv6 addresses are allocated from here
PUBLIC_V6 = ipaddress.ip_network("2000::/3")


class AddressNotAllowed(ValueError):
    """The address is not allowed."""

    # The same text for every reason, so that it reveals nothing about our network.
    def __init__(self) -> None:
        super().__init__("address not allowed")


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of an allow-list: host, address and port must all match."""

    #: None: any name that resolves to ``network``
    host: str | None
    #: None: any address that the name has
    network: Network | None
    #: None: any
    port: int | None

    def allows(self, host: str, address: Address, port: int) -> bool:
        """Return whether this entry allows that address, under that name and port."""
        if self.port is not None and self.port != port:
            return False
        if self.host is not None and self.host != host:
            return False
        return self.network is None or address in self.network


@dataclass(frozen=True, slots=True)
class DialPolicy:
    """What may be dialled: public addresses, and those that a rule allows."""

    rules: tuple[Rule, ...] = ()
    #: ports of our own services on this machine, which no rule can open: the API, Flower, Redis
    own_ports: frozenset[int] = frozenset()

    @classmethod
    @lru_cache(maxsize=256)
    def parse(cls, *allow: str) -> DialPolicy:
        """Parse allow-lists: ``10.20.0.0/16:8443, recv.lan=192.168.1.5/32, localhost:*``.

        Raises:
            ValueError: an entry is not ``network[:port]`` or ``host[=network][:port]``.
        """
        entries = (entry.strip() for text in allow for entry in text.split(","))
        return cls(tuple(_rule(entry) for entry in entries if entry))

    def check_name(self, host: str) -> None:
        """Refuse a name that must not be resolved.

        Raises:
            AddressNotAllowed: it is the name of a metadata service.
        """
        if host in NEVER_NAMES:
            raise AddressNotAllowed

    def check_unresolved(self, target: Target) -> None:
        """Refuse what is not allowed whatever its name resolves to.

        Raises:
            AddressNotAllowed: it is an address that is not allowed, this machine, or a metadata service's name.
        """
        self.check_name(target.host)
        known = (target.host,) if target.literal else LOOPBACKS if target.local else ()
        found = (_plain(text) for text in known)
        if known and not any(self._open(target.host, one, target.port) for one in found):
            raise AddressNotAllowed

    def check(self, host: str, port: int, addresses: Iterable[str]) -> None:
        """Refuse a host if any address of its DNS answer is not allowed.

        With one forbidden address among allowed ones, an attacker would only have to wait for a retry.

        Raises:
            AddressNotAllowed: one is not allowed, or there is none.
        """
        self.check_name(host)
        found = [_plain(text) for text in addresses]
        if not found or not all(self._open(host, address, port) for address in found):
            raise AddressNotAllowed

    def _open(self, host: str, address: Address, port: int) -> bool:
        if any(form in network for form in _forms(address) for network in NEVER):
            return False
        if port in self.own_ports and (address.is_loopback or address.is_unspecified):
            return False
        return is_public(address) or any(rule.allows(host, address, port) for rule in self.rules)


def is_public(address: Address) -> bool:
    """Return whether this address can be reached from the internet."""
    if address.version == 6 and address not in PUBLIC_V6:
        return False
    return not any(address in network for network in PRIVATE)


def _plain(text: str) -> Address:
    """Parse an address of a DNS answer; an IPv4-mapped one becomes that IPv4 address."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _forms(address: Address) -> list[Address]:
    """Return the address and every IPv4 address that a tunnel or translator may extract from it."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    inside = [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF), address.sixtofour]
    inside += address.teredo or ()
    return [address, *(form for form in inside if form is not None)]


def _rule(entry: str) -> Rule:
    host, equals, rest = entry.partition("=")
    if equals and not host:
        raise ValueError(f"{entry!r}: a host name must come before '='")
    if not equals:
        host, rest = "", entry
    target, port = _split_port(rest, entry)
    network: Network | None = None
    try:
        network = ipaddress.ip_network(target.strip("[]"))
    except ValueError:
        if equals or "/" in target:
            raise ValueError(
                f"{entry!r}: {target!r} is not a network such as 10.20.0.0/16"
            ) from None
        host = target
    return Rule(_name(host, entry) if host else None, network, port)


def _split_port(text: str, entry: str) -> tuple[str, int | None]:
    bare_v6 = text.count(":") > 1 and "]" not in text and not text.endswith(":*")
    target, colon, port = text.rpartition(":")
    if bare_v6 or not colon or port.endswith("]"):
        return text, None
    if port == "*":
        return target, None
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError(f"{entry!r}: {port!r} is not a port or *")
    return target, int(port)


def _name(text: str, entry: str) -> str:
    try:
        return parse_target(f"http://{text}/").host
    except UrlRefused:
        raise ValueError(f"{entry!r}: {text!r} is not a host name") from None
