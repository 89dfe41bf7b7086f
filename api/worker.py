"""The API's gunicorn worker: gthread, with an end to the patience for requests that trickle in.

A thread that has begun to read a request reads it to its end, and gthread itself would wait for ever.
Here a request has ten seconds, and more only as its bytes come in. A slow client may still hold a
thread for so long: who faces strangers puts a proxy in front that reads requests whole.

A request is few system calls here, because each of them lets another thread have the interpreter's
lock (``limner.kernel_timeouts``).
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

from api.unreadable import head_and_body, is_the_proxys, status_of
from limner.kernel_timeouts import limit_reads, limit_writes
from limner.log import event
from limner.one_core import OneCore

log = logging.getLogger(__name__)

#: to send a request's head, and as much of its body as fits
REQUEST_S = 10.0
#: each so many bytes of it give a second more
BYTES_PER_S = 20_000
#: to take a piece of the answer
ANSWER_S = 30.0
#: a thread that nobody else needs stays with its connection for so long after an answer
LINGER_S = 0.02
#: as much as gunicorn reads at a time
READ_BYTES = 8192


class BoundedSocket(socket.socket):
    """A connection whose requests must arrive in time, and whose answers must be taken in time."""

    _ends = math.inf
    #: what gunicorn asks for on top, seconds; None: nothing
    _limit_s: float | None = None
    #: what the kernel was told to wait for at a read, seconds
    _patience_s = 0.0
    #: what was read while a thread lingered
    _early: bytes | None = None
    #: the head of an answer, kept back to go out with the first piece of its body
    _head: bytes | None = None
    _head_is_out = True

    @classmethod
    def over(cls, plain: socket.socket) -> Self:
        """Take a connection over from ``plain``, which is empty after that."""
        bounded = cls(fileno=plain.detach())
        socket.socket.setblocking(bounded, True)
        limit_writes(bounded, ANSWER_S)
        return bounded

    def setblocking(self, flag: bool) -> None:
        """Begin a new request (a thread takes the connection), or give it back to the poller.

        The poller looks for what has come and reads nothing: for it, the connection stays as it is.
        """
        if flag:
            self._ends = time.monotonic() + REQUEST_S
            self._limit_s = None
            self._head_is_out = False

    def gettimeout(self) -> float | None:
        """Return what ``settimeout`` was told."""
        return self._limit_s

    def settimeout(self, value: float | None) -> None:
        """Wait at most ``value`` seconds at each read from here on."""
        self._limit_s = value

    def recv(self, *args: Any) -> bytes:
        """Return what came, or say that the peer is gone when it took too long."""
        early, self._early = self._early, None
        if early is not None:
            return early
        left_s = self._ends - time.monotonic()
        if self._limit_s is not None:
            left_s = min(left_s, self._limit_s)
        if left_s <= 0:
            raise _too_slow("the request took too long")
        # Rounded up, so that most reads find the kernel told already.
        data = self._read_within(math.ceil(left_s * 10) / 10, *args)
        if data is None:
            raise _too_slow("the request took too long")
        self._ends += len(data) / BYTES_PER_S
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of ``data``, or say that the peer is gone when it took too long.

        What comes first after a request is the answer's head; it waits for what comes next, or for
        ``flush``.
        """
        if not self._head_is_out:
            self._head, self._head_is_out = bytes(data), True
            return
        if self._head is not None:
            data, self._head = self._head + bytes(data), None
        # The kernel takes everything, however often it has to wait, unless a signal ends its wait.
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
        """Send what was kept back: the answer has no body, or is no ordinary one."""
        if self._head is not None:
            # Where gunicorn itself refuses a request, it begins a new one after its answer.
            self._head_is_out = True
            self.sendall(b"")

    def lingers(self) -> bool:
        """Wait for the next request for a moment, and tell if it came (or the peer went)."""
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
    """A gthread worker over bounded sockets, whose threads stay with a busy connection."""

    def init_process(self) -> None:
        """Start to serve, in the process that was just forked."""
        OneCore.watch()
        self._threads: int = self.cfg.threads
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to a thread."""
        if not isinstance(conn.sock, BoundedSocket):
            conn.sock = BoundedSocket.over(conn.sock)
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Answer the request on a connection, and those that follow at once.

        Through the poller and the pool each would take two threads more. With no more connections
        than threads, a thread that stays keeps nobody waiting but one that connects just then.
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
        """Answer what cannot be read as a request, or broke outside of the application."""
        status, sentence = status_of(exc)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            event(log, "request.broke", logging.ERROR, error=True, kind=type(exc).__name__)
        else:
            level = logging.WARNING if is_the_proxys(exc) else logging.INFO
            kind = type(exc).__name__
            event(log, "request.misread", level, kind=kind, status=int(status), why=sentence)
        with contextlib.suppress(OSError):
            for piece in head_and_body(status, sentence):
                client.sendall(piece)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Tell whether the connection is good for another request.

        What is wrong with a body that nobody read ends the connection; its answer has gone out.
        """
        try:
            return bool(super()._keepalive_after(conn, keepalive))
        except ParseException:
            return False


def _too_slow(what: str) -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, what)
