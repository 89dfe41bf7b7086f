"""End one request from another thread, whatever it waits for: connection, TLS or answer.

Used by deadlines (``net/deadline.py``), and by drivers whose drawing is one long request: to stop is
to hang up. Nothing but shutting its socket ends a read that has begun.
"""

from __future__ import annotations

import contextlib
import socket
import threading


class Cut:
    """One request's line. Calling it cuts the line, at once or as soon as there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        #: whether it was cut: what the request raises is then no news of the peer
        self.done = False

    def __call__(self) -> None:
        with self._lock:
            self.done = True
            self._shut()

    def hold(self, sock: socket.socket) -> None:
        """Take a handle of our own on the socket that the request now goes over.

        TLS moves the first one into an object of its own, and a connection closes it while its answer
        may still be read. Shutting asks no socket for its family: any will do.
        """
        handle = socket.fromfd(sock.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        with self._lock:
            self._let_go()
            self._handle = handle
            if self.done:
                self._shut()

    def close(self) -> None:
        """Close our handle: the peer sees the end of the line only then."""
        with self._lock:
            self._let_go()

    def _shut(self) -> None:
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)

    def _let_go(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None
