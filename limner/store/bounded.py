"""Connections of an impatient store: each wait is bounded, and reported to the process's watch.

``watch_over`` makes a client use them. Every command of redis-py, alone, in a script or in a pipeline,
passes through the few methods here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import redis
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError, RedisError, TimeoutError

from limner.errors import StoreDown
from limner.store.connection import reason
from limner.store.primary import leading
from limner.store.waits import Waits, allowed_s, count_waited
from limner.store.watch import RedisProbe, Watch, is_answer

Clock = Callable[[], float]
#: a socket's timeout that is over; zero would mean not to wait for what is already there
OVER_S = 0.001


class _Bounded(AbstractConnection):
    """A connection that waits no longer than its process and the current request may."""

    _sock: Any

    def __init__(self, *, watch: Watch, waits: Waits, clock: Clock, **options: Any) -> None:
        self._watch = watch
        self._waits = waits
        self._clock = clock
        self._began = self._ends = 0.0
        self._answered = 0
        #: the wait is cut by the request: if it is over, that says little of Redis
        self._is_cut = False
        super().__init__(**options)

    @property
    def socket_connect_timeout(self) -> float:
        """Return how long to wait for the next of the host's addresses, seconds."""
        return max(min(self._waits.connect_s, self._ends - self._clock()), OVER_S)

    @socket_connect_timeout.setter
    def socket_connect_timeout(self, _seconds: float | None) -> None:
        """Keep to it, even where a hosted server announces that it moves."""

    def connect_check_health(self, *args: Any, **options: Any) -> None:
        """Connect, unless it is connected; without any answer to that, Redis is away."""
        if self._sock:
            return
        answered = self._watch.check()
        try:
            super().connect_check_health(*args, **options)
        except (ConnectionError, TimeoutError) as error:
            if not self._is_cut and not is_answer(error):
                self._watch.missed(answered, f"Redis cannot be reached: {reason(error)}")
            raise

    def _connect(self) -> Any:
        # For each of several addresses, so only the request's own limit ends it as a whole.
        self._begin(self._waits.connect_s, float("inf"))
        try:
            return super()._connect()  # type: ignore[safe-super,no-untyped-call]
        finally:
            self._count()

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send a command, and wait for its answer from now on."""
        # Both wait for answers of their own.
        if not self._sock:
            self.connect_check_health(check_health=False)
        if check_health:
            self.check_health()  # type: ignore[no-untyped-call]
        self._begin(self._waits.answer_s, self._waits.answer_s)
        self._sock.settimeout(self._ends - self._began)
        try:
            super().send_packed_command(command, check_health=False)  # type: ignore[no-untyped-call]
        except TimeoutError:
            self._missed()
            raise

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Return the answer; an error that Redis answers is raised, and is an answer."""
        if "timeout" in options or options.get("disconnect_on_error") is False:
            # A subscriber waits for what nobody asked for.
            return super().read_response(*args, **options)
        if self._sock:
            self._sock.settimeout(max(self._ends - self._clock(), OVER_S))
        try:
            answer = super().read_response(*args, **options)
        except TimeoutError:
            self._missed()
            raise
        except RedisError as error:
            # One that Redis did not send is a connection that was closed: redis-py makes a new one.
            if is_answer(error):
                self._watch.answered += 1
            raise
        finally:
            self._count()
        self._watch.answered += 1
        return answer

    def _begin(self, full_s: float, most_s: float) -> None:
        """Begin to wait, at most ``most_s``; ``full_s`` without an answer is an outage."""
        self._answered = self._watch.check()
        left_s = allowed_s(most_s)
        if left_s <= 0:
            raise StoreDown("Redis took longer than this request may wait")
        self._is_cut = left_s < full_s
        self._began = self._clock()
        self._ends = self._began + left_s

    def _count(self) -> None:
        """Take what was waited from what the request may wait."""
        now = self._clock()
        count_waited(now - self._began)
        self._began = now

    def _missed(self) -> None:
        if not self._is_cut:
            self._watch.missed(self._answered, "Redis does not answer")


class _Tcp(_Bounded, redis.Connection):
    pass


class _Unix(_Bounded, redis.UnixDomainSocketConnection):
    pass


class _Tls(_Bounded, redis.SSLConnection):
    def _wrap_socket_with_ssl(self, sock: Any) -> Any:
        sock.settimeout(self.socket_connect_timeout)
        return super()._wrap_socket_with_ssl(sock)  # type: ignore[no-untyped-call]


#: what redis-py makes of a URL → its bounded kind
_BOUNDED: dict[Any, Any] = {
    redis.Connection: _Tcp,
    redis.UnixDomainSocketConnection: _Unix,
    redis.SSLConnection: _Tls,
}


def watch_over(
    client: redis.Redis, url: str, waits: Waits, clock: Clock = time.monotonic
) -> Watch | None:
    """Bound every wait of a client that is not yet connected; return its watch, to be closed with it.

    None if its process is patient: then redis-py's own timeouts are enough.
    """
    if waits.probe_s is None:
        return None
    watch = Watch(RedisProbe(url, waits.connect_s), waits.probe_s)
    pool: Any = client.connection_pool
    pool.connection_class = leading(_BOUNDED[pool.connection_class.kind])
    pool.connection_kwargs.update(watch=watch, waits=waits, clock=clock)
    return watch
