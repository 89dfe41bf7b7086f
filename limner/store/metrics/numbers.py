"""A snapshot of the whole gateway for operators: its present state and its counters.

Used by ``/metrics``, ``/readyz`` and the CLI. The scripts themselves keep the counters, in one hash, so
any process can report all of them, and none is lost with a process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from limner.request import Lane
from limner.store.clocks import ahead_s
from limner.store.connection import guarded
from limner.store.engines import EngineNow, Engines
from limner.store.image_stores import ImageStores, StoresInUse
from limner.store.levers import Halted
from limner.store.scripts import Clock
from limner.store.spool import Spooled, by_client


@dataclass(frozen=True, slots=True)
class LaneNow:
    """One lane at this moment."""

    waiting: int
    #: how long the job at the head of the lane has been waiting; 0 if none waits
    oldest_s: float
    #: workers with a heartbeat within their lease
    workers: int
    #: how long jobs have waited with slots free for them and nothing starting; 0: no stall
    stalled_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Durations:
    """A histogram of durations: upper bound in ms (None: longer) → count."""

    buckets: Mapping[int | None, int]
    sum_ms: int


@dataclass(frozen=True, slots=True)
class Report:
    """A problem that one process found (``limner/store/metrics/reports.py``)."""

    code: str
    subject: str
    text: str
    #: for operators only
    why: str = ""


Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """A snapshot of everything."""

    at_ms: int
    lanes: Mapping[Lane, LaneNow]
    engines: tuple[EngineNow, ...]
    #: jobs with callbacks to post, now or later
    callbacks_pending: int
    #: how long the most urgent callback is overdue: beyond a few seconds, nobody is posting
    callbacks_overdue_s: float
    #: jobs that have dead letters
    dead_letter_jobs: int
    #: since the last foreign message (``limner/store/aside.py``); None: none for days
    aside_s: float | None = None
    reports: tuple[Report, ...] = ()
    #: client → bytes of its inline pictures, if it has any
    spooled: Mapping[str, Spooled] = field(default_factory=dict)
    #: host → seconds its clock is ahead of the server's
    clocks: Mapping[str, float] = field(default_factory=dict)
    image_stores: StoresInUse = field(default_factory=StoresInUse)
    #: kind → bytes of the image store, as last measured
    image_sizes: Mapping[str, int] = field(default_factory=dict)
    #: by operators
    halted: Halted = field(default_factory=Halted)
    #: counter → labels → count
    counts: Mapping[str, Mapping[Labels, int]] = field(default_factory=dict)
    durations: Mapping[str, Mapping[Labels, Durations]] = field(default_factory=dict)

    @property
    def carried(self) -> tuple[EngineNow, ...]:
        """The engines of running workers; Redis remembers former ones for a while."""
        return tuple(engine for engine in self.engines if engine.workers)

    @property
    def knows_engines(self) -> bool:
        """Whether any engine of a running worker is registered; if not, whatever is accepted waits."""
        return any(engine.driver for engine in self.carried)


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of a job: its time, its seq, and the record's changing fields at that time."""

    at_ms: int
    seq: int
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class JobNow:
    """What operators want to know about one job besides the job itself."""

    record: Mapping[str, str]
    #: whether a worker holds it, waiting for a slot
    held: bool
    #: its events, which are kept until an hour after its end
    moments: tuple[Moment, ...]


#: the counters that are histograms
DURATIONS = ("waited", "drawn", "told")


