"""The messages between workers and the drawing process: JSON, then pictures, over a local socket.

Only the framing of the standard library's ``Connection`` is used, nothing is pickled. Used by both ends.
"""

from __future__ import annotations

import json
import math
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """A message between the two ends."""

    header: dict[str, Any]
    parts: tuple[bytes, ...] = ()


def connection_over(line: socket.socket, limit_s: float) -> Connection:
    """Return the framing over a connected socket, whose other end may not keep us longer than ``limit_s``."""
    line.setblocking(True)
    # The kernel's own limits: a peer that is stopped in the middle of a message is a dead one.
    limit = struct.pack("ll", math.floor(limit_s), 0)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    return Connection(line.detach())


def send(pipe: Connection, header: Mapping[str, Any], parts: Sequence[bytes] = ()) -> None:
    """Send one message.

    Raises:
        OSError: the other end is gone, or takes nothing.
    """
    pipe.send_bytes(json.dumps({"parts": len(parts), **header}).encode())
    for part in parts:
        pipe.send_bytes(part)


def receive(pipe: Connection) -> Message:
    """Read one message.

    Raises:
        EOFError, OSError, ValueError: the other end is gone, or says nothing that makes sense.
    """
    header: dict[str, Any] = json.loads(pipe.recv_bytes())
    return Message(header, tuple(pipe.recv_bytes() for _ in range(header.pop("parts"))))
