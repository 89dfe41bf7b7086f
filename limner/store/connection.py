"""One connection to Redis for a process, and the one place where its failures become ``StoreDown``.

Used by the store's parts. Commands are retried once on a broken connection (a restarted server leaves
the pool full of those); callers that need more patience retry in a loop of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

import redis
from redis.backoff import ConstantBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)
from redis.retry import Retry

from limner.errors import StoreDown, StoreRefused, StoreUnfit
from limner.settings.redis_address import RedisAddress
from limner.store.answers import refusal
from limner.store.lookout import primary_of
from limner.store.per_thread import PerThread
from limner.store.primary import NotPrimary, leading
from limner.store.waits import PATIENT, Waits

P = ParamSpec("P")
R = TypeVar("R")

DOWN = (ConnectionError, TimeoutError, BusyLoadingError, OutOfMemoryError, ReadOnlyError)

CLUSTER = "it runs in cluster mode, and Limner needs one server that has every key"

#: errors of a server that will not serve us until an operator acts → an explanation for the operator
_SETUPS = (
    (
        re.compile(r"no Sentinel watches"),
        "its Sentinels know no servers of the name that LIMNER_REDIS_URL has as master=",
    ),
    (
        re.compile(r"a Sentinel says: .*(auth|WRONGPASS|username-password)", re.IGNORECASE),
        "its Sentinels want another login than LIMNER_REDIS_URL has as sentinel_password=",
    ),
    (
        re.compile(r"a Sentinel says: .*unknown command", re.IGNORECASE),
        "what LIMNER_REDIS_URL names as a Sentinel is none",
    ),
    (
        re.compile(r"NOAUTH|Authentication required"),
        "it wants a user or a password, and LIMNER_REDIS_URL has none",
    ),
    (
        re.compile(r"without any password|no password is set"),
        "it has no password, and LIMNER_REDIS_URL names one",
    ),
    (
        re.compile(r"WRONGPASS|username-password|invalid password|'auth' command", re.IGNORECASE),
        "it does not know this user and password "
        "(in LIMNER_REDIS_URL, # / ? @ : % in them must be escaped, as %23 for #)",
    ),
    (
        re.compile(r"NOPERM|has no permissions|No permissions|can't (access|run)", re.IGNORECASE),
        "its user may not do all that Limner needs, see docs/operations.md",
    ),
    (
        re.compile(r"DB index|Invalid Database|SELECT is not allowed", re.IGNORECASE),
        "it has no database of that number",
    ),
    (
        re.compile(r"MOVED|CROSSSLOT|CLUSTERDOWN|cluster (mode|node)|non local key"),
        CLUSTER,
    ),
    (re.compile(r"unknown command.{0,3}HELLO", re.IGNORECASE), "it is older than 6.2"),
)
#: how our own scripts begin what they say of data that only a newer Limner may use (lib_fit.lua)
_UNFIT = re.compile(r"UNFIT (.*)")
#: OpenSSL's reason for not trusting a certificate
_CERTIFICATE = re.compile(r"certificate verify failed: ([^(]+)")


def connect(
    url: str,
    waits: Waits = PATIENT,
    max_connections: int = 2000,
    *,
    per_thread: bool = False,
) -> redis.Redis:
    """Return a client for ``url``; it connects at the first command.

    ``per_thread``: no connection passes from one thread to another; for a process with an event loop.
    """
    kind = PerThread if per_thread else redis.Redis
    address = RedisAddress.parse(url)
    client: redis.Redis = kind.from_url(
        address.client_url,
        decode_responses=True,
        socket_connect_timeout=waits.connect_s,
        socket_timeout=waits.answer_s,
        health_check_interval=30,
        max_connections=max_connections,
        retry=Retry(ConstantBackoff(0.1), 1),
        retry_on_error=[ConnectionError, TimeoutError],
    )
    pool = client.connection_pool
    pool.connection_class = leading(pool.connection_class)
    pool.connection_kwargs.update(primary=primary_of(address))
    return client


def told(error: RedisError) -> StoreDown | None:
    """Return what ``error`` says about the server; None if it is about our own command."""
    status = str(getattr(error, "status_code", None) or "")
    text = " ".join((status, *map(str, _causes(error))))[:1000]
    if match := _UNFIT.match(str(error)):
        return StoreUnfit(match[1])
    if isinstance(error, InvalidResponse):
        return StoreRefused("Redis is not what answers there")
    if isinstance(error, (ResponseError, AuthenticationError, ConnectionError)):
        for pattern, meaning in _SETUPS:
            if pattern.search(text):
                words = f" ({error})" if isinstance(error, NoPermissionError) else ""
                return StoreRefused(f"Redis does not serve this gateway: {meaning}{words}")
    if isinstance(error, OutOfMemoryError) or refusal(error) == "OOM":
        return StoreDown("Redis refuses to write: its memory is full (see maxmemory)")
    if isinstance(error, DOWN):
        if match := _CERTIFICATE.search(text):
            return StoreRefused(f"Redis has a certificate that is not trusted: {match[1].strip()}")
        if "WRONG_VERSION_NUMBER" in text:
            return StoreRefused("Redis is asked by rediss://, and what answers there speaks no TLS")
        return StoreDown(f"Redis cannot be reached: {reason(error)}")
    code = refusal(error)
    return StoreDown(f"Redis refuses to write: {code}") if code else None


def told_within(error: BaseException) -> StoreDown | None:
    """Return what an error of another library says about the server, by the redis-py error that caused it."""
    for cause in _causes(error):
        if isinstance(cause, RedisError) and (down := told(cause)):
            return down
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error, and what caused it, one behind the other."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def reason(error: RedisError) -> str:
    """Return the operating system's message if there is one, else redis-py's."""
    for cause in () if isinstance(error, NotPrimary) else _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return str(error) or type(error).__name__


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """Turn redis-py's errors for an unreachable server into ``StoreDown``."""

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except RedisError as error:
            if down := told(error):
                raise down from error
            raise

    call.__name__ = function.__name__
    call.__doc__ = function.__doc__
    return call
