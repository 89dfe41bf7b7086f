"""One look at the gateway for ``limner top``."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from limner.callback.policy import DeadLetter
from limner.job import Job
from limner.request import Lane
from limner.store import Store
from limner.store.metrics.history import Minute
from limner.store.metrics.loads import Load
from limner.store.metrics.numbers import Numbers

#: starts are counted over this long, and told only after a few seconds: before, chance rules
RATE_OVER_MS, RATE_AFTER_MS = 60_000, 5_000
#: a minute of the history may count for that, too, once it is so old
HISTORY_AFTER_MS = 20_000
#: most dead letters, and most failures, that are read
NEWEST, FAILURES = 20, 50
HOUR_S = 3600.0
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
    #: the last hour of each lane, oldest first
    history: Mapping[Lane, Sequence[Minute]] = field(default_factory=dict)

    def busy(self, lane: Lane) -> int:
        """Return how many slots of the lane are taken, over all engines."""
        return sum(engine.leased[lane] for engine in self.numbers.carried)

    def slots(self, lane: Lane) -> int:
        """Return how many slots the lane has, over all engines that running workers have."""
        return sum(engine.slots[lane] for engine in self.numbers.carried)

    def failed_lately(self, engine: str) -> int:
        """Return how many of the newest failures were the engine's, in the last hour."""
        since_s = self.numbers.at_ms / 1000 - HOUR_S
        return sum(
            job.engine == engine
            and job.finished_at is not None
            and job.finished_at.timestamp() >= since_s
            for job in self.failures
        )

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
        history = store.history.last_hour(numbers.at_ms)
        return Snapshot(
            numbers=numbers,
            loads=self._read_loads(),
            dead=tuple(store.outbox.dead(NEWEST)),
            failures=tuple(store.jobs.failures(FAILURES)),
            per_minute=self._rates(numbers, history),
            history=history,
        )

    def _read_loads(self) -> Mapping[str, Load]:
        began = self._clock()
        if began >= self._loads_next:
            self._loads = self._store.loads.of(self._store.clients.names())
            ended = self._clock()
            self._loads_next = ended + (ended - began) / LOADS_PART
        return self._loads

    def _rates(
        self, numbers: Numbers, history: Mapping[Lane, Sequence[Minute]]
    ) -> dict[Lane, float]:
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
            return {
                lane: rate
                for lane in Lane
                if (rate := _rate(history[lane], numbers.at_ms, starts[lane])) is not None
            }
        return {lane: (starts[lane] - before[lane]) * 60_000 / passed_ms for lane in Lane}


def _rate(minutes: Sequence[Minute], at_ms: int, started: int) -> float | None:
    """Return the starts per minute since the last minute that is old enough to tell; None: none is."""
    for one in reversed(minutes):
        passed_ms = at_ms - one.at_ms
        if HISTORY_AFTER_MS <= passed_ms <= 2 * RATE_OVER_MS and started >= one.started:
            return (started - one.started) * 60_000 / passed_ms
    return None