class NumbersReader:
    """Reads the snapshot, and one job's details."""

    def __init__(
        self,
        redis: Redis,
        prefix: str,
        clock: Clock | None,
        engines: Engines,
        image_stores: ImageStores,
    ) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._clock = clock
        self._engines = engines
        self._image_stores = image_stores

    @guarded
    def read(self) -> Numbers:
        """Return everything, in a handful of round trips."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.zrange(self._prefix + "due", 0, 0, withscores=True)
            pipe.zcard(self._prefix + "due")
            pipe.zcard(self._prefix + "parked")
            pipe.zcard(self._prefix + "dead")
            pipe.hgetall(self._prefix + "numbers")
            pipe.get(self._prefix + "aside_last")
            pipe.hgetall(self._prefix + "spooled")
            pipe.hgetall(self._prefix + "levers")
            pipe.smembers(self._prefix + "paused_clients")
            found = pipe.execute()
        (seconds, micros), due, pending, parked, dead, counted, aside, spooled, *halted = found
        now_ms = self._clock() if self._clock else seconds * 1000 + micros // 1000
        counts, durations = _sorted_out(counted)
        return Numbers(
            at_ms=now_ms,
            lanes=self._lanes(now_ms),
            engines=self._engines.all(),
            callbacks_pending=pending + parked,
            callbacks_overdue_s=max(0.0, (now_ms - due[0][1]) / 1000) if due else 0.0,
            dead_letter_jobs=dead,
            # One of the future was set aside before the clock was set back: nobody knows how long ago.
            aside_s=(now_ms - int(aside)) / 1000 if aside and int(aside) <= now_ms else None,
            reports=self._reports(now_ms),
            spooled=by_client(spooled),
            clocks=self._clocks(now_ms),
            image_stores=self._image_stores.read(),
            image_sizes=self._image_stores.sizes_bytes(),
            halted=Halted.of(*halted),
            counts=counts,
            durations=durations,
        )

    @guarded
    def count(self, what: str, *labels: str, times: int = 1) -> None:
        """Add to a counter for something that happens outside the scripts."""
        self._redis.hincrby(self._prefix + "numbers", "|".join((what, *labels)), times)

    @guarded
    def look(self, job_id: str) -> JobNow:
        """Return what operators want to know about one job besides the job itself."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(f"{self._prefix}job:{job_id}")
            pipe.zscore(self._prefix + "holds", job_id)
            pipe.lrange(f"{self._prefix}story:{job_id}", 0, -1)
            record, hold, story = pipe.execute()
        # Each row: the event's class, one letter, and the event.
        events = [json.loads(text[1:]) for text in story]
        return JobNow(
            record=record,
            held=hold is not None,
            moments=tuple(
                Moment(int(event["t"]), int(event["s"]), event["v"] or {}) for event in events
            ),
        )

    def _clocks(self, now_ms: int) -> dict[str, float]:
        return ahead_s(self._redis.hgetall(self._prefix + "clocks"), now_ms)

    def _reports(self, now_ms: int) -> tuple[Report, ...]:
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.zrangebyscore(self._prefix + "reports", now_ms, "+inf")
            pipe.hgetall(self._prefix + "report")
            names, texts = pipe.execute()
        found = ((*name.partition("|"), texts.get(name, "")) for name in sorted(names))
        return tuple(
            Report(code, subject, *text.split("\n", 1)) for code, _, subject, text in found
        )

    def _lanes(self, now_ms: int) -> dict[Lane, LaneNow]:
        with self._redis.pipeline(transaction=False) as pipe:
            for lane in Lane:
                pipe.zcard(f"{self._prefix}waiting:{lane.value}")
                pipe.zrange(f"{self._prefix}waiting:{lane.value}", 0, 0)
                pipe.zcount(f"{self._prefix}workers:{lane.value}", now_ms, "+inf")
                pipe.hget(self._prefix + "stalled", lane.value)
            rows = iter(pipe.execute())
        found = {lane: (next(rows), next(rows), next(rows), next(rows)) for lane in Lane}
        return {
            lane: LaneNow(
                waiting,
                self._age_s(heads, now_ms),
                workers,
                max(0.0, (now_ms - int(since)) / 1000) if since else 0.0,
            )
            for lane, (waiting, heads, workers, since) in found.items()
        }

    def _age_s(self, heads: Sequence[str], now_ms: int) -> float:
        created = heads and self._redis.hget(f"{self._prefix}job:{heads[0]}", "created_ms")
        return max(0.0, (now_ms - int(created)) / 1000) if created else 0.0


def _sorted_out(
    counted: Mapping[str, str],
) -> tuple[dict[str, dict[Labels, int]], dict[str, dict[Labels, Durations]]]:
    """Parse the hash ``numbers``: ``<counter>|<label>|…`` → count."""
    counts: dict[str, dict[Labels, int]] = {}
    buckets: dict[str, dict[Labels, dict[int | None, int]]] = {}
    sums: dict[tuple[str, Labels], int] = {}
    for name, text in counted.items():
        what, *labels = name.split("|")
        if what not in DURATIONS:
            counts.setdefault(what, {})[tuple(labels)] = int(text)
            continue
        *labels, bound = labels
        if bound == "sum":
            sums[what, tuple(labels)] = int(text)
        else:
            upper = None if bound == "inf" else int(bound)
            buckets.setdefault(what, {}).setdefault(tuple(labels), {})[upper] = int(text)
    durations = {
        what: {
            labels: Durations(found, sums.get((what, labels), 0)) for labels, found in by.items()
        }
        for what, by in buckets.items()
    }
    return counts, durations
