"""JPEG files before they are opened: how many pieces and scans they have.

Pillow keeps each segment, and libjpeg goes over the whole picture for each scan: 61 bytes of a scan of
nothing cost it 24 ms where there are 36 million pixels. Source: ITU-T T.81, B.1.1.
"""

from __future__ import annotations

import re

#: segments of all kinds; a colour profile or a description of 10 MB is some 160
_SEGMENTS_MAX = 1000
#: encoders write about ten
_SCANS_MAX = 100
_SCAN, _END = 0xDA, 0xD9
#: a marker that has something to say: not a zero that is put behind an 0xFF of the pixels, not a restart
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
#: no decoder knows what follows these, or how long it is
_UNKNOWN = {0xC8, *range(0xF0, 0xFE)}


def scans(data: bytes) -> int:
    """Return how many scans a file has, as far as it goes.

    Raises:
        ValueError: it has more of them, or more segments, than any encoder writes.
    """
    at, segments, found = 2, 0, 0
    while marker := _MARKER.search(data, at):
        kind, at = marker[1][0], marker.end()
        segments += 1
        found += kind == _SCAN
        if segments > _SEGMENTS_MAX or found > _SCANS_MAX or kind in _UNKNOWN:
            raise ValueError("too many segments or scans, or unknown ones")
        if kind != _END:
            at += int.from_bytes(data[at : at + 2], "big")
        elif found:
            break
    return found
