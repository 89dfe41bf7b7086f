"""Parsers of settings: they turn text from the environment or a TOML value into a typed value.

Called by ``limner.settings`` only. Each raises ValueError with one clause that says what the value
must be.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from limner.egress.address import DialPolicy
from limner.egress.proxy import parse_proxy
from limner.egress.target import UrlRefused, parse_target
from limner.faces import FACES
from limner.request import NAME
from limner.settings.redis_address import RedisAddress


def text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError("must be text")
    return raw


def optional_text(raw: Any) -> str | None:
    return text(raw) or None


def currency(raw: Any) -> str:
    given = text(raw).strip()
    if len(given) > 12 or not given.isprintable():
        raise ValueError("must be a short text, such as EUR")
    return given


def path(raw: Any) -> Path:
    if not text(raw):
        raise ValueError("must name a folder")
    return Path(raw).expanduser().absolute()


def number(raw: Any) -> float:
    if isinstance(raw, bool):
        raise ValueError("must be a number")
    try:
        given = float(raw)
    except (TypeError, ValueError):
        raise ValueError("must be a number") from None
    if not math.isfinite(given):
        raise ValueError("must be a finite number")
    return given


def whole(low: int, high: int) -> Callable[[Any], int]:
    def parse(raw: Any) -> int:
        given = number(raw)
        if given != int(given) or not low <= given <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(given)

    return parse


def seconds(low: float, high: float) -> Callable[[Any], float]:
    def parse(raw: Any) -> float:
        given = number(raw)
        if not low <= given <= high:
            raise ValueError(f"must be from {low:g} to {high:g}")
        return given

    return parse


#: as in Redis's own configuration
_UNITS = {"b": 1, "": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "k": 10**3, "m": 10**6, "g": 10**9}
_MEMORY = re.compile(r"(\d{1,15}) ?([kmg]?b?)", re.IGNORECASE)
#: what an empty server and the scripts' own data take several times over
MEMORY_LEAST_BYTES = 32 * 2**20


def memory(raw: Any) -> int | None:
    """Return a size in bytes, as Redis's configuration writes it: ``2gb``."""
    given = str(raw).strip() if isinstance(raw, int) and not isinstance(raw, bool) else text(raw)
    if not given:
        return None
    found = _MEMORY.fullmatch(given)
    size_bytes = int(found[1]) * _UNITS[found[2].lower()] if found else 0
    if size_bytes < MEMORY_LEAST_BYTES:
        raise ValueError("must be a size such as 512mb or 2gb, and at least 32mb")
    return size_bytes


def one_of(*words: str) -> Callable[[Any], str]:
    def parse(raw: Any) -> str:
        if raw not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return str(raw)

    return parse


def faces(raw: Any) -> str:
    """Return "all", or the names of faces, separated by commas."""
    if raw == "all":
        return "all"
    listed = words(raw) if isinstance(raw, list) else text(raw).split(",")
    names = [name.strip() for name in listed]
    if unknown := [name for name in names if name not in FACES]:
        raise ValueError(f"must be all, or some of {', '.join(FACES)}; {unknown[0]!r} is none")
    return ",".join(dict.fromkeys(names))


def words(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(isinstance(word, str) and word for word in raw):
        raise ValueError("must be a list of names")
    return tuple(raw)


def versions(raw: Any) -> dict[str, str]:
    """Return a table of versions that callers may ask for → models."""
    if not isinstance(raw, dict) or not all(
        NAME.fullmatch(name) and isinstance(model, str) and model for name, model in raw.items()
    ):
        raise ValueError('must have the form { "7" = "model", "6.1" = "other model" }')
    return dict(raw)


def http_url(raw: Any) -> str | None:
    given = text(raw)
    if not given:
        return None
    try:
        parts = urlsplit(given)
        sound = parts.port is None or parts.port > 0
    except ValueError:
        sound = False  # Python's own message quotes the value, which may contain a password
    if not sound or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http(s) URL")
    return given.rstrip("/")


def callback_url(raw: Any) -> str | None:
    """Return the URL as given, if it is one that callers could use."""
    given = text(raw)
    try:
        if given:
            parse_target(given)
    except UrlRefused as error:
        sentence = str(error).rstrip(".")
        raise ValueError(sentence[0].lower() + sentence[1:]) from None
    return given or None


def proxy(raw: Any) -> str | None:
    """Return the proxy as given, if it is valid."""
    given = text(raw).strip()
    if given:
        parse_proxy(given)
    return given or None


def base_url(raw: Any) -> str | None:
    """Return a URL that paths are appended to."""
    given = http_url(raw)
    if given and ("?" in given or "#" in given):
        raise ValueError("must be an http(s) URL without ? and #: paths are appended to it")
    return given


def host(raw: Any) -> str:
    """Return a host that a server can listen on: an address or a name, an IPv6 address without brackets."""
    given = text(raw)
    bare = given[1:-1] if given.startswith("[") and given.endswith("]") else given
    if not bare:
        raise ValueError("must be an address to listen on, such as 127.0.0.1 or 0.0.0.0")
    return bare


def image_store(raw: Any) -> str | None:
    given = text(raw)
    if not given or "://" in given:
        return given or None
    # Processes run in other working directories than the operator's.
    return str(path(given))


def redis_url(raw: Any) -> str | None:
    given = text(raw)
    # From here on absolute and normalized, because child processes get it too.
    return RedisAddress.parse(given).url if given else None


def flower_auth(raw: Any) -> str | None:
    given = text(raw)
    if given and not all(given.partition(":")):
        raise ValueError("must have the form user:password")
    return given or None


def allow_list(raw: Any) -> str:
    """Return the callback allow-list as given, if it is valid."""
    listed = text(raw)
    DialPolicy.parse(listed)
    return listed
