"""What ``limner top`` shows: a look at the gateway as rows for people, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cli import callbacks, engines, show
from cli.top.look import NEWEST, Snapshot
from limner.job import Job, rfc3339
from limner.money import units
from limner.request import Lane
from limner.store.engines import EngineNow
from limner.store.jobs.spending import by_client, by_engine
from limner.store.metrics.history import Minute
from limner.store.metrics.warning import STALLED_S, warnings

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One table; the first column's name is its title."""

    head: Row
    rows: list[Row]


def sections(snapshot: Snapshot) -> list[Section]:
    """Return the tables that have something to show, each with what matters most on top."""
    found = [
        Section(
            ("LANE", "WAITING", "OLDEST", "STARTS/MIN", "SLOTS", "WORKERS", ""),
            [_lane(snapshot, lane) for lane in Lane],
        ),
        Section(("ENGINE", "DRIVER", "FAST", "RELAXED", "STATE", "WHY"), list(_engines(snapshot))),
        Section(("CLIENT", "WAITING", "RUNNING", "TAKEN", ""), list(_clients(snapshot))),
        Section(("CALLBACKS", "LATE", "JOBS WITH DEAD LETTERS"), [_callbacks(snapshot)]),
        Section(("DEAD LETTER OF JOB", "SEQ", "AGO", "WHY"), list(_dead(snapshot))),
        Section(("FAILED JOB", "AGO", "WHY", "ENGINE", "CLIENT"), list(_failures(snapshot))),
        Section(("WARNINGS",), [(text,) for text in _warnings(snapshot)]),
    ]
    return [section for section in found if section.rows]


def _lane(snapshot: Snapshot, lane: Lane) -> Row:
    now = snapshot.numbers.lanes[lane]
    rate = snapshot.per_minute.get(lane)
    stalled = now.stalled_s >= STALLED_S
    stands = f"stands still for {show.duration(now.stalled_s)}"
    return (
        lane.value,
        str(now.waiting),
        show.duration(now.oldest_s) if now.waiting else "-",
        "-" if rate is None else f"{rate:.1f}",
        f"{snapshot.busy(lane)}/{snapshot.slots(lane)}",
        str(now.workers),
        snapshot.numbers.halted.lanes.get(lane, stands if stalled else ""),
    )


def _engines(snapshot: Snapshot) -> Iterator[Row]:
    for engine in sorted(snapshot.numbers.engines, key=_by_trouble):
        use = (f"{engine.leased[lane]}/{engine.slots[lane]}" for lane in Lane)
        yield (engine.name, engine.driver, *use, *show.engine_state(engine))


def _by_trouble(engine: EngineNow) -> tuple[bool, int, str]:
    """Sort those in trouble first, then the busiest."""
    return (engine.state == "ok" and not engine.halt, -sum(engine.leased.values()), engine.name)


def _clients(snapshot: Snapshot) -> Iterator[Row]:
    taken = snapshot.taken()
    for name in _by_load(snapshot):
        load, part = snapshot.loads[name], taken[name]
        halt = "paused" if name in snapshot.numbers.halted.clients else ""
        taking = "-" if part is None else f"{part:.0%}"
        yield (name, str(load.waiting), str(load.running), taking, halt)


def _by_load(snapshot: Snapshot) -> list[str]:
    def load(name: str) -> tuple[int, int, str]:
        return (-snapshot.loads[name].running, -snapshot.loads[name].waiting, name)

    return sorted(snapshot.loads, key=load)


def _callbacks(snapshot: Snapshot) -> Row:
    late_s = snapshot.numbers.callbacks_overdue_s
    late = show.duration(late_s) if late_s else "-"
    return (
        f"{snapshot.numbers.callbacks_pending} to post",
        late,
        str(snapshot.numbers.dead_letter_jobs),
    )


def _dead(snapshot: Snapshot) -> Iterator[Row]:
    for letter in snapshot.dead:
        ago = _ago(snapshot, letter.dead_ms)
        yield (letter.event.job, str(letter.event.seq), ago, letter.why)


def _failures(snapshot: Snapshot) -> Iterator[Row]:
    for job in snapshot.failures:
        ago = _ago(snapshot, job.finished_at.timestamp() * 1000) if job.finished_at else "-"
        why = job.reason_code or "-"
        yield (job.id, ago, why, show.or_dash(job.engine), job.client)


def _ago(snapshot: Snapshot, at_ms: float) -> str:
    return show.duration(max(0.0, (snapshot.numbers.at_ms - at_ms) / 1000))


def _warnings(snapshot: Snapshot) -> Iterator[str]:
    for warned in warnings(snapshot.numbers):
        yield warned.sentence(openly=True)


def body(snapshot: Snapshot) -> dict[str, Any]:
    """Return a look as JSON."""
    numbers, taken = snapshot.numbers, snapshot.taken()
    spent, paid = by_engine(numbers.counts), by_client(numbers.counts)
    return {
        "at": show.wire_time(numbers.at_ms),
        "lanes": [_lane_body(snapshot, lane) for lane in Lane],
        "engines": [
            engines.body(engine, spent) | {"failedLastHour": snapshot.failed_lately(engine.name)}
            for engine in sorted(numbers.engines, key=_by_trouble)
        ],
        "clients": [
            {
                "name": name,
                "waiting": snapshot.loads[name].waiting,
                "running": snapshot.loads[name].running,
                "taken": taken[name],
                "paused": name in numbers.halted.clients,
                "cost": units(sum(paid.get(name, {}).values())),
            }
            for name in _by_load(snapshot)
        ],
        "callbacks": {
            "waiting": numbers.callbacks_pending,
            "lateS": numbers.callbacks_overdue_s,
            "deadLetterJobs": numbers.dead_letter_jobs,
            "deadLetters": [callbacks.body(letter) for letter in snapshot.dead],
        },
        "failures": [_failure_body(job) for job in snapshot.failures[:NEWEST]],
        "warnings": list(_warnings(snapshot)),
    }


def _lane_body(snapshot: Snapshot, lane: Lane) -> dict[str, object]:
    now = snapshot.numbers.lanes[lane]
    return {
        "name": lane.value,
        "waiting": now.waiting,
        "oldestS": now.oldest_s,
        "slots": snapshot.slots(lane),
        "busy": snapshot.busy(lane),
        "workers": now.workers,
        "stalledS": now.stalled_s,
        "halt": snapshot.numbers.halted.lanes.get(lane),
        "startsPerMin": snapshot.per_minute.get(lane),
        "lastHour": list(_minutes(snapshot.history.get(lane, ()))),
    }


def _minutes(minutes: Sequence[Minute]) -> Iterator[dict[str, object]]:
    before: Minute | None = None
    for one in minutes:
        # What is counted begins anew with a store that came back empty.
        starts = one.started - before.started if before else None
        yield {
            "at": show.wire_time(one.at_ms),
            "waiting": one.waiting,
            "oldestS": one.oldest_ms / 1000,
            "starts": None if starts is None or starts < 0 else starts,
        }
        before = one


def _failure_body(job: Job) -> dict[str, object]:
    return {
        "job": job.id,
        "client": job.client,
        "lane": job.lane.value,
        "engine": job.engine,
        "reasonCode": job.reason_code,
        "reason": job.reason,
        "at": rfc3339(job.finished_at) if job.finished_at else None,
    }
