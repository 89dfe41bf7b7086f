"""The primary: where it is, which of this process's connections lead to it, and the kind of these connections.

Redis may fail over: the server at an address is demoted, and its connections live on; or another server
becomes the primary, which Sentinels or a name server know. So a connection leads to a primary or is none:
it looks at the server's role when it is made, and closes when an answer, or the lookout
(``limner/store/lookout.py``), finds that its server is no primary any more. All others to that server are
shut down with it, whoever waits on them: a blocked pop, a subscription, an idle one in a pool.

One ``Primary`` serves all stores and the broker of a process.
"""

from __future__ import annotations

import _socket
import contextlib
import functools
import math
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from contextvars import ContextVar
from typing import Any

from redis import DriverInfo
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError, NoPermissionError, ResponseError

from limner.settings.redis_address import RedisAddress
from limner.store.answers import is_no_primary, is_of_the_server, pairs, said
from limner.store.sentinels import Place, Sentinels
from limner.store.waits import allowed_s, count_waited

IS_REPLICA = "the server is a replica at the moment"
IS_FORMER = "another server is the primary now"
#: the least time to ask Sentinels for, seconds
LEAST_S = 0.05


#: a right that is missing is expected by the caller, and says nothing of the server
_asks_leave: ContextVar[bool] = ContextVar("asks_leave", default=False)


@contextlib.contextmanager
def asking_leave() -> Iterator[None]:
    """Keep the connection if the server says that its user may not do what is asked within.

    For what Limner can do without; any other command finds out whether another server has taken its place.
    """
    token = _asks_leave.set(True)
    try:
        yield
    finally:
        _asks_leave.reset(token)


class NotPrimary(ConnectionError):
    """The server is no primary, or not any more: to us, the connection is lost."""


class Primary:
    """The primary of one address, as a process knows it. Safe to share between threads."""

    def __init__(self, address: RedisAddress, look_out: Callable[[Primary], None]) -> None:
        self.address = address
        self._place: Place | None = None
        #: when Sentinels were asked for it, and when it was last doubted
        self._asked_at = self._doubted_at = -math.inf
        #: the Sentinels that did not answer in time, and since when
        self.silent: dict[Place, float] = {}
        # Held for moments only, and never while something is awaited.
        self._lock = threading.Lock()
        self._connections: weakref.WeakSet[Leading] = weakref.WeakSet()
        self._look_out = look_out
        #: the process that has a lookout: a fork's child has none yet
        self._watched_by = 0

    def watch(self) -> None:
        """Have a lookout in this process."""
        with self._lock:
            if self._watched_by == os.getpid():
                return
            self._watched_by = os.getpid()
            self._connections.clear()
        self._look_out(self)

    def place(self) -> Place | None:
        """Return where the primary is by its Sentinels; None: the address itself says so.

        Raises:
            ConnectionError: no Sentinel knows.
        """
        if not self.address.sentinels:
            return None
        if self._asked_at <= self._doubted_at or self._place is None:
            began = time.monotonic()
            try:
                most_s = max(allowed_s(math.inf), LEAST_S)
                with closing(Sentinels(self.address, self.silent, most_s)) as asked:
                    self.named(asked.ask(), began)
            finally:
                count_waited(time.monotonic() - began)
        return self._place

    def named(self, place: Place, asked_at: float) -> bool:
        """Take in what Sentinels said when asked then; return whether it is news.

        What leads elsewhere is dropped. An answer to an older question than the last is none.
        """
        with self._lock:
            if asked_at < self._asked_at:
                return False
            self._asked_at = asked_at
            is_news = place != self._place
            self._place = place
        if is_news:
            self.drop(lambda line: (line.host, line.port) != place)
        return is_news

    def doubt(self) -> None:
        """Ask Sentinels again before the next connection."""
        self._doubted_at = time.monotonic()

    def joined(self, line: Leading) -> None:
        """Note a connection to the primary.

        Raises:
            NotPrimary: since it was begun, Sentinels named another server.
        """
        with self._lock:
            if self.address.sentinels and (line.host, line.port) != self._place:
                raise NotPrimary(IS_FORMER)
            self._connections.add(line)

    def left(self, peer: object) -> None:
        """Note that this server is no primary any more."""
        self.doubt()
        self.drop(lambda line: line.peer == peer)

    def drop(self, leads_elsewhere: Callable[[Leading], bool]) -> None:
        """Shut down those connections: whoever waits on one finds it closed."""
        for line in self._connected():
            line.shut_if(leads_elsewhere)

    def is_used(self, besides: Leading) -> bool:
        """Return whether there is any other connection."""
        return any(line is not besides for line in self._connected())

    def _connected(self) -> list[Leading]:
        with self._lock:
            lines = list(self._connections)
        return [line for line in lines if line.is_connected and line.pid == os.getpid()]


