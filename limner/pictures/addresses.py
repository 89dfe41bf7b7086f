"""The image store's keys, and where callers see pictures: the URLs of keys, and the way back."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from limner.egress.target import UrlRefused, after_host, parse_target

#: ``thumbs`` are small versions of drawings: made when first requested, deleted with their day
Kind = Literal["drawings", "previews", "thumbs", "spool"]
#: the kinds that callers may see; what they sent inline is not among them
SHOWN: tuple[Kind, ...] = ("drawings", "previews")
_KEY = re.compile(r"(?:drawings|previews|thumbs|spool)/\d{8}/[0-9a-f]{32}(?:-\d+)?\.[a-z]{3,5}")


def new_key(kind: Kind, suffix: str, now: datetime) -> str:
    """Return a key that nobody can guess: ``<kind>/<yyyymmdd>/<random>.<suffix>``, with the day of ``now``."""
    return f"{kind}/{now:%Y%m%d}/{secrets.token_hex(16)}.{suffix}"


def is_key(text: str) -> bool:
    """Return whether a picture could be stored under ``text``."""
    return _KEY.fullmatch(text) is not None


class PictureAddresses:
    """The URLs of pictures, under the bases at which they are served; the first one is told to callers."""

    def __init__(self, bases: Sequence[str]) -> None:
        self._bases = bases

    def url(self, key: str) -> str:
        """Return where callers find the picture."""
        return f"{self._bases[0]}/{key}"

    def key_of(self, url: str) -> str:
        """Return the key in a URL that ``url`` made, even if the base of URLs has changed since.

        Raises:
            KeyError: there is none in it.
        """
        key = "/".join(url.split("/")[-3:])
        if not is_key(key):
            raise KeyError(key)
        return key

    def own_key(self, url: str) -> str | None:
        """Return the key of the picture that callers see at ``url``; None: that is no address of ours.

        A thumbnail's address is that of its picture.

        Raises:
            KeyError: the address is ours, and no picture is shown there.
        """
        key = next((key for base in self._bases if (key := _below(base, url)) is not None), None)
        if key is not None and not (is_key(key) and key.startswith(SHOWN)):
            raise KeyError(key)
        return key


def _below(base: str, url: str) -> str | None:
    """Return what follows ``base`` in the path of ``url``; None: the URL leads elsewhere."""
    try:
        if parse_target(url) != parse_target(base):
            return None
    except UrlRefused:
        return None
    path, above = after_host(url).partition("?")[0], after_host(base) + "/"
    return path.removeprefix(above) if path.startswith(above) else None
