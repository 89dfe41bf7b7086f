"""Decompress a request's body (``Content-Encoding``); used by ``api/body.py``.

A few bytes can expand to gigabytes, so both the size of the result and the ratio are limited.
"""

from __future__ import annotations

import zlib

from limner.errors import BodyBroken, BodyTooLarge, WrongEncoding

#: the encodings we accept, as a refusal's ``Accept-Encoding`` header lists them
CODINGS = ("gzip", "deflate")
#: the largest ratio of decompressed to sent; small bodies may exceed it
GROWTH_MOST = 50
SMALL_BYTES = 1024 * 1024
_GZIP, _ZLIB, _BARE = 31, 15, -15


def unpacked(data: bytes, encoding: str, most_bytes: int) -> bytes:
    """Return ``data`` decompressed by ``encoding``, the value of the header.

    Raises:
        WrongEncoding: the encoding is unknown, or there are several.
        BodyBroken: the data is not in that encoding.
        BodyTooLarge: the result exceeds ``most_bytes``, or is far larger than what was sent.
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
        raise BodyBroken("The body is not compressed as its Content-Encoding says.") from None
    if len(found) > most_bytes:
        raise BodyTooLarge("The body is too large once decompressed.")
    # A single gzip member only: a body of many empty ones would cost unbounded work.
    if not unpacker.eof or unpacker.unused_data:
        raise BodyBroken("The compressed body ends early, or continues past its end.")
    return found


def _wrapping(data: bytes) -> int:
    """Return which ``deflate`` this is: zlib's format or, as some clients send it, raw (RFC 9110 8.4.1.2)."""
    in_zlib = len(data) > 1 and data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
    return _ZLIB if in_zlib else _BARE
