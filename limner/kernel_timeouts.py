"""Time-outs of sockets that the kernel keeps; used by the store's connections and the API's worker.

With one of Python's own, each read and write is two system calls (it polls first), and each change of
it is one more. At every system call a thread lets go of the interpreter's lock, and where others wait
for it, it is theirs: in an API of sixteen busy threads those hand-overs cost more than the requests.
A read or write whose time is over raises ``BlockingIOError``.
"""

from __future__ import annotations

import socket
import struct


def limit_reads(sock: socket.socket, seconds: float) -> None:
    """End each read of a blocking ``sock`` after so long at the latest."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))


def limit_writes(sock: socket.socket, seconds: float) -> None:
    """End each write to a blocking ``sock`` after so long at the latest."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(seconds))


def _timeval(seconds: float) -> bytes:
    # Two zeros would mean no end at all.
    microseconds = max(1, round(seconds * 1e6))
    return struct.pack("@ll", *divmod(microseconds, 1_000_000))
