"""Wait for changes of jobs: one thread per process polls for all waiters; created by ``create_app``.

Each waiter holds a thread of the API, so their number is limited: beyond the limit a request is
answered at once with what there is. A poll is one round trip, four times a second, and only while
somebody waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from limner.errors import StoreDown
from limner.log import event
from limner.store.jobs import State

log = logging.getLogger(__name__)

LOOK_S = 0.25


@dataclass(eq=False, slots=True)
class _Waiter:
    job_id: str
    seen: State
    told: threading.Event = field(default_factory=threading.Event)


class Watcher:
    """Wakes waiting threads when their jobs change."""

    def __init__(self, states: Callable[[Sequence[str]], list[State]], places: int) -> None:
        self._states = states
        self._places = threading.Semaphore(places)
        self._lock = threading.Lock()
        self._waiters: set[_Waiter] = set()
        self._looking = False

    @property
    def waiting(self) -> int:
        """The number of waiting threads."""
        return len(self._waiters)

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Reserve a place to wait; yields False if all are taken."""
        given = self._places.acquire(blocking=False)
        try:
            yield given
        finally:
            if given:
                self._places.release()

    def wait(self, job_id: str, seen: State, timeout_s: float) -> bool:
        """Return as soon as the job's state differs from ``seen``; False: it still does not.

        Also returns if Redis is down: the waiter then finds out by its own request.
        """
        waiter = _Waiter(job_id, seen)
        with self._lock:
            self._waiters.add(waiter)
            if not self._looking:
                self._looking = True
                threading.Thread(target=self._look, name="watcher", daemon=True).start()
        try:
            return waiter.told.wait(timeout_s)
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def _look(self) -> None:
        while waiters := self._waiting():
            for waiter, news in zip(waiters, self._news(waiters), strict=True):
                if news:
                    waiter.told.set()
            time.sleep(LOOK_S)

    def _waiting(self) -> list[_Waiter]:
        with self._lock:
            self._looking = bool(self._waiters)
            return list(self._waiters)

    def _news(self, waiters: Sequence[_Waiter]) -> list[bool]:
        try:
            states = self._states([waiter.job_id for waiter in waiters])
        except StoreDown:
            return [True] * len(waiters)
        # If a bug ends this thread, nobody wakes the waiters any more: let each check for itself.
        except Exception:  # noqa: BLE001
            event(log, "watcher.failed", level=logging.ERROR, error=True)
            return [True] * len(waiters)
        return [state != waiter.seen for state, waiter in zip(states, waiters, strict=True)]
