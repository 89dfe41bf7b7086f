"""Tell waiting requests that their jobs changed: one subscription feeds all of a process; created by ``create_app``.

A subscription may miss what is published while it is away. So whoever waits first follows the job, then
reads it, then waits; everybody is woken when the subscription begins or breaks; and nobody waits for
longer than ``REREAD_S`` without reading again.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from api.concurrency import Concurrency, Signal
from limner.errors import StoreDown
from limner.log import event
from limner.store.jobs.changes import Changes

log = logging.getLogger(__name__)

#: a waiter reads again after so long without news
REREAD_S = 15.0
#: how long a newcomer waits for the subscription; without it, it waits as without news
READY_S = 1.0
#: how many are woken together when all are, and the pause until the next
AT_ONCE = 50
APART_S = 0.01
#: between two attempts to subscribe
PAUSE_S = 1.0


class Waiter:
    """One request that waits for news of a job."""

    __slots__ = ("_told", "gone")

    def __init__(self, told: Signal) -> None:
        self._told = told
        #: its caller has hung up
        self.gone = False

    def leave(self) -> None:
        """Note that its caller has hung up, and wake it."""
        self.gone = True
        self._told.set()

    def tell(self) -> None:
        """Wake it."""
        self._told.set()

    def wait(self, timeout_s: float) -> bool:
        """Return whether there may be news; what was told before counts."""
        told = self._told.wait(timeout_s)
        self._told.clear()
        return told


class Watcher:
    """Wakes waiting requests when their jobs change."""

    def __init__(self, changes: Changes, concurrency: Concurrency) -> None:
        self._changes = changes
        self._concurrency = concurrency
        # Held for moments only, and never while something is awaited.
        self._lock = threading.Lock()
        self._waiters: defaultdict[str, set[Waiter]] = defaultdict(set)
        self._reading = False
        self._ready = concurrency.event()
        #: this process ends: nobody waits any more
        self.ended = False

    @property
    def waiting(self) -> int:
        """The number of waiting requests."""
        with self._lock:
            return sum(len(waiters) for waiters in self._waiters.values())

    @contextmanager
    def following(self, job_id: str) -> Iterator[Waiter]:
        """Be told of the job's changes from now on; to be entered before the job is read."""
        waiter = Waiter(self._concurrency.event())
        with self._lock:
            self._waiters[job_id].add(waiter)
            begins, self._reading = not self._reading, True
        try:
            if begins:
                self._concurrency.spawn(self._read)
            if self.ended:
                waiter.tell()
            else:
                self._ready.wait(READY_S)
            yield waiter
        finally:
            with self._lock:
                self._waiters[job_id].discard(waiter)
                if not self._waiters[job_id]:
                    del self._waiters[job_id]

    def end(self) -> None:
        """Wake everybody for good: the process is about to end."""
        self.ended = True
        self._tell_all()

    def _read(self) -> None:
        while self._go_on():
            try:
                self._listen()
                return
            except StoreDown:
                pass
            # If a bug ends this, nobody is told any more: let each look for itself, now and then.
            except Exception:  # noqa: BLE001
                event(log, "watcher.failed", level=logging.ERROR, error=True)
            self._ready.clear()
            # They find out by their own requests whether Redis is away.
            self._tell_all()
            self._concurrency.event().wait(PAUSE_S)

    def _listen(self) -> None:
        with self._changes.subscribed() as news:
            self._ready.set()
            self._tell_all()
            while self._go_on():
                if job_id := news():
                    with self._lock:
                        told = list(self._waiters.get(job_id, ()))
                    for waiter in told:
                        waiter.tell()

    def _go_on(self) -> bool:
        with self._lock:
            self._reading = bool(self._waiters) and not self.ended
            if not self._reading:
                self._ready.clear()
            return self._reading

    def _tell_all(self) -> None:
        with self._lock:
            everybody = [waiter for waiters in self._waiters.values() for waiter in waiters]
        for number, waiter in enumerate(everybody, start=1):
            waiter.tell()
            if number % AT_ONCE == 0:
                # Each reads its job, on a connection of its own if all do at once.
                self._concurrency.event().wait(APART_S)
