"""One connection to Redis for a process, and the one place where its failures become ``StoreDown``.

Used by the store's parts. Commands are tried again once on a broken connection (a restarted server
leaves the pool full of those); whoever needs more patience than that has its own loop.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import redis
from redis.backoff import ConstantBackoff
from redis.connection import AbstractConnection
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
)
from redis.retry import Retry

from limner.errors import StoreDown
from limner.kernel_timeouts import limit_reads, limit_writes

P = ParamSpec("P")
R = TypeVar("R")

CONNECT_TIMEOUT_S = 3.0
#: longer than any blocking command of ours waits
SOCKET_TIMEOUT_S = 10.0

DOWN = (ConnectionError, TimeoutError, BusyLoadingError, OutOfMemoryError, ReadOnlyError)

#: what a server says that lives and cannot be written to: its disk is full, its replicas are gone, a
#: script blocks it. Older servers put it behind the name of the script that met it.
_REFUSALS = re.compile(r"\b(MISCONF|NOREPLICAS|MASTERDOWN|BUSY|TRYAGAIN|OOM)\b")


def connect(url: str, max_connections: int = 2000) -> redis.Redis:
    """Return a client for ``url``; nothing is dialled before the first command."""
    client: redis.Redis = redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=SOCKET_TIMEOUT_S,
        health_check_interval=30,
        max_connections=max_connections,
        retry=Retry(ConstantBackoff(0.1), 1),
        retry_on_error=[ConnectionError, TimeoutError],
    )
    pool = client.connection_pool
    pool.connection_class = _KERNEL_TIMED.get(pool.connection_class, pool.connection_class)
    return client


class _KernelTimed(AbstractConnection):
    """A connection whose ``socket_timeout`` the kernel keeps."""

    def _connect(self) -> socket.socket:
        sock: socket.socket = super()._connect()  # type: ignore[safe-super,no-untyped-call]
        patience_s = self.socket_timeout or SOCKET_TIMEOUT_S
        limit_reads(sock, patience_s)
        limit_writes(sock, patience_s)
        sock.settimeout(None)
        return sock


class _Tcp(_KernelTimed, redis.Connection):
    pass


class _Unix(_KernelTimed, redis.UnixDomainSocketConnection):
    pass


#: over TLS a read is not one system call, and redis-py's own time-outs stay
_KERNEL_TIMED = {redis.Connection: _Tcp, redis.UnixDomainSocketConnection: _Unix}


def _refusal(text: str) -> str | None:
    match = _REFUSALS.search(text[:300])
    return match[1] if match else None


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """Turn what redis-py raises when the server cannot be reached into ``StoreDown``."""

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except DOWN as error:
            raise StoreDown(f"Redis cannot be reached: {type(error).__name__}") from error
        except ResponseError as error:
            word = _refusal(str(error))
            if word is None:
                raise
            raise StoreDown(f"Redis refuses to write: {word}") from error

    call.__name__ = function.__name__
    call.__doc__ = function.__doc__
    return call
