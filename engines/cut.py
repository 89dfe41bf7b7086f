"""End one request from another thread, whatever it waits for: name, connection, TLS or answer.

Used by ``Remote.stream`` for drivers whose drawing is one long request: to stop is to hang up, and
requests alone cannot hang up on an answer that has not begun.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import ssl
import threading
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

from engines.lines import LineAdapter, PlainLine, TlsLine

#: a peer that vanished without a word is noticed after about IDLE + COUNT * INTERVAL seconds
KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))


class Cut:
    """One request's line. Calling it cuts the line, at once or as soon as there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        #: whether it was cut: what the request raises is then no news of the peer
        self.done = False

    def __call__(self) -> None:
        with self._lock:
            self.done = True
            for sock in self._sockets:
                _shut(sock)

    def hold(self, sock: socket.socket) -> None:
        """Take a handle of our own on the request's socket: TLS moves the first one elsewhere."""
        with self._lock:
            self._sockets.append(sock.dup())
            if self.done:
                _shut(sock)

    def close(self) -> None:
        """Close our handles: the peer sees the end of the line only then."""
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()

    def adapter(self, ca_bundle: str | None = None) -> HTTPAdapter:
        """Return an adapter for a session whose every connection is held."""
        return _Adapter(self, ca_bundle)


class _Adapter(LineAdapter):
    """requests' adapter over connections of a class of their own."""

    def __init__(self, cut: Cut, ca_bundle: str | None) -> None:
        self.pools = _pools(cut)
        self._context = _context(ca_bundle or str(DEFAULT_CA_BUNDLE_PATH))
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools; called by HTTPAdapter's constructor."""
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make the pools behind a proxy."""
        return super().proxy_manager_for(*args, ssl_context=self._context, **kwargs)

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """Load no certificates for this connection alone: the context has them."""


@functools.cache
def _context(ca_bundle: str) -> ssl.SSLContext:
    """Return the one context for all lines: loading the authorities takes 20 ms and 700 KB each time."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    if os.path.isdir(ca_bundle):
        context.load_verify_locations(capath=ca_bundle)
    else:
        context.load_verify_locations(cafile=ca_bundle)
    return context


def _pools(cut: Cut) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    class Plain(PlainLine):
        def _new_conn(self) -> socket.socket:
            return _held(super()._new_conn(), cut)

    class Tls(TlsLine):
        def _new_conn(self) -> socket.socket:
            return _held(super()._new_conn(), cut)

    class CutPlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class CutTlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": CutPlainPool, "https": CutTlsPool}


def _held(sock: socket.socket, cut: Cut) -> socket.socket:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        # Not every system knows all three.
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    cut.hold(sock)
    return sock


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
