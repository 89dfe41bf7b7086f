"""The API's gunicorn worker: gthread, with an end to the patience for requests that trickle in.

A thread that has begun to read a request reads it to its end, and gthread itself would wait for ever.
Here a request has ten seconds, and more only as its bytes come in. A slow client may still hold a
thread for so long: who faces strangers puts a proxy in front that reads requests whole.
"""

from __future__ import annotations

import errno
import socket
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

#: to send a request's head, and as much of its body as fits
REQUEST_S = 10.0
#: each so many bytes of it give a second more
BYTES_PER_S = 20_000
#: to take a piece of the answer
ANSWER_S = 30.0


class BoundedSocket(socket.socket):
    """A connection whose requests must arrive in time."""

    _ends = float("inf")

    def setblocking(self, flag: bool) -> None:
        """Begin a new request (a thread takes the connection), or give it back to the poller."""
        self.settimeout(ANSWER_S if flag else 0.0)
        self._ends = time.monotonic() + REQUEST_S

    def recv(self, *args: Any) -> bytes:
        """Return what came, or say that the peer is gone when it took too long."""
        patience_s = self.gettimeout()
        left_s = self._ends - time.monotonic()
        if patience_s == 0.0:
            return super().recv(*args)
        if left_s <= 0:
            raise ConnectionResetError(errno.ECONNRESET, "the request took too long")
        self.settimeout(left_s if patience_s is None else min(patience_s, left_s))
        try:
            data = super().recv(*args)
        except TimeoutError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the request took too long") from error
        finally:
            self.settimeout(patience_s)
        self._ends += len(data) / BYTES_PER_S
        return data


class Worker(ThreadWorker):  # type: ignore[misc]
    """A gthread worker over bounded sockets."""

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to a thread."""
        if not isinstance(conn.sock, BoundedSocket):
            conn.sock = BoundedSocket(fileno=conn.sock.detach())
        super().enqueue_req(conn)
