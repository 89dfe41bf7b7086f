"""Connections to engines that wait for the answer that counts, also behind a CDN that sends hints first.

requests and urllib3 take a 103 for the answer. Used by ``engines/remote.py`` for every session, and by
``engines/cut.py``, whose connections can be cut besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from limner.answers import PatientResponse


class PlainLine(HTTPConnection):
    """A connection without TLS."""

    response_class = PatientResponse


class TlsLine(HTTPSConnection):
    """A connection with TLS."""

    response_class = PatientResponse


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = PlainLine


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = TlsLine


class LineAdapter(HTTPAdapter):
    """requests' adapter over such connections."""

    pools: Mapping[str, type[urllib3.HTTPConnectionPool]] = MappingProxyType(
        {"http": _PlainPool, "https": _TlsPool}
    )

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools; called by HTTPAdapter's constructor."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = dict(self.pools)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make the pools behind a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = dict(self.pools)
        return manager
