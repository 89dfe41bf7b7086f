"""GIF files that are cut off: viewers show what came before. Source: the GIF89a specification."""

from __future__ import annotations

_IMAGE, _EXTENSION = 0x2C, 0x21
#: a code is at most 12 bits wide and stands for at least one pixel
_CODE_BITS = 12
_BLOCK = b"\xff" + bytes(255)


def mended(data: bytes, pixels: int) -> bytes:
    """Return a file whose first picture is completed with the first colour.

    Raises:
        ValueError: it is not cut off within its first picture.
    """
    at = 13 + _table_bytes(data[10])
    while at < len(data):
        block = data[at]
        if block == _EXTENSION:
            at, _ = _past_blocks(data, at + 2)
        elif block == _IMAGE:
            at, missing = _past_blocks(data, at + 11 + _table_bytes(data[at + 9]))
            if missing is None:
                break
            filling = -(-pixels * _CODE_BITS // 8 // 255)
            return data + bytes(missing) + _BLOCK * filling + b"\0;"
        else:
            break
    raise ValueError("the file does not break off within its first picture")


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _past_blocks(data: bytes, at: int) -> tuple[int, int | None]:
    """Return where a series of blocks ends, and how many bytes its last one lacks; None: it is whole."""
    while at < len(data):
        length = data[at]
        at += 1 + length
        if not length:
            return at, None
    return len(data), at - len(data)
