"""Socket timeouts enforced by the kernel; used by the store's connections and the API's worker.

With Python's own timeouts, each read and write is two system calls (it polls first), and each change
of the timeout is another. At every system call a thread releases the interpreter lock, and if others
wait for it, they get it: in an API with sixteen busy threads those switches cost more than the
requests. A read or write that times out raises ``BlockingIOError``.
"""

from __future__ import annotations

import socket
import struct


def limit_reads(sock: socket.socket, seconds: float) -> None:
    """Set a timeout for each read from a blocking ``sock``."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))


def limit_writes(sock: socket.socket, seconds: float) -> None:
    """Set a timeout for each write to a blocking ``sock``."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(seconds))


def _timeval(seconds: float) -> bytes:
    # Two zeros would mean no timeout at all.
    microseconds = max(1, round(seconds * 1e6))
    return struct.pack("@ll", *divmod(microseconds, 1_000_000))
