"""Write PNG files fast: filtered by numpy, packed by Intel's ISA-L.

Used for all that Limner and its drivers encode as PNG. It takes a sixth of what Pillow takes for files of the same
size, most of which Pillow spends on trying filters: docs/performance.md compares them. Source: W3C PNG, third edition.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from isal import isal_zlib
from PIL import Image

from limner.pictures.decoding.png import SIGNATURE, chunk

#: Pillow's mode → colour type and channels, of those written here
_MODES = {"L": (0, 1), "RGB": (2, 3), "RGBA": (6, 4)}
#: of 0-3: 2 takes as long for files half a percent smaller, 3 longer, and 0 makes them a third larger
_LEVEL = 1
#: of Pillow, for the other modes, which nobody waits for
_PILLOW_LEVEL = 2
#: filters, by their numbers in the file
_SUB, _UP = 1, 2
#: one byte in so many is looked at to choose a row's filter
_SAMPLED = 4
#: so many bytes are filtered and packed at a time: they stay in a processor's cache, and in memory that the C
#: library keeps, which costs less than fresh pages (limner/pictures/allocator.py)
_BAND_BYTES = 2**18


def png_file(picture: Image.Image) -> bytes:
    """Return a picture as a PNG file, with nothing in it but the picture."""
    if picture.mode not in _MODES:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", compress_level=_PILLOW_LEVEL)
        return buffer.getvalue()
    return png_of([[picture]])


def png_of(rows: Sequence[Sequence[Image.Image]]) -> bytes:
    """Return as a PNG file what rows of pictures side by side show, all of one size and mode: L, RGB or RGBA.

    They are never copied into one: that would take a tenth of the time, and twice the memory.
    """
    first = rows[0][0]
    colour, channels = _MODES[first.mode]
    width, height = first.width * len(rows[0]), first.height * len(rows)
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    pixels = chunk(b"IDAT", *_packed(rows, width * channels, channels))
    return b"".join((SIGNATURE, *chunk(b"IHDR", header), *pixels, *chunk(b"IEND")))


def _packed(
    rows: Sequence[Sequence[Image.Image]], row_bytes: int, channels: int
) -> Iterator[bytes]:
    # numpy is imported here because the API rarely needs it.
    import numpy as np

    packer = isal_zlib.compressobj(_LEVEL)
    # The row above the first one counts as zeros.
    above: Any = np.zeros((1, row_bytes), np.uint8)
    for pictures in rows:
        height = pictures[0].height
        step = max(1, _BAND_BYTES // row_bytes)
        for top in range(0, height, step):
            bottom = min(top + step, height)
            strips = [np.asarray(each.crop((0, top, each.width, bottom))) for each in pictures]
            whole = strips[0] if len(strips) == 1 else np.hstack(strips)
            band: Any = whole.reshape(bottom - top, row_bytes)
            yield packer.compress(_filtered(band, above, channels))
            above = band[-1:]
    yield packer.flush()


def _filtered(band: Any, above: Any, channels: int) -> Any:
    """Return rows as differences from the pixel to the left, or from the one above, whichever are smaller."""
    import numpy as np

    sub, up = (np.empty((len(band), band.shape[1] + 1), np.uint8) for _ in range(2))
    sub[:, 0], up[:, 0] = _SUB, _UP
    sub[:, 1 : channels + 1] = band[:, :channels]
    np.subtract(band[:, channels:], band[:, :-channels], out=sub[:, channels + 1 :])
    np.subtract(band[:1], above, out=up[:1, 1:])
    np.subtract(band[1:], band[:-1], out=up[1:, 1:])
    smaller = _sums(up) < _sums(sub)
    sub[smaller] = up[smaller]
    return sub


def _sums(filtered: Any) -> Any:
    import numpy as np

    differences = filtered[:, 1::_SAMPLED].view(np.int8)
    # int8 has no 128.
    return np.abs(differences, dtype=np.int16).sum(axis=1, dtype=np.int64)
