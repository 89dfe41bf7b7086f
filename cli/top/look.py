"""One look at the gateway for ``limner top``."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from limner.callback.policy import DeadLetter
from limner.job import Job
from limner.request import Lane
from limner.store import Store
from limner.store.metrics.loads import Load
from limner.store.metrics.numbers import Numbers

#: starts are counted over this long, and told only after a few seconds: before, chance rules
RATE_OVER_MS, RATE_AFTER_MS = 60_000, 5_000
#: most failures and dead letters that are read
NEWEST = 20
#: with thousands of clients their loads are read less often: at most this part of the time is spent on it
LOADS_PART = 0.05


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The gateway at one moment."""

    numbers: Numbers
    #: those that have jobs waiting or running
    loads: Mapping[str, Load]
    dead: tuple[DeadLetter, ...]
    failures: tuple[Job, ...]
    #: jobs started per minute; empty until that is known
    per_minute: Mapping[Lane, float] = field(default_factory=dict)

    def busy(self, lane: Lane) -> int:
        """Return how many slots of the lane are taken, over all engines."""
        return sum(engine.leased[lane] for engine in self.numbers.carried)

    def slots(self, lane: Lane) -> int:
        """Return how many slots the lane has, over all engines that running workers have."""
        return sum(engine.slots[lane] for engine in self.numbers.carried)

    def taken(self) -> dict[str, float | None]:
        """Return, by client, its part of all jobs that run; None: none runs."""
        running = sum(load.running for load in self.loads.values())
        return {
            client: load.running / running if running else None
            for client, load in self.loads.items()
        }


class Observer:
    """Looks again and again, and remembers as much as the rates need."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._starts: deque[tuple[int, dict[Lane, int]]] = deque()
        self._loads: Mapping[str, Load] = {}
        self._loads_next = 0.0

    def look(self) -> Snapshot:
        """Read everything.

        Raises:
            StoreDown: Redis cannot be reached.
        """
        store = self._store
        numbers = store.numbers.read()
        return Snapshot(
            numbers=numbers,
            loads=self._read_loads(),
            dead=tuple(store.outbox.dead(NEWEST)),
            failures=tuple(store.jobs.failures(NEWEST)),
            per_minute=self._rates(numbers),
        )

    def _read_loads(self) -> Mapping[str, Load]:
        began = self._clock()
        if began >= self._loads_next:
            self._loads = self._store.loads.of(self._store.clients.names())
            ended = self._clock()
            self._loads_next = ended + (ended - began) / LOADS_PART
        return self._loads

    def _rates(self, numbers: Numbers) -> dict[Lane, float]:
        waited = numbers.durations.get("waited", {})
        starts = {
            lane: sum(waited[lane.value,].buckets.values()) if (lane.value,) in waited else 0
            for lane in Lane
        }
        if self._starts and numbers.at_ms < self._starts[-1][0]:
            # The server's clock was set back.
            self._starts.clear()
        self._starts.append((numbers.at_ms, starts))
        while self._starts[0][0] < numbers.at_ms - RATE_OVER_MS:
            self._starts.popleft()
        since_ms, before = self._starts[0]
        passed_ms = numbers.at_ms - since_ms
        if passed_ms < RATE_AFTER_MS:
            return {}
        return {lane: (starts[lane] - before[lane]) * 60_000 / passed_ms for lane in Lane}
