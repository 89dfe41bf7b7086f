"""The operator's egress proxy: its address and its credentials.

Parsed from ``LIMNER_CALLBACK_PROXY`` by ``limner.settings.values``, which refuses an invalid one before
anything starts, and by ``net/outgoing.py``.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from limner.egress.target import UrlRefused, parse_target


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy's URL without the credentials, and the headers that carry them."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def parse_proxy(text: str) -> Proxy:
    """Parse ``http://user:password@proxy:3128``; the scheme may be left out.

    User and password are percent-decoded. A raw ``/``, ``#``, ``?`` or ``@`` in the password is understood
    as part of it, because nothing after a proxy's port has a meaning.

    Raises:
        ValueError: it is not an HTTP proxy; the message is one clause and quotes no part of it.
    """
    scheme, given, rest = text.partition("://")
    if not given:
        scheme, rest = "http", text
    if scheme.lower() not in ("http", "https"):
        raise ValueError("must be an http:// or https:// proxy (SOCKS is not spoken)")
    credentials, at, place = rest.rpartition("@")
    try:
        target = parse_target(f"{scheme}://{place}")
    except UrlRefused as error:
        reason = str(error)
        raise ValueError(
            f"must be a proxy like http://user:password@proxy:3128; {reason}"
        ) from None
    url = f"{target.scheme}://{target.bracketed}:{target.port}"
    return Proxy(url, {"Proxy-Authorization": _basic(credentials)} if at else {})


def _basic(credentials: str) -> str:
    user, _, password = credentials.partition(":")
    shown = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return "Basic " + base64.b64encode(shown).decode("ascii")
