"""Connections that look before they dial, and the deadline that ends whatever a peer drags out.

Used by ``workers/outgoing.py`` only. A policy that looks at URLs can be fooled by DNS; this one is
asked for the very addresses that ``connect`` is then called with.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Any, ClassVar, Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from limner.address import DialPolicy
from limner.answers import PatientResponse
from limner.target import DENIED_PORTS

#: the longest a name may take; the resolver's own time-outs are longer and cannot be set from here
RESOLVE_S = 5.0
#: look-ups at a time: what a dead name server can hold up
RESOLVERS = 64
#: a kept connection is not used beyond this age, so a name's new addresses are seen
CONNECTION_AGE_S = 300.0
#: how exactly a deadline is kept
WATCH_S = 0.1

_resolving = threading.BoundedSemaphore(RESOLVERS)


class NameNotFound(OSError):
    """The name has no address, or none came in time."""


class Deadline:
    """The time one request may take; when it is over, its socket is shut whatever it is doing.

    Socket time-outs bound each ``recv``, so a peer that sends a byte now and then never meets them.
    """

    _current: ClassVar[threading.local] = threading.local()

    def __init__(self, total_s: float) -> None:
        self._started = time.monotonic()
        self.ends = self._started + total_s
        self.passed = False
        #: the peer that was dialled
        self.address: str | None = None
        #: whether the connection had been used before
        self.reused = False
        #: the answer, once its head was complete and in time
        self.answer: PatientResponse | None = None
        self._socket: socket.socket | None = None
        #: the connection has closed it; only the answer is still read from it
        self._left_to_us = False
        self._lock = threading.Lock()

    @classmethod
    def current(cls) -> Deadline | None:
        """Return the deadline that this thread works under."""
        return getattr(cls._current, "deadline", None)

    @property
    def left_s(self) -> float:
        """Seconds until it is over; never zero, which would mean for ever to a socket."""
        return max(0.001, self.ends - time.monotonic())

    @property
    def late(self) -> bool:
        """Whether it is over, if the watchdog has not come yet: what fails now, fails for that."""
        return self.passed or time.monotonic() >= self.ends

    @property
    def age_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._started

    def __enter__(self) -> Self:
        self._current.deadline = self
        _watchdog.watch(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._current.deadline = None
        with self._lock:
            self._let_go()
        _watchdog.forget(self)

    def use(self, sock: socket.socket, address: str, *, reused: bool) -> None:
        """Name the socket that the request now goes over."""
        with self._lock:
            self._let_go()
            self._socket, self.address, self.reused = sock, address, reused
            if self.passed:
                _shut(sock)

    def take_over(self, sock: socket.socket) -> bool:
        """Take a socket that its connection closes, if the request goes over it.

        An answer that ends with its connection is read after that; it must have an end all the same.
        """
        with self._lock:
            if self._socket is not sock:
                return False
            self._left_to_us = True
            return True

    def _let_go(self) -> None:
        if self._left_to_us and self._socket is not None:
            self._socket.close()
        self._socket, self._left_to_us = None, False

    def hear(self, answer: PatientResponse) -> None:
        """Note what the peer has answered."""
        with self._lock:
            # Shutting a socket ends a head as if the peer had ended it.
            if not self.passed:
                self.answer = answer

    @property
    def status(self) -> int | None:
        """The status of the answer, as soon as there is one."""
        return self.answer.status if self.answer else None

    def cut_to(self, left_s: float) -> None:
        """Leave so much time for the rest, if there is more."""
        self.ends = min(self.ends, time.monotonic() + left_s)

    def end(self) -> None:
        """Shut the socket; called by the watchdog."""
        with self._lock:
            self.passed = True
            if self._socket is not None:
                _shut(self._socket)


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


class _Watchdog:
    """One thread for all deadlines of the process; it sleeps while there are none."""

    def __init__(self) -> None:
        self._watched: set[Deadline] = set()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, deadline: Deadline) -> None:
        with self._lock:
            self._watched.add(deadline)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
        if not self._wake.is_set():
            self._wake.set()

    def forget(self, deadline: Deadline) -> None:
        with self._lock:
            self._watched.discard(deadline)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(WATCH_S)
            now = time.monotonic()
            with self._lock:
                over = [deadline for deadline in self._watched if deadline.ends <= now]
                self._watched.difference_update(over)
                if not self._watched:
                    self._wake.clear()
            for deadline in over:
                deadline.end()


_watchdog = _Watchdog()


def resolve(host: str, port: int, timeout_s: float) -> list[tuple[int, str, tuple[Any, ...]]]:
    """Return family, address text and socket address of everything the name stands for.

    Raises:
        NameNotFound: nothing, or not in time.
    """
    if not _resolving.acquire(timeout=timeout_s):
        raise NameNotFound("too many look-ups")
    found: list[Any] = []
    finished = threading.Event()

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            pass
        finally:
            _resolving.release()
            finished.set()

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    if not finished.wait(timeout_s) or not found:
        raise NameNotFound("name not found")
    return [(family, str(sockaddr[0]), sockaddr) for family, _, _, _, sockaddr in found]


class _Heard(PatientResponse):
    """An answer whose status the deadline knows, even if what follows cannot be read."""

    def begin(self) -> None:
        """Read the head, and note its status."""
        super().begin()
        if deadline := Deadline.current():
            deadline.hear(self)


class _Guarded(HTTPConnection):
    """What the plain and the TLS connection share: the policy at ``_new_conn``, the deadline."""

    policy: ClassVar[DialPolicy]
    response_class = _Heard
    #: a second handle of the socket: TLS moves the first one into an object of its own
    _handle: socket.socket | None = None
    _peer: str = ""
    _opened: float = 0.0

    def _new_conn(self) -> socket.socket:
        host = self._dns_host.strip("[]").removesuffix(".").lower()
        port = int(self.port or self.default_port)
        deadline = Deadline.current()
        limit_s = deadline.left_s if deadline else RESOLVE_S
        self.policy.check_name(host)
        if port in DENIED_PORTS:
            self.policy.check(host, port, [])
        try:
            found = resolve(host, port, min(RESOLVE_S, limit_s))
        except NameNotFound as error:
            raise NewConnectionError(self, "name not found") from error
        self.policy.check(host, port, [address for _, address, _ in found])
        return self._dial(found, deadline)

    def _dial(
        self, found: list[tuple[int, str, tuple[Any, ...]]], deadline: Deadline | None
    ) -> socket.socket:
        last: OSError | None = None
        timeout = self.timeout if isinstance(self.timeout, (int, float)) else RESOLVE_S
        for place, (family, address, sockaddr) in enumerate(found):
            left_s = min(timeout, deadline.left_s) if deadline else timeout
            # A dead first address must leave time for the others.
            share_s = left_s if place == len(found) - 1 else min(left_s, max(1.0, left_s / 4))
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(share_s)
                if deadline:
                    deadline.use(sock, address, reused=False)
                sock.connect(sockaddr)
            except OSError as error:
                sock.close()
                last = error
                continue
            self._drop_handle()
            self._handle, self._peer, self._opened = sock.dup(), address, time.monotonic()
            sock.settimeout(left_s)
            if deadline:
                deadline.use(self._handle, address, reused=False)
            return sock
        if isinstance(last, TimeoutError):
            raise ConnectTimeoutError(self, "connect timed out") from last
        raise NewConnectionError(self, "cannot connect") from last

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request; a connection that is too old is opened anew first."""
        if self.sock is not None and time.monotonic() - self._opened > CONNECTION_AGE_S:
            self.close()
        deadline = Deadline.current()
        if self.sock is not None and self._handle is not None and deadline:
            # On a pooled connection; a fresh TLS one comes here as well, but not for the first time.
            deadline.use(self._handle, self._peer, reused=self._used)
        self._used = True
        # Headers and body in one packet: half the system calls, and nothing for Nagle to hold up.
        self._held = []
        try:
            super().request(*args, **kwargs)
            held, self._held = self._held, None
            self.send(b"".join(held))
        finally:
            self._held = None

    def send(self, data: Any) -> None:
        """Send, or keep until the whole request is there."""
        if self._held is not None and isinstance(data, bytes):
            self._held.append(data)
        else:
            super().send(data)

    _used = False
    _held: list[bytes] | None = None

    def close(self) -> None:
        """Close both handles, as far as nothing is read any more: the peer sees the end only then."""
        self._drop_handle()
        self._used = False
        super().close()

    def _drop_handle(self) -> None:
        handle, self._handle = self._handle, None
        deadline = Deadline.current()
        if handle is not None and not (deadline and deadline.take_over(handle)):
            handle.close()


def guarded_pools(policy: DialPolicy) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Return pool classes for urllib3's PoolManager whose connections ask ``policy``."""

    class PlainConnection(_Guarded):
        pass

    class TlsConnection(_Guarded, HTTPSConnection):
        pass

    PlainConnection.policy = TlsConnection.policy = policy

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = PlainConnection

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    return {"http": PlainPool, "https": TlsPool}
