"""Whether Redis is there at all: known to a whole process, so that not every call has to find out.

Used by the connections of an impatient store. A call that got no answer tells the watch; unless another
call was answered meanwhile, Redis is away: further calls fail at once, and a thread of the watch asks
Redis until it answers. A refusal is an answer, too.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError, ResponseError, TimeoutError
from redis.retry import Retry

from limner.errors import StoreDown, StoreRefused
from limner.log import event
from limner.store.connection import connect, told
from limner.store.waits import Waits

log = logging.getLogger(__name__)


class RedisProbe:
    """Asks Redis for a sign of life, on a connection of its own."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._redis = connect(url, Waits(connect_s=timeout_s, answer_s=timeout_s))
        self._redis.set_retry(Retry(NoBackoff(), 0))

    def __call__(self) -> bool:
        """Return whether Redis says anything at all; a replica of it is not Redis to us."""
        try:
            self._redis.ping()
        except RedisError as error:
            is_silent = isinstance(error, (ConnectionError, TimeoutError))
            return not is_silent or is_answer(error)
        finally:
            self._redis.close()
        return True


def is_answer(error: RedisError) -> bool:
    """Return whether ``error`` is what Redis, or whatever answers there, said."""
    code = getattr(error, "status_code", None)
    return bool(code) or isinstance(error, ResponseError) or isinstance(told(error), StoreRefused)


class Watch:
    """Knows whether Redis is away. Safe to share between threads."""

    def __init__(self, answers: Callable[[], bool], pause_s: float) -> None:
        #: grows with each answer that any call gets; only its changes matter, so it needs no lock
        self.answered = 0
        self._answers = answers
        self._pause_s = pause_s
        self._why: str | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._lost = threading.Event()
        self._thread: threading.Thread | None = None

    def check(self) -> int:
        """Return how many answers there were, for ``missed``.

        Raises:
            StoreDown: Redis is known to be away.
        """
        if self._why is not None:
            raise StoreDown(self._why)
        return self.answered

    def missed(self, answered: int, why: str) -> None:
        """Report a call that waited in vain; ``answered``: what ``check`` returned before it."""
        with self._lock:
            # A single connection may be broken, or a single call slow, while Redis speaks to others.
            if answered != self.answered or self._why is not None or self._closed.is_set():
                return
            self._why = why
            self._lost.set()
            if self._thread is None:
                # It stays for the next outage: under an event loop, each thread that uses sockets keeps some files.
                self._thread = threading.Thread(target=self._run, name="redis-watch", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread, if it runs."""
        self._closed.set()
        self._lost.set()

    def _run(self) -> None:
        while self._lost.wait() and not self._closed.is_set():
            self._lost.clear()
            self._ask(self._why or "")

    def _ask(self, why: str) -> None:
        event(log, "redis.lost", level=logging.WARNING, why=why)
        try:
            while not self._answers():
                if self._closed.wait(self._pause_s):
                    return
            # Calls that began to wait before this say nothing of Redis any more.
            self.answered += 1
            event(log, "redis.regained")
        finally:
            with self._lock:
                self._why = None
