"""WebP files before they are decoded: how large they are, and what is in them besides the picture.

Source: RFC 9649.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

#: the chunks that are a picture by themselves
_PICTURES = (b"VP8 ", b"VP8L")


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height of a WebP file from its first chunk; (0, 0) if it has none.

    Pillow decodes a WebP picture as it opens it: by then it is too late to check the size.
    Source: 2.5 to 2.7 and 3.4.
    """
    if data[12:16] == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if data[12:16] == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def counted(data: bytes) -> bytes:
    """Return the file with its true length in its header: some writers put a larger one there."""
    length = min(int.from_bytes(data[4:8], "little"), len(data) - 8)
    return data[:4] + length.to_bytes(4, "little") + data[8:]


def bare(data: bytes) -> bytes | None:
    """Return the file with nothing in it but its picture; None if that is not one chunk: an animation, or with alpha."""
    found = list(_chunks(data))
    names = [name for name, _ in found]
    if b"ALPH" in names or b"ANMF" in names:
        return None
    pictures = [chunk for name, chunk in found if name in _PICTURES]
    if len(pictures) != 1:
        return None
    return b"RIFF" + struct.pack("<I", 4 + len(pictures[0])) + b"WEBP" + pictures[0]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name of each whole chunk, and the chunk."""
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        # To an even length.
        ends = at + 8 + length + length % 2
        if ends > len(data) + length % 2:
            return
        yield name, data[at:ends].ljust(ends - at, b"\0")
        at = ends
