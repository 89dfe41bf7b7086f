"""One connection at the door, with deadlines for what its peer sends and takes; used by ``api/server/worker.py``.

A greenlet that waits for its peer costs some kilobytes and delays nobody, but it must not wait for ever.
"""

from __future__ import annotations

import errno
import math
import socket as sockets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

from gevent import get_hub
from gevent.socket import socket

#: to receive a request's head, and as much of its body as arrives by then
REQUEST_S = 10.0
#: this many bytes extend the deadline by a second, of a request as of an answer
BYTES_PER_S = 20_000
#: for the peer to accept a piece of the answer
ANSWER_S = 30.0
#: what a peer may still send after the last answer
PARTING_S = 2.0
PARTING_BYTES = 1024 * 1024
READ_BYTES = 65536
#: libev's flag
READABLE = 1


class Link(socket):  # type: ignore[misc]
    """A connection whose peer may neither trickle nor stop."""

    #: when the request being read has to be complete, on the monotonic clock
    _ends = 0.0
    #: a request on it has been answered
    answered = False
    #: nothing of the next request has come yet
    waits = False
    #: an answer's head, which is sent with the first piece of the body
    _head: bytes | None = None
    _head_is_due = False

    @classmethod
    def over(cls, plain: socket) -> Self:
        """Take over the connection of ``plain``, which is detached."""
        return cls(plain.family, plain.type, plain.proto, fileno=plain.detach())

    @contextmanager
    def next_request(self, patience_s: float) -> Iterator[None]:
        """Read a request's head in this block. Its first byte may take ``patience_s``; from there it has its time."""
        self.waits, self._ends = True, time.monotonic() + patience_s
        try:
            yield
        finally:
            if self.waits:
                # Its head came with the request before.
                self._begin()
        self._head_is_due = True

    def hang_up_if_idle(self) -> None:
        """End the connection if no request has begun. One whose bytes are here already is still answered."""
        if self.waits:
            with suppress(OSError):
                self.shutdown(sockets.SHUT_RD)

    @contextmanager
    def watched(self, gone: Callable[[], None]) -> Iterator[None]:
        """Call ``gone`` if the peer hangs up within this block, in which nothing is read."""
        watcher = get_hub().loop.io(self.fileno(), READABLE)

        def look() -> None:
            try:
                ahead = self._sock.recv(1, sockets.MSG_PEEK)
            except BlockingIOError:
                return
            except OSError:
                ahead = b""
            # The next request may have come already; then there is nothing to see behind it.
            watcher.stop()
            if not ahead:
                gone()

        watcher.start(look)
        try:
            yield
        finally:
            watcher.stop()
            watcher.close()

    def recv(self, *args: Any) -> bytes:
        """Return received bytes; past the deadline, report the connection as reset."""
        left_s = self._ends - time.monotonic()
        # What was sent fast earns time to send the rest, not to be silent.
        self.timeout = left_s if self.waits else min(left_s, REQUEST_S)
        if left_s <= 0:
            raise _too_slow("the request took too long")
        try:
            data: bytes = super().recv(*args)
        except TimeoutError:
            raise _too_slow("the request took too long") from None
        if self.waits:
            self._begin()
        self._ends += len(data) / BYTES_PER_S
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of ``data``; past the deadline, report the connection as reset.

        An answer's head is sent with the first piece of its body, or by ``flush``: a packet and a system
        call less.
        """
        if self._head_is_due:
            self._head, self._head_is_due = bytes(data), False
            return
        if self._head is not None:
            data, self._head = self._head + bytes(data), None
        self.timeout = ANSWER_S + math.ceil(len(data) / BYTES_PER_S)
        try:
            super().sendall(data, flags)
        except TimeoutError:
            raise _too_slow("the answer was taken too slowly") from None

    def flush(self) -> None:
        """Send a head that no body has followed."""
        self._head_is_due = False
        if self._head is not None:
            self.sendall(b"")

    def part(self) -> None:
        """Send what is left to send, and end the connection so that the peer can still read it.

        Closed with bytes unread, a connection is reset, and a peer that is still sending may never see
        its answer. So the rest is read and thrown away, within bounds.
        """
        self.flush()
        ends, left = time.monotonic() + PARTING_S, PARTING_BYTES
        with suppress(OSError):
            self.shutdown(sockets.SHUT_WR)
            while left > 0 and (left_s := ends - time.monotonic()) > 0:
                self.timeout = left_s
                data = super().recv(READ_BYTES)
                if not data:
                    break
                left -= len(data)

    def _begin(self) -> None:
        self.waits, self._ends = False, time.monotonic() + REQUEST_S


def _too_slow(what: str) -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, what)
