"""The gateway's metrics for Prometheus; ``api/ops/metrics.py`` serves what ``page`` returns.

The values are in Redis and are read at each scrape, so every API process returns the same and keeps no
state of its own. Help texts say what a metric means; docs/operations.md says when to worry.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from limner.callback.policy import Kind
from limner.money import units
from limner.request import Lane
from limner.store.engines import STATES, EngineNow
from limner.store.jobs.spending import SPENT
from limner.store.metrics.families import counter, histogram
from limner.store.metrics.numbers import Durations, Numbers
from limner.store.metrics.warning import warnings
from limner.store.server import ServerFacts

__all__ = ["CONTENT_TYPE_LATEST", "page"]


def page(numbers: Numbers | None, facts: ServerFacts | None = None) -> bytes:
    """Return all metrics in Prometheus's text format; None: Redis is down, and that is all we know."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Now(numbers, facts))
    return generate_latest(registry)


class _Now(Collector):
    """A collector over one snapshot of the metrics."""

    def __init__(self, numbers: Numbers | None, facts: ServerFacts | None) -> None:
        self._numbers = numbers
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        up = self._numbers is not None
        yield GaugeMetricFamily("limner_redis_up", "1 if Redis responds.", value=float(up))
        if self._facts is not None:
            yield from _memory(self._facts)
        if self._numbers is not None:
            yield from _lanes(self._numbers)
            yield from _engines(self._numbers.engines)
            yield from _jobs(self._numbers)
            yield _cost(self._numbers)
            yield from _callbacks(self._numbers)
            yield from _inline(self._numbers)
            yield from _pictures(self._numbers)
            yield _failed(self._numbers)
            yield _tokens(self._numbers)
            yield _halted(self._numbers)
            yield _warnings(self._numbers, self._facts)


def _memory(facts: ServerFacts) -> Iterator[Metric]:
    for name, about, size_bytes in (
        ("limner_redis_memory_bytes", "Memory that Redis uses.", facts.memory_bytes),
        (
            "limner_redis_memory_limit_bytes",
            "Memory that Redis may use: its maxmemory, or else what its machine has.",
            facts.memory_limit_bytes,
        ),
    ):
        # Hosted servers may not tell.
        if size_bytes is not None:
            yield GaugeMetricFamily(name, about, value=size_bytes)


def _lanes(numbers: Numbers) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("limner_jobs_waiting", "Waiting jobs.", labels=["lane"])
    oldest = GaugeMetricFamily(
        "limner_jobs_waiting_oldest_seconds",
        "Age of the job at the head of the lane.",
        labels=["lane"],
    )
    workers = GaugeMetricFamily(
        "limner_workers", "Workers with a heartbeat within their lease.", labels=["lane"]
    )
    stalled = GaugeMetricFamily(
        "limner_lane_stalled_seconds",
        "How long jobs have waited with slots free for them and nothing starting; 0: no stall.",
        labels=["lane"],
    )
    for lane, now in numbers.lanes.items():
        waiting.add_metric([lane.value], now.waiting)
        oldest.add_metric([lane.value], now.oldest_s)
        workers.add_metric([lane.value], now.workers)
        stalled.add_metric([lane.value], now.stalled_s)
    yield from (waiting, oldest, workers, stalled)
    yield counter(
        numbers,
        "ticks",
        "limner_ticks",
        "Sweeps over the lanes, one for each message of beat.",
        [],
        always=[()],
    )
    yield counter(
        numbers,
        "aside",
        "limner_messages_set_aside",
        "Messages on the broker's queues that were not Limner's.",
        ["queue", "why"],
    )


def _engines(engines: tuple[EngineNow, ...]) -> Iterator[Metric]:
    lane_labels = ["engine", "lane"]
    slots = GaugeMetricFamily(
        "limner_engine_slots",
        "Concurrent drawings allowed, by settings or operator.",
        labels=lane_labels,
    )
    leased = GaugeMetricFamily(
        "limner_engine_slots_leased", "Slots with a drawing.", labels=lane_labels
    )
    free = GaugeMetricFamily(
        "limner_engine_slots_free", "Drawings that it would accept now.", labels=lane_labels
    )
    storing = GaugeMetricFamily(
        "limner_engine_slots_storing",
        "Slots that are kept although they have drawn, until their worker has room to store the pictures.",
        labels=lane_labels,
    )
    state = GaugeMetricFamily(
        "limner_engine_state", "1 for the state the engine is in.", labels=["engine", "state"]
    )
    paused = GaugeMetricFamily(
        "limner_engine_paused_seconds", "How much longer it is paused.", labels=["engine"]
    )
    for engine in engines:
        for lane in Lane:
            labels = [engine.name, lane.value]
            slots.add_metric(labels, engine.slots[lane])
            leased.add_metric(labels, engine.leased[lane])
            storing.add_metric(labels, engine.storing[lane])
            free.add_metric(labels, 0 if engine.paused_s else engine.free[lane])
        for word in STATES:
            state.add_metric([engine.name, word], float(engine.state == word))
        paused.add_metric([engine.name], engine.paused_s)
    yield from (slots, leased, storing, free, state, paused)


