"""The protocol between the engine and its painting processes: a JSON header, then raw bytes.

Used by ``children.py`` on one end of a pair of pipes and by ``child.py`` on the other. A frame is
two big-endian lengths (header, body), the header, the body.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

LENGTHS = struct.Struct(">II")

#: no valid frame comes near this; a larger length means that the pipe carries something else
MOST_BYTES = 64 * 1024 * 1024

#: reads exactly that many bytes, or raises EOFError
ReadExactly = Callable[[int], bytes]


def pack(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """Return one frame."""
    text = json.dumps(header).encode()
    return LENGTHS.pack(len(text), len(body)) + text + body


def unpack(read: ReadExactly) -> tuple[dict[str, Any], bytes]:
    """Read one frame.

    Raises:
        EOFError: the other end is gone, or what came is not a frame.
    """
    header_bytes, body_bytes = LENGTHS.unpack(read(LENGTHS.size))
    if header_bytes > MOST_BYTES or body_bytes > MOST_BYTES:
        raise EOFError("the pipe carries something other than frames")
    header: dict[str, Any] = json.loads(read(header_bytes))
    return header, read(body_bytes) if body_bytes else b""
