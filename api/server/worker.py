"""The API's gunicorn worker: gevent's, with deadlines for its peers and an orderly end.

Each connection has a greenlet, so one that waits delays nobody. Only what greenlets wait for is
patched: sockets and sleep. Threads stay threads, and do the work that would block the event loop
(``api/server/greenlets.py``).
"""

from __future__ import annotations

import contextlib
import logging
import time
import warnings
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any

import gevent
from gevent import monkey
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gevent.socket import SOCK_STREAM, socket
from gunicorn.http.errors import ParseException
from gunicorn.workers.ggevent import GeventWorker

from api.ending import ENDING
from api.server.link import READ_BYTES, REQUEST_S, Link
from api.server.listening import ADDRESS, HANDSHAKE_S, accept_the_last, take_nobody_new
from api.server.unreadable import head_and_body, is_the_proxys, status_of
from limner.log import event
from stack.readiness import tell_ready

log = logging.getLogger(__name__)

#: how often gunicorn's master must hear from a worker
NOTIFY_S = 1.0
#: how long a connection that was accepted at the very end has to send its request
LAST_S = 1.0
#: how much of a body that the application did not want is read for the sake of the next request
UNREAD_BYTES = 256 * 1024


class _Listener:
    """What gunicorn asks of a listening socket, also after it was closed."""

    def __init__(self, listening: socket) -> None:
        self._name = listening.getsockname()

    def getsockname(self) -> Any:
        """Return the address it listens, or listened, on."""
        return self._name


class Worker(GeventWorker):  # type: ignore[misc]
    """A gevent worker with bounded connections, which refuses nothing that it has accepted."""

    #: gunicorn's, and from ``patch`` on gevent's
    sockets: list[Any]

    def patch(self) -> None:
        """Let greenlets take turns wherever they wait for a peer or for time."""
        monkey.patch_socket()
        monkey.patch_time()
        with warnings.catch_warnings():
            # It names redis-py's asyncio half, which nobody uses here.
            warnings.simplefilter("ignore", monkey.MonkeyPatchWarning)
            monkey.patch_ssl()
        self.sockets = [
            socket(one.FAMILY, SOCK_STREAM, fileno=one.sock.detach()) for one in self.sockets
        ]

    def init_process(self) -> None:
        """Start to serve, in the newly forked process."""
        self._links: set[Link] = set()
        self._told = Event()
        log_crashes()
        # At each request gunicorn asks for some forty settings, and each answer would take two calls.
        self.cfg.__dict__.update({name: one.get() for name, one in self.cfg.settings.items()})
        super().init_process()

    def run(self) -> None:
        """Accept until told to end, then finish what has come; first let ``/readyz`` say so if nobody else listens there."""
        pool = Pool(self.worker_connections)
        servers = [
            StreamServer(one, handle=partial(self.handle, _Listener(one)), spawn=pool)
            for one in self.sockets
        ]
        for server in servers:
            if self.cfg.workers > 1:
                # Or one process would take all that come at once.
                server.max_accept = 1
            server.start()
        tell_ready()
        while self.alive:
            self.notify()
            self._told.wait(NOTIFY_S)
        ends = time.monotonic() + self.cfg.graceful_timeout
        if ADDRESS.given_up:
            # Where others go on at the address, nobody should look for another.
            ENDING.begin()
            self._rest(ENDING.drain_s)
            for server in servers:
                take_nobody_new(server.socket)
            self._rest(HANDSHAKE_S)
        for server in servers:
            accept_the_last(server)
        ENDING.finish()
        fresh_until = time.monotonic() + LAST_S
        while pool and time.monotonic() < ends:
            for link in list(self._links):
                if link.answered or time.monotonic() > fresh_until:
                    link.hang_up_if_idle()
            self._rest(0.05)
        pool.kill(timeout=1)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to end, without waiting for the next notice."""
        super().handle_exit(sig, frame)
        self._told.set()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection to its end."""
        link = Link.over(client)
        gevent.getcurrent().link = link
        self._links.add(link)
        try:
            super().handle(listener, link, addr)
        finally:
            self._links.discard(link)

    def timeout_ctx(self) -> contextlib.AbstractContextManager[None]:
        """Return the block in which the next request's head is read."""
        link: Link = gevent.getcurrent().link
        return link.next_request(self.cfg.keepalive if link.answered else REQUEST_S)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer a request, and let go of what of its body nobody has read."""
        try:
            super().handle_request(listener_name, req, sock, addr)
        except StopIteration:
            # The connection ends; who still sends can read the answer first.
            sock.part()
            raise
        finally:
            sock.answered = True
            sock.flush()
        if not _read_to_its_end(req.body):
            sock.part()
            raise StopIteration

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
            client.sendall(b"".join(head_and_body(status, sentence)))
            client.part()

    def _rest(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while (left_s := ends - time.monotonic()) > 0:
            self.notify()
            gevent.sleep(min(left_s, NOTIFY_S))


def log_crashes() -> None:
    """Have errors that end a greenlet logged: gevent would print them to standard error, past the log."""
    gevent.get_hub().print_exception = _log_crash


def _log_crash(
    context: Any, kind: type[BaseException], error: BaseException, where: TracebackType | None
) -> None:
    event(log, "greenlet.crashed", level=logging.ERROR, error=error or False, why=kind.__name__)


def _read_to_its_end(body: Any) -> bool:
    """Return whether the next request can follow: this one's body was read, or what is left of it is short."""
    left = UNREAD_BYTES
    try:
        while left > 0 and (data := body.read(READ_BYTES)):
            left -= len(data)
    except ParseException:
        return False
    return left > 0