@functools.cache
def _driver() -> DriverInfo:
    """What connections say of redis-py; each would look its version up in the package's files anew."""
    return DriverInfo()


class Leading(AbstractConnection):
    """A connection that leads to the primary, or is none; mixed into redis-py's kinds by ``leading``."""

    host: str
    port: int
    _sock: Any
    #: the kind it is mixed into
    kind: type[AbstractConnection]
    #: whether every answer about the server ends it; else it is closed before its next use
    strict = False

    def __init__(self, *, primary: Primary, **options: Any) -> None:
        self._primary = primary
        #: the server that it leads to, as the system names it, and since when
        self.peer: object = None
        self.joined_at = 0.0
        self._is_doubtful = self._is_greeting = False
        super().__init__(**{"driver_info": _driver(), **options})

    def _connect(self) -> Any:
        # What is said of the server that it led to until now is not about the next one.
        self.peer = None
        self._primary.watch()
        if place := self._primary.place():
            self.host, self.port = place
        try:
            return super()._connect()  # type: ignore[safe-super,no-untyped-call]
        except OSError:
            self._primary.doubt()
            raise

    def on_connect_check_health(self, check_health: bool = True) -> None:
        """Shake hands, and go away again if the server says that it is a replica.

        Raises:
            ConnectionError: it is one, or is gone already.
        """
        try:
            self.peer = self._sock.getpeername()
        except OSError as error:
            # To redis-py, only its own kind is a connection that is lost.
            raise ConnectionError(self._error_message(error)) from error  # type: ignore[no-untyped-call]
        self.joined_at = time.monotonic()
        # Before the server is asked for its role: what others find out after its answer is not missed.
        self._primary.joined(self)
        self._is_greeting = True
        try:
            super().on_connect_check_health(check_health=check_health)
        except ResponseError as error:
            if self.strict and is_of_the_server(error):
                raise ConnectionError(said(error).strip()) from error
            raise
        finally:
            self._is_greeting = False
        # With RESP3, its answer is part of the handshake.
        if (role_of(self.handshake_metadata) or self.role()) == "replica":
            self._primary.doubt()
            raise NotPrimary(IS_REPLICA)
        self._is_doubtful = False

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send a command, on a new connection if the server of this one refused to serve."""
        if self._is_doubtful:
            self._is_doubtful = False
            self.disconnect()  # type: ignore[no-untyped-call]
        super().send_packed_command(command, check_health=check_health)  # type: ignore[no-untyped-call]

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Return the answer.

        Raises:
            NotPrimary: only a server that is no primary says this.
        """
        try:
            return super().read_response(*args, **options)
        except ResponseError as error:
            if is_no_primary(error):
                self.disconnect()  # type: ignore[no-untyped-call]
                self._primary.left(self.peer)
                raise NotPrimary(said(error).strip()) from error
            # Much of a greeting is a wish: redis-py knows what it can do without.
            is_wish = self._is_greeting or (
                _asks_leave.get() and isinstance(error, NoPermissionError)
            )
            if is_of_the_server(error) and not is_wish:
                if self.strict:
                    self.disconnect()  # type: ignore[no-untyped-call]
                    raise ConnectionError(said(error).strip()) from error
                # Not at once: within a pipeline, more answers are to be read.
                self._is_doubtful = True
            raise

    def role(self) -> str | None:
        """Return the role that its server has now: primary, replica, or None if it does not say.

        Raises:
            RedisError: it does not answer.
        """
        self.send_command("HELLO", check_health=False)  # type: ignore[no-untyped-call]
        try:
            return role_of(self.read_response())
        except ResponseError:
            return None

    def shut_if(self, leads_elsewhere: Callable[[Leading], bool]) -> None:
        """End the connection from another thread, whatever it is doing; its owner finds it closed."""
        # First, for it may be remade meanwhile: then this one is closed already.
        sock = self._sock
        if not leads_elsewhere(self):
            return
        # The system's own socket: those of an event loop, and those with TLS, are another thread's.
        with contextlib.suppress(OSError, TypeError, AttributeError):
            _socket.socket.shutdown(getattr(sock, "_sock", sock), socket.SHUT_RDWR)


def leading(kind: Any, *, strict: bool = False) -> Any:
    """Return the class of connections of ``kind`` that lead to the primary."""
    return type(f"Leading{kind.__name__}", (Leading, kind), {"kind": kind, "strict": strict})


def role_of(hello: Any) -> str | None:
    """Return the role of the server that greeted so; unlike ROLE, every user may ask for it."""
    role = pairs(hello).get("role")
    return "primary" if role == "master" else "replica" if role in ("replica", "slave") else None
