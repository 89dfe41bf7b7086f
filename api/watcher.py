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
from contextlib import AbstractContextManager, contextmanager

from api.concurrency import Concurrency, Signal
from limner.errors import StoreDown
from limner.log import event
from limner.store.jobs.changes import Changed, Changes

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
#: what is followed besides jobs, whose ids are hex
_OF_CLIENT, _OF_ALL, _OF_NONE = "client ", "all", "none"


#: of jobs that changed while a waiter was busy; beyond these it is told that anything may have changed
CHANGED_MOST = 500


class Waiter:
    """One request that waits for news of a job, of a client's jobs or of all."""

    __slots__ = ("_changed", "_told", "gone")

    def __init__(self, told: Signal) -> None:
        self._told = told
        #: ids of jobs that changed; None: any may have
        self._changed: set[str] | None = set()
        #: its caller has hung up
        self.gone = False

    def leave(self) -> None:
        """Note that its caller has hung up, and wake it."""
        self.gone = True
        self._told.set()

    def tell(self, job_id: str | None = None) -> None:
        """Wake it, because this job changed; None: any may have."""
        if self._changed is not None and job_id and len(self._changed) < CHANGED_MOST:
            self._changed.add(job_id)
        else:
            self._changed = None
        self._told.set()

    def changed(self) -> set[str] | None:
        """Return the jobs that changed since the last call; None: any may have."""
        changed, self._changed = self._changed, set()
        return changed

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

    def following(self, job_id: str) -> AbstractContextManager[Waiter]:
        """Be told of the job's changes from now on; to be entered before the job is read."""
        return self._following(job_id)

    def following_client(self, name: str) -> AbstractContextManager[Waiter]:
        """Be told of the changes of all of a client's jobs; to be entered before they are read."""
        return self._following(_OF_CLIENT + name)

    def following_all(self) -> AbstractContextManager[Waiter]:
        """Be told of the changes of all jobs; to be entered before they are read."""
        return self._following(_OF_ALL)

    def following_nothing(self) -> AbstractContextManager[Waiter]:
        """Be woken when this process ends, or by whoever has the waiter; now and then for nothing."""
        return self._following(_OF_NONE)

    @contextmanager
    def _following(self, subject: str) -> Iterator[Waiter]:
        waiter = Waiter(self._concurrency.event())
        with self._lock:
            self._waiters[subject].add(waiter)
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
                self._waiters[subject].discard(waiter)
                if not self._waiters[subject]:
                    del self._waiters[subject]

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
                if change := news():
                    for waiter in self._waiters_for(change):
                        waiter.tell(change.job_id)

    def _waiters_for(self, change: Changed) -> list[Waiter]:
        subjects = (change.job_id, _OF_CLIENT + change.client, _OF_ALL)
        with self._lock:
            return [one for subject in subjects for one in self._waiters.get(subject, ())]

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
