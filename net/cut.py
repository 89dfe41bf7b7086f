"""End a request from another thread, whatever it waits for: connection, TLS or response.

Used by deadlines (``net/deadline.py``), and by drivers whose drawing is one long request, which they
stop by hanging up. Only shutting the socket down ends a read that has begun.
"""

from __future__ import annotations

import contextlib
import socket
import threading


class Cut:
    """One request's connection. Calling it cuts the connection, at once or as soon as there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        #: whether it was cut: then the request's error says nothing about the peer
        self.done = False

    def __call__(self) -> None:
        with self._lock:
            self.done = True
            self._shut()

    def hold(self, sock: socket.socket) -> None:
        """Duplicate the handle of the socket that the request now uses.

        TLS moves the first handle into an object of its own, and a connection closes it while its response
        may still be being read. ``shutdown`` ignores a socket's family, so any will do.
        """
        handle = socket.fromfd(sock.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        with self._lock:
            self._let_go()
            self._handle = handle
            if self.done:
                self._shut()

    def close(self) -> None:
        """Close our handle: only then does the peer see the connection close."""
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
