"""Connections to engines that skip interim responses, such as the hints that a CDN sends first.

requests and urllib3 take a 103 for the final response. Used by ``engines/remote/session.py`` for every
session; those of ``CutAdapter`` can also be cut, because requests alone cannot hang up before a response
has begun.
"""

from __future__ import annotations

import functools
import os
import socket
import ssl
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context

from net.answers import PatientResponse
from net.cut import Cut

#: a peer that vanished silently is noticed after about IDLE + COUNT * INTERVAL seconds
KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))


class PlainLine(HTTPConnection):
    """A connection without TLS."""

    response_class = PatientResponse


class TlsLine(HTTPSConnection):
    """A connection with TLS."""

    response_class = PatientResponse

    def getresponse(self) -> Any:
        """Return the response; TLS that fails by now is a connection that broke off.

        Else nobody could tell it from a handshake that failed, before which nothing was sent.
        """
        try:
            return super().getresponse()
        except ssl.SSLError as error:
            raise ConnectionAbortedError("TLS failed after the request") from error


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = PlainLine


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = TlsLine


class LineAdapter(HTTPAdapter):
    """requests' adapter with such connections."""

    pools: Mapping[str, type[urllib3.HTTPConnectionPool]] = MappingProxyType(
        {"http": _PlainPool, "https": _TlsPool}
    )

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pools; called by HTTPAdapter's constructor."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = dict(self.pools)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Create the pools behind a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = dict(self.pools)
        return manager


class CutAdapter(LineAdapter):
    """The same with connections that ``cut`` can end: for one request that another thread may stop."""

    def __init__(self, cut: Cut, ca_bundle: str | None = None) -> None:
        self.pools = _pools(cut)
        self._context = _context(ca_bundle or str(DEFAULT_CA_BUNDLE_PATH))
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pools; called by HTTPAdapter's constructor."""
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Create the pools behind a proxy."""
        return super().proxy_manager_for(*args, ssl_context=self._context, **kwargs)

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """Load no certificates per connection: the shared context has them."""


@functools.cache
def _context(ca_bundle: str) -> ssl.SSLContext:
    """Return the one context for all connections: loading the CAs takes 20 ms and 700 KB each time."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    if os.path.isdir(ca_bundle):
        context.load_verify_locations(capath=ca_bundle)
    else:
        context.load_verify_locations(cafile=ca_bundle)
    return context


def _pools(cut: Cut) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    class CutPlainLine(PlainLine):
        def _new_conn(self) -> socket.socket:
            return _held(super()._new_conn(), cut)

    class CutTlsLine(TlsLine):
        def _new_conn(self) -> socket.socket:
            return _held(super()._new_conn(), cut)

    class CutPlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = CutPlainLine

    class CutTlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = CutTlsLine

    return {"http": CutPlainPool, "https": CutTlsPool}


def _held(sock: socket.socket, cut: Cut) -> socket.socket:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        # Not every system has all three.
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    cut.hold(sock)
    return sock
