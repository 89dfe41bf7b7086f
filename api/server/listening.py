"""How an API process stops listening without breaking a connection that a caller holds for made.

Closing a listening socket resets whoever the kernel has accepted for it. So first the kernel is told to
take nobody new, then all that came is accepted, and only then is the socket closed. That may be done only
where the address is given up: a reload, or a worker less, leaves the socket to others. The master knows
(``api/server/gunicorn_hooks.py``); its workers read it from a byte that they share with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import socket as sockets
import struct
import sys

from gevent.server import StreamServer
from gevent.socket import socket

#: Linux's, of asm-generic/socket.h
SO_ATTACH_FILTER = 26
#: for a handshake that has begun to end
HANDSHAKE_S = 0.1

#: a classic BPF program over the TCP header: (operation, jump if true, jump if false, operand)
_NO_SYN = (
    (0x30, 0, 0, 13),  # load the flags
    (0x45, 1, 0, 0x02),  # skip one if SYN is among them
    (0x06, 0, 0, 0xFFFFFFFF),  # pass
    (0x06, 0, 0, 0),  # drop: the caller's kernel tries again in a second
)


class Address:
    """Whether the address is given up, as the master tells its workers."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    @property
    def given_up(self) -> bool:
        """Whether nobody will listen there once the workers have ended."""
        return self._shared[0] == 1

    def give_up(self) -> None:
        """Tell the workers, which end soon."""
        self._shared[0] = 1


#: of this gunicorn, made before its workers
ADDRESS = Address()


def take_nobody_new(listening: socket) -> None:
    """Have the kernel ignore callers that come from now on, where it can.

    Those whose handshake has begun still get in, within ``HANDSHAKE_S``. It lasts as long as the socket, in
    every process.
    """
    if sys.platform != "linux" or listening.family not in (sockets.AF_INET, sockets.AF_INET6):
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in _NO_SYN))
    filtered = struct.pack("HP", len(_NO_SYN), ctypes.addressof(program))
    # A kernel or a sandbox without it closes with a moment in which it can still reset a caller.
    with contextlib.suppress(OSError):
        listening.setsockopt(sockets.SOL_SOCKET, SO_ATTACH_FILTER, filtered)


def accept_the_last(server: StreamServer) -> None:
    """Serve all that the kernel has accepted, and close."""
    # A full pool or too many open files: what is left cannot be served.
    with contextlib.suppress(OSError):
        while not server.pool.full() and (accepted := server.do_read()) is not None:
            server.do_handle(*accepted)
    server.close()
