"""Unpack a body that was sent compressed (``Content-Encoding``); used by ``api/body.py``.

A few bytes may stand for gigabytes, so a body may not grow without bounds, nor much more than texts
and pictures do.
"""

from __future__ import annotations

import zlib

from limner.errors import BodyBroken, BodyTooLarge, WrongEncoding

#: what we unpack, as the header ``Accept-Encoding`` of a refusal names it
CODINGS = ("gzip", "deflate")
#: a body may grow to so many times of what was sent; a small one may grow more
GROWTH_MOST = 50
SMALL_BYTES = 1024 * 1024
_GZIP, _ZLIB, _BARE = 31, 15, -15


def unpacked(data: bytes, encoding: str, most_bytes: int) -> bytes:
    """Return ``data`` as it was before ``encoding``, the value of the header.

    Raises:
        WrongEncoding: it is one that we do not know, or several.
        BodyBroken: the data is not of that encoding.
        BodyTooLarge: it would be more than ``most_bytes``, or far more than was sent.
    """
    named = [name.strip().lower() for name in encoding.split(",")]
    codings = [name.removeprefix("x-") for name in named if name not in ("", "identity")]
    if not codings:
        return data
    if codings not in [[coding] for coding in CODINGS]:
        raise WrongEncoding
    wrapping = _GZIP if codings == ["gzip"] else _wrapping(data)
    return _inflated(data, wrapping, min(most_bytes, max(SMALL_BYTES, GROWTH_MOST * len(data))))


def _inflated(data: bytes, wrapping: int, most_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(wrapping)
    try:
        found = unpacker.decompress(data, most_bytes + 1)
    except zlib.error:
        raise BodyBroken("The body is not compressed as it says.") from None
    if len(found) > most_bytes:
        raise BodyTooLarge("The body is too large once it is unpacked.")
    # One gzip member alone: a body of many empty ones would be work without end.
    if not unpacker.eof or unpacker.unused_data:
        raise BodyBroken("The compressed body ends early, or goes on behind its end.")
    return found


def _wrapping(data: bytes) -> int:
    """Return how ``deflate`` was meant: in zlib's wrapping, or, as some send it, bare (RFC 9110 8.4.1.2)."""
    in_zlib = len(data) > 1 and data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
    return _ZLIB if in_zlib else _BARE