def _jobs(numbers: Numbers) -> Iterator[Metric]:
    yield counter(numbers, "accepted", "limner_jobs_accepted", "Jobs accepted.", ["lane"])
    yield counter(
        numbers,
        "returned",
        "limner_jobs_returned",
        "Jobs returned to their lane: engine busy or down, worker stopped or lost.",
        ["lane"],
    )
    yield counter(
        numbers,
        "ended",
        "limner_jobs_ended",
        "Jobs ended, by outcome.",
        ["lane", "status", "reason_code"],
    )
    yield histogram(
        numbers.durations.get("waited", {}),
        "limner_job_wait_seconds",
        "From acceptance to the first slot.",
        ["lane"],
    )
    yield histogram(
        numbers.durations.get("drawn", {}),
        "limner_job_draw_seconds",
        "For done jobs, from the first slot to the pictures; returns to the lane included.",
        ["engine", "lane"],
    )


def _cost(numbers: Numbers) -> Metric:
    family = CounterMetricFamily(
        "limner_cost",
        "What drawings have cost, in the operator's currency.",
        labels=["client", "engine"],
    )
    for labels, amount in sorted(numbers.counts.get(SPENT, {}).items()):
        family.add_metric(labels, units(amount))
    return family


def _callbacks(numbers: Numbers) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "limner_callbacks_pending_jobs",
        "Jobs with callbacks to post, now or later.",
        value=numbers.callbacks_pending,
    )
    yield GaugeMetricFamily(
        "limner_callbacks_overdue_seconds",
        "How long the most urgent callback is overdue.",
        value=numbers.callbacks_overdue_s,
    )
    yield GaugeMetricFamily(
        "limner_callbacks_dead_jobs", "Jobs with dead letters.", value=numbers.dead_letter_jobs
    )
    yield counter(
        numbers,
        "attempts",
        "limner_callback_attempts",
        "Attempts to post: ok, retry, dead (given up), drop (progress given up), gone (410).",
        ["outcome"],
    )
    told: dict[tuple[str, ...], Durations] = {
        (Kind(kind).name.lower(),): durations
        for (kind,), durations in numbers.durations.get("told", {}).items()
    }
    yield histogram(
        told,
        "limner_callback_lag_seconds",
        "For delivered callbacks, from the event to the receiver's 2xx.",
        ["kind"],
    )


def _inline(numbers: Numbers) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "limner_inline_bytes",
        "Size of clients' inline pictures: live, or spent (their jobs have ended).",
        labels=["client", "state"],
    )
    for client, taken in numbers.spooled.items():
        family.add_metric([client, "live"], taken.live_bytes)
        family.add_metric([client, "spent"], taken.spent_bytes)
    yield family
    yield counter(
        numbers,
        "refused",
        "limner_requests_refused",
        "Requests refused for lack of room: inline_full, inline_too_large, disk_full.",
        ["why"],
    )


def _pictures(numbers: Numbers) -> Iterator[Metric]:
    sizes = GaugeMetricFamily(
        "limner_pictures_bytes", "Size of the stored pictures, as last measured.", labels=["kind"]
    )
    for kind, size_bytes in sorted(numbers.image_sizes.items()):
        sizes.add_metric([kind], size_bytes)
    free = GaugeMetricFamily(
        "limner_pictures_free_bytes", "Free space on the image folder's disk.", labels=["host"]
    )
    for host, free_bytes in sorted(numbers.image_stores.free_bytes().items()):
        free.add_metric([host], free_bytes)
    yield from (sizes, free)
    yield counter(
        numbers,
        "pictures_deleted",
        "limner_pictures_deleted_bytes",
        "Pictures deleted before their days were over, because there was more than LIMNER_KEEP_MB.",
        [],
        always=[()],
    )


def _failed(numbers: Numbers) -> Metric:
    return counter(
        numbers,
        "failed",
        "limner_requests_failed",
        "POSTs of callers that failed by no fault of theirs, by the HTTP status (500, 503, 507). "
        "Those that failed for want of Redis are counted when it is back.",
        ["status"],
        always=[("500",), ("503",), ("507",)],
    )


def _tokens(numbers: Numbers) -> Metric:
    return counter(
        numbers,
        "tokens_rejected",
        "limner_tokens_rejected",
        "Wrong tokens, by where they were tried (api, metrics), and whether slowed (0, 1).",
        ["door", "slowed"],
    )


def _halted(numbers: Numbers) -> Metric:
    family = GaugeMetricFamily(
        "limner_halted",
        "1 for each lane, engine and client that an operator has paused, or that is draining.",
        labels=["what", "name", "how"],
    )
    halted = numbers.halted
    for what, found in (("lane", halted.lanes), ("engine", halted.engines)):
        for name, how in found.items():
            family.add_metric([what, name, how], 1)
    for name in halted.clients:
        family.add_metric(["client", name, "paused"], 1)
    return family


def _warnings(numbers: Numbers, facts: ServerFacts | None) -> Metric:
    family = GaugeMetricFamily(
        "limner_warnings",
        "1 for each current warning; /readyz and limner doctor describe it.",
        labels=["code", "subject"],
    )
    found = {(warned.code, warned.subject) for warned in warnings(numbers, facts)}
    for code, subject in sorted(found):
        family.add_metric([code, subject], 1)
    return family
