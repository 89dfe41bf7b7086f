"""The API's gunicorn worker: gthread, with a deadline for requests that trickle in.

A thread that has begun to read a request reads it to its end, and gthread itself would wait for ever.
Here a request has ten seconds, and more only while its bytes arrive. A slow client can still hold a
thread that long: a public gateway belongs behind a proxy that buffers requests.

A request makes few system calls here, because each of them hands the interpreter lock to another
thread (``limner.kernel_timeouts``).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import math
import socket
import time
from http import HTTPStatus
from typing import Any, Self

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

from api.server.one_core import OneCore
from api.server.unreadable import head_and_body, is_the_proxys, status_of
from limner.kernel_timeouts import limit_reads, limit_writes
from limner.log import event

log = logging.getLogger(__name__)

#: to receive a request's head, and as much of its body as arrives by then
REQUEST_S = 10.0
#: this many bytes of the request extend the deadline by a second
BYTES_PER_S = 20_000
#: for the peer to accept a piece of the response
ANSWER_S = 30.0
#: how long a thread that nobody else needs stays with its connection after a response
LINGER_S = 0.02
#: the size of gunicorn's own reads
READ_BYTES = 8192


class BoundedSocket(socket.socket):
    """A connection with deadlines for reading requests and sending responses."""

    _ends = math.inf
    #: gunicorn's own timeout in addition, seconds; None: none
    _limit_s: float | None = None
    #: the kernel's current receive timeout, seconds
    _patience_s = 0.0
    #: bytes read while a thread lingered
    _early: bytes | None = None
    #: a response's head, held back to be sent with the first piece of its body
    _head: bytes | None = None
    _head_is_out = True

    @classmethod
    def over(cls, plain: socket.socket) -> Self:
        """Take over the connection of ``plain``, which is detached."""
        bounded = cls(fileno=plain.detach())
        socket.socket.setblocking(bounded, True)
        limit_writes(bounded, ANSWER_S)
        return bounded

    def setblocking(self, flag: bool) -> None:
        """Begin a new request (a thread takes the connection), or return it to the poller.

        The poller only waits for data and reads nothing, so for it nothing has to change.
        """
        if flag:
            self._ends = time.monotonic() + REQUEST_S
            self._limit_s = None
            self._head_is_out = False

    def gettimeout(self) -> float | None:
        """Return the timeout that ``settimeout`` set."""
        return self._limit_s

    def settimeout(self, value: float | None) -> None:
        """Limit each read from now on to ``value`` seconds."""
        self._limit_s = value

    def recv(self, *args: Any) -> bytes:
        """Return received bytes; past the deadline, report the connection as reset."""
        early, self._early = self._early, None
        if early is not None:
            return early
        left_s = self._ends - time.monotonic()
        if self._limit_s is not None:
            left_s = min(left_s, self._limit_s)
        if left_s <= 0:
            raise _too_slow("the request took too long")
        # Rounded up, so that most reads need not set the kernel's timeout again.
        data = self._read_within(math.ceil(left_s * 10) / 10, *args)
        if data is None:
            raise _too_slow("the request took too long")
        self._ends += len(data) / BYTES_PER_S
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of ``data``; past the deadline, report the connection as reset.

        The first piece after a request is the response's head; it is held back until the next piece,
        or ``flush``.
        """
        if not self._head_is_out:
            self._head, self._head_is_out = bytes(data), True
            return
        if self._head is not None:
            data, self._head = self._head + bytes(data), None
        # The kernel sends everything, however often it has to wait, unless a signal interrupts it.
        left, ends = memoryview(data), time.monotonic() + ANSWER_S
        while left:
            try:
                left = left[self.send(left, flags) :]
            except BlockingIOError:
                break
            if time.monotonic() > ends:
                break
        if left:
            raise _too_slow("the answer was taken too slowly")

    def flush(self) -> None:
        """Send what was held back: the response has no body, or an unusual one."""
        if self._head is not None:
            # After gunicorn itself refuses a request, the next one begins.
            self._head_is_out = True
            self.sendall(b"")

    def lingers(self) -> bool:
        """Wait briefly for the next request; return whether it came (or the peer hung up)."""
        self._early = self._read_within(LINGER_S, READ_BYTES)
        return self._early is not None

    def _read_within(self, seconds: float, *args: Any) -> bytes | None:
        if seconds != self._patience_s:
            limit_reads(self, seconds)
            self._patience_s = seconds
        try:
            return super().recv(*args)
        except BlockingIOError:
            return None


class Worker(ThreadWorker):  # type: ignore[misc]
    """A gthread worker with bounded sockets, whose threads stay with a busy connection."""

    def init_process(self) -> None:
        """Start to serve, in the newly forked process."""
        OneCore.watch()
        self._threads: int = self.cfg.threads
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to a thread."""
        if not isinstance(conn.sock, BoundedSocket):
            conn.sock = BoundedSocket.over(conn.sock)
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Answer the request on a connection, and those that follow immediately.

        Each would otherwise pass through the poller and the pool, two more threads. While there are no
        more connections than threads, a thread that stays delays only one that connects at that moment.
        """
        while True:
            again = super().handle(conn)
            try:
                conn.sock.flush()
            except OSError:
                return False
            read_ahead = again is True and conn.parser.unreader.buf.getvalue()
            crowded = self.nr_conns > self._threads
            if again is not True or read_ahead or crowded or not self.alive:
                return again
            if not conn.sock.lingers():
                return again

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer a request that cannot be parsed, or that failed outside the application."""
        status, sentence = status_of(exc)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            event(log, "request.broke", level=logging.ERROR, error=True, kind=type(exc).__name__)
        else:
            level = logging.WARNING if is_the_proxys(exc) else logging.INFO
            kind = type(exc).__name__
            event(log, "request.misread", level=level, kind=kind, status=int(status), why=sentence)
        with contextlib.suppress(OSError):
            for piece in head_and_body(status, sentence):
                client.sendall(piece)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Return whether the connection can take another request.

        An error in an unread body closes the connection; the response has already been sent.
        """
        try:
            return bool(super()._keepalive_after(conn, keepalive))
        except ParseException:
            return False


def _too_slow(what: str) -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, what)
