"""Connections that check each address before dialling it, under the deadline of their thread (``net/deadline.py``).

Used by ``net/outgoing.py`` only. DNS can fool a policy that looks at URLs; this one is asked about
the very addresses that ``connect`` is then called with.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import Any, ClassVar

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from limner.egress.address import DialPolicy
from limner.egress.target import DENIED_PORTS
from net.answers import PatientResponse
from net.deadline import Deadline

#: the longest a look-up may take; the resolver's own timeouts are longer and cannot be set from here
RESOLVE_S = 5.0
#: concurrent look-ups, which bounds what a dead name server can block
RESOLVERS = 64
#: a pooled connection is not reused beyond this age, so that changed DNS records take effect
CONNECTION_AGE_S = 300.0

_resolving = threading.BoundedSemaphore(RESOLVERS)


class NameNotFound(OSError):
    """The name has no address, or the look-up timed out."""


def resolve(host: str, port: int, timeout_s: float) -> list[tuple[int, str, tuple[Any, ...]]]:
    """Return family, address text and socket address of each address of a name.

    Raises:
        NameNotFound: it has none, or the look-up timed out.
    """
    places = _resolving
    if not places.acquire(timeout=timeout_s):
        raise NameNotFound("too many look-ups")
    found: list[Any] = []
    finished = threading.Event()

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            pass
        finally:
            places.release()
            finished.set()

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    if not finished.wait(timeout_s) or not found:
        raise NameNotFound("name not found")
    return [(family, str(sockaddr[0]), sockaddr) for family, _, _, _, sockaddr in found]


class _Heard(PatientResponse):
    """A response that reports its status to the deadline, even if the rest cannot be read."""

    def begin(self) -> None:
        """Read the head and report its status."""
        super().begin()
        if deadline := Deadline.current():
            deadline.hear(self)


class _Guarded(HTTPConnection):
    """What the plain and the TLS connection share: the policy in ``_new_conn``, and the deadline."""

    policy: ClassVar[DialPolicy]
    response_class = _Heard
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
            # An unresponsive first address must leave time for the others.
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
            self._peer, self._opened = address, time.monotonic()
            sock.settimeout(left_s)
            if deadline:
                # Again: if the deadline passed before the connection existed, there was no socket to shut down.
                deadline.use(sock, address, reused=False)
            return sock
        if isinstance(last, TimeoutError):
            raise ConnectTimeoutError(self, "connect timed out") from last
        raise NewConnectionError(self, "cannot connect") from last

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request; a connection that is too old is reopened first."""
        if self.sock is not None and time.monotonic() - self._opened > CONNECTION_AGE_S:
            self.close()
        deadline = Deadline.current()
        if self.sock is not None and deadline:
            # On a pooled connection; a new TLS one gets here as well, but not for its first request.
            deadline.use(self.sock, self._peer, reused=self._used)
        self._used = True
        # Headers and body in one packet: half the system calls, and nothing for Nagle to delay.
        self._held = []
        try:
            super().request(*args, **kwargs)
            held, self._held = self._held, None
            self.send(b"".join(held))
        finally:
            self._held = None

    def send(self, data: Any) -> None:
        """Send, or buffer until the request is complete."""
        if self._held is not None and isinstance(data, bytes):
            self._held.append(data)
        else:
            super().send(data)

    _used = False
    _held: list[bytes] | None = None

    def close(self) -> None:
        """Close; the next request dials again."""
        self._used = False
        super().close()


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
