"""Map hosts, as people and their input methods type them, to the one ASCII form that is dialled.

Full-width letters, dots of other scripts, upper case, names in any language: mapped as browsers map
them (the URL Standard's host parsing over UTS 46, https://url.spec.whatwg.org/#host-parsing). What
browsers read as an address but people rarely mean (``127.1``, ``0x7f000001``) is refused instead.
Used by ``limner.egress.target`` only; makes no DNS requests.
"""

from __future__ import annotations

import ipaddress
import re

import idna

#: digits, letters, hyphen, and the underscore that container networks use in names
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
#: in a name in any script, no ASCII but this; no hyphen at either end
_ASCII_MIXED = re.compile(r"(?!-)[a-z0-9_\-\u0080-\U0010ffff]+(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NAME_MAX = 253
_NO_NAME = "The host is not a valid name."
#: the prefix of an encoded label
_ACE = "xn--"
_JOINERS = "\u200c\u200d"


class HostRefused(ValueError):
    """The host is not valid, or not one that every resolver reads in the same way."""


def parse_host(text: str) -> str:
    """Return the host as it is dialled: ASCII, lower case, no trailing dot, no brackets.

    Raises:
        HostRefused: with a sentence fit for the caller.
    """
    if "[" in text or "]" in text:
        return _address_v6(text)
    # Lower-case only after the mapping: str.lower and browsers treat a final Σ differently.
    host = (text.lower() if text.isascii() else _mapped(text)).removesuffix(".")
    labels = host.split(".")
    if is_number(labels[-1]):
        return _address_v4(host, typed=text)
    return _name(labels)


def is_number(label: str) -> bool:
    """Return whether a host that ends in this label is an address and not a name."""
    return _NUMBER.fullmatch(label) is not None


def _mapped(text: str) -> str:
    try:
        return idna.uts46_remap(text, std3_rules=False, transitional=False)
    except ValueError:
        raise HostRefused(_NO_NAME) from None


def _name(labels: list[str]) -> str:
    # A label that is too long already gets no shorter in ASCII, and is slow to encode.
    if sum(len(label) + 1 for label in labels) > _NAME_MAX + 1:
        raise HostRefused(_NO_NAME)
    try:
        encoded = [_ascii_label(label) for label in labels]
    except ValueError:
        # idna's errors, those of the codec, and our own
        raise HostRefused(_NO_NAME) from None
    host = ".".join(encoded)
    if len(host) > _NAME_MAX or not all(_LABEL.fullmatch(label) for label in encoded):
        raise HostRefused(_NO_NAME)
    return host


def _ascii_label(label: str) -> str:
    """Return a mapped label in its DNS form.

    Raises:
        ValueError: it has none.
    """
    if not label.startswith(_ACE):
        return label if label.isascii() else _encoded(label)
    # It is encoded already: it must be exactly what we would have made of it.
    written = label.removeprefix(_ACE).encode("ascii").decode("punycode")
    if idna.uts46_remap(written, std3_rules=False, transitional=False) != written:
        raise ValueError("not as it would be mapped")
    if _encoded(written) != label:
        raise ValueError("not as it would be encoded")
    return label


def _encoded(label: str) -> str:
    # Not idna.alabel: it refuses symbols such as emoji, which browsers accept.
    if label.isascii() or not _ASCII_MIXED.fullmatch(label):
        raise ValueError("a character that no name has")
    idna.check_initial_combiner(label)
    idna.check_bidi(label)
    for place, character in enumerate(label):
        if character in _JOINERS and not idna.valid_contextj(label, place):
            raise ValueError("a joiner that joins nothing")
    return _ACE + label.encode("punycode").decode("ascii")


def _address_v4(host: str, typed: str) -> str:
    # 127.1, 2130706433, 0x7f000001 and 0177.0.0.1 are all one address to a resolver.
    if not typed.isascii():
        raise HostRefused("An address must be written in plain digits and dots: 192.0.2.1.")
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise HostRefused("An address must be written as four numbers.") from None


def _address_v6(text: str) -> str:
    if not (text.startswith("[") and text.endswith("]")):
        raise HostRefused("The host is not a valid address.")
    try:
        address = ipaddress.IPv6Address(text[1:-1])
    except ValueError:
        raise HostRefused("The host is not a valid address.") from None
    if address.scope_id:
        raise HostRefused("The host must not name a network interface.")
    return str(address)
