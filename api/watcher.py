"""Wait for news of jobs: one thread a process looks for all who wait; ``create_app`` makes one.

Each who waits holds a thread of the API, so their number is bounded: beyond it nobody waits, and is
answered with what there is. A look is one round trip, four times a second, and only while somebody
waits.
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
    """Tells threads that wait that their jobs have changed."""

    def __init__(self, states: Callable[[Sequence[str]], list[State]], places: int) -> None:
        self._states = states
        self._places = threading.Semaphore(places)
        self._lock = threading.Lock()
        self._waiters: set[_Waiter] = set()
        self._looking = False

    @property
    def waiting(self) -> int:
        """How many threads wait now."""
        return len(self._waiters)

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Give a place to wait in, or False if all are taken."""
        given = self._places.acquire(blocking=False)
        try:
            yield given
        finally:
            if given:
                self._places.release()

    def wait(self, job_id: str, seen: State, timeout_s: float) -> bool:
        """Return as soon as the job's state is another than ``seen``; False: it still is that one.

        Also returns if the store cannot be asked: whoever waits finds out by asking itself.
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
        # Nobody would wake a waiter any more if this thread died of a bug: let them look themselves.
        except Exception:  # noqa: BLE001
            event(log, "watcher.failed", level=logging.ERROR, error=True)
            return [True] * len(waiters)
        return [state != waiter.seen for state, waiter in zip(states, waiters, strict=True)]
