"""What ``test_lanes_machine.py`` knows of jobs, and the rules that hold whatever Redis holds after a step.

``View`` is all of it, read in one go. ``check`` holds one view against the rules of docs/architecture.md, and against
the view after the step before: what may follow what, and who may have begun to draw meanwhile.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.request import Lane
from limner.settings import EngineSettings
from limner.store import Store

CLIENTS = ("ann", "bob")
SILENT_MS = 5_000
RUNNING = ("submitted", "drawing")
ENDED = ("done", "failed")
#: what may follow what among the transitions and ends that a caller is told
FOLLOWS = {
    None: {"submitted", "failed"},
    "submitted": {"drawing", "waiting", "done", "failed"},
    "drawing": {"waiting", "done", "failed"},
    "waiting": {"submitted", "failed"},
    "done": set(),
    "failed": set(),
}
#: fields that stay as they were once they are written
WRITTEN_ONCE = ("created_ms", "place", "client", "lane", "needs", "dest", "started_ms")
#: of a drawing that is not to be gone on with
OF_A_DRAWING = {"engine", "handle", "attach", "paid", "begun", "token", "worker"}


@dataclass
class Asked:
    """What the model knows of one job."""

    id: str
    lane: Lane
    client: str
    tile: bool = False
    #: every (token, worker) that ever took it
    hands: list[tuple[str, str]] = field(default_factory=list)
    #: the last one to which the store said that the job is its own, and until when it must be
    owner: str = ""
    until_ms: int = 0
    attempts: int = 0
    #: the token under which the engine was said to be done with it
    freed: str = ""
    #: the token whose worker was done with it: it was drawn, failed, was given back or let go
    done_with: str = ""
    #: what its host then said that it cost
    said: int | None = None
    #: engine → what its drawings there have cost
    paid: Counter[str] = field(default_factory=Counter)
    #: after how long it is too late for it; when that is at the latest, and at the earliest, if the clock was set back
    span_ms: float = math.inf
    deadline_ms: float = math.inf
    earliest_ms: float = math.inf
    #: whether it was given up for that
    late: bool = False
    #: whether it counts in its client's budget of drawings
    budgeted: bool = False
    #: events seen so far that may not be lost, by seq
    told: dict[int, dict] = field(default_factory=dict)
    delivered: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Halted:
    """What operators have halted, and how much they allow of the rest."""

    lanes: frozenset[str] = frozenset()
    engines: frozenset[str] = frozenset()
    clients: frozenset[str] = frozenset()
    #: client → so many drawings in flight in a lane; None: any number
    caps: Mapping[str, int | None] = field(default_factory=dict)

    def holds_up(self, asked: Asked) -> bool:
        """Whether a job may not start anywhere."""
        return asked.lane.value in self.lanes or asked.client in self.clients


NOTHING = Halted()


class View:
    """Everything of jobs, lanes and engines, as Redis holds it at one moment."""

    def __init__(self, store: Store, jobs: Iterable[Asked], engines: Iterable[str], now_ms: int):
        self.now_ms = now_ms
        redis: Any = store.redis
        with redis.pipeline(transaction=True) as pipe:
            for lane in Lane:
                pipe.zrange(f"limner:waiting:{lane.value}", 0, -1, withscores=True)
                pipe.zrange(f"limner:ready:{lane.value}", 0, -1, withscores=True)
                pipe.zrange(f"limner:workers:{lane.value}", 0, -1, withscores=True)
                pipe.zrange(f"limner:back:{lane.value}", 0, -1, withscores=True)
                pipe.zrange(f"limner:turns:{lane.value}", 0, -1, withscores=True)
                pipe.hgetall(f"limner:heads:{lane.value}")
                for client in CLIENTS:
                    pipe.zrange(f"limner:queue:{lane.value}:{client}", 0, -1, withscores=True)
            for client in CLIENTS:
                pipe.smembers(f"limner:waits:{client}")
                pipe.smembers(f"limner:runs:{client}")
                pipe.hgetall(f"limner:budget:{client}")
            for engine in engines:
                pipe.hgetall(f"limner:engine:{engine}")
                pipe.lrange(f"limner:cancels:{engine}", 0, -1)
                for lane in Lane:
                    pipe.smembers(f"limner:slots:{engine}:{lane.value}")
            for job in jobs:
                pipe.hgetall(f"limner:job:{job.id}")
                pipe.lrange(f"limner:grant:{job.id}", 0, -1)
                pipe.lrange(f"limner:outq:{job.id}", 0, -1)
                pipe.lrange(f"limner:dead:{job.id}", 0, -1)
            for name in ("holds", "leases"):
                pipe.zrange(f"limner:{name}", 0, -1, withscores=True)
            pipe.hgetall("limner:numbers")
            found = iter(pipe.execute())
        self.waiting, self.ready, self.workers = {}, {}, {}
        self.back, self.turns, self.heads, self.queues = {}, {}, {}, {}
        for lane in Lane:
            self.waiting[lane], self.ready[lane] = dict(next(found)), dict(next(found))
            #: those that live
            self.workers[lane] = {worker for worker, until in next(found) if until > now_ms}
            self.back[lane], self.turns[lane] = dict(next(found)), dict(next(found))
            self.heads[lane] = next(found)
            for client in CLIENTS:
                self.queues[client, lane] = dict(next(found))
        self.waits, self.runs, self.budgets = {}, {}, {}
        for client in CLIENTS:
            self.waits[client], self.runs[client] = next(found), next(found)
            self.budgets[client] = next(found)
        self.engines: dict[str, dict[str, str]] = {}
        self.cancels: dict[str, list[str]] = {}
        self.slots: dict[tuple[str, Lane], set[str]] = {}
        for engine in engines:
            self.engines[engine], self.cancels[engine] = next(found), next(found)
            for lane in Lane:
                self.slots[engine, lane] = next(found)
        self.records: dict[str, dict[str, str]] = {}
        self.grants, self.queued, self.dead = {}, {}, {}
        for job in jobs:
            self.records[job.id], self.grants[job.id] = next(found), next(found)
            self.queued[job.id] = [json.loads(text) for text in next(found)]
            self.dead[job.id] = [json.loads(text) for text in next(found)]
        self.holds, self.leases = dict(next(found)), dict(next(found))
        self.numbers = {name: int(count) for name, count in next(found).items()}

    def on(self, engine: str) -> set[str]:
        """Jobs that have a slot of an engine, in either lane."""
        return self.slots[engine, Lane.FAST] | self.slots[engine, Lane.RELAXED]

    def suits(self, engine: str, asked: Asked) -> bool:
        """Whether an engine may draw a job at all."""
        return not asked.tile or "tile" not in self.engines[engine].get("lacks", "").split()

    def well(self, engine: str) -> bool:
        """Whether an engine takes whatever it has room for."""
        record = self.engines[engine]
        return record["fails"] == "0" and int(record["paused_until"]) <= self.now_ms

    def room(self, engine: EngineSettings, lane: Lane, less: int = 0) -> int:
        """How many more drawings an engine takes, if ``less`` of its own were not there."""
        used = len(self.on(engine.name)) - less
        total = max(engine.fast.slots, engine.relaxed.slots)
        own = engine.fast.slots if lane is Lane.FAST else engine.relaxed.slots
        taken = len(self.slots[engine.name, lane]) - (less if lane is Lane.RELAXED else 0)
        return min(total - used, own - taken)


def check(
    view: View,
    before: View | None,
    jobs: list[Asked],
    now: Mapping[str, EngineSettings],
    halted: Halted = NOTHING,
):
    """Hold a view against every rule; ``now``: what the engines' settings allow, ``halted``: by operators."""
    _slots_are_those_of_drawings(view, jobs)
    _engines_are_what_they_are_said_to_be(view)
    for asked in jobs:
        _a_job_is_in_one_place(view, asked)
        _who_lives_keeps_its_job(view, asked)
        _changes_are_told_once_and_in_order(view, asked)
        if before and asked.id in before.records:
            _a_record_moves_forward(view.records[asked.id], before.records[asked.id])
            _a_lost_drawing_is_what_it_was(view, before, asked)
    _lanes_are_in_order(view, jobs)
    _numbers_add_up(view, jobs)
    if before:
        for engine in now.values():
            _starts_are_allowed(view, before, jobs, engine, halted)


def _slots_are_those_of_drawings(view: View, jobs: list[Asked]) -> None:
    owners = list(itertools.chain.from_iterable(view.slots.values()))
    assert len(owners) == len(set(owners)), "a job has two slots"
    for asked in jobs:
        record = view.records[asked.id]
        if record["status"] in RUNNING and record["token"] != asked.freed:
            assert asked.id in view.slots[record["engine"], asked.lane], "drawn without a slot"
    for (engine, lane), members in view.slots.items():
        for job in members:
            record = view.records[job]
            assert (record["engine"], record["lane"]) == (engine, lane.value)
            assert job in view.leases, "a slot that nothing will ever free"


def _engines_are_what_they_are_said_to_be(view: View) -> None:
    for record in view.engines.values():
        struck = record["struck"].strip(",").split(",")
        assert len(struck) == len(set(struck)) <= 3
        if record["state"] == "ok":
            assert (record["why"], record["paused_until"], record["fails"]) == ("", "0", "0")
        if record["state"] in ("down", "refused", "failing"):
            assert int(record["fails"]) > 0


def _a_job_is_in_one_place(view: View, asked: Asked) -> None:
    record = view.records[asked.id]
    status, lane = record["status"], asked.lane
    waits, runs, ended = status == "waiting", status in RUNNING, status in ENDED
    other = Lane.RELAXED if lane is Lane.FAST else Lane.FAST
    assert waits or runs or ended
    assert asked.id not in view.waiting[other] | view.ready[other]
    assert (asked.id in view.waiting[lane]) == waits
    assert (asked.id in view.waits[asked.client]) == waits
    assert (asked.id in view.runs[asked.client]) == runs
    assert (asked.id in view.ready[lane]) == (asked.id in view.holds)
    if asked.id in view.holds:
        assert waits
        assert record["token"]
        assert record["worker"]
    if runs:
        assert asked.id in view.leases
        assert record["token"]
        assert record["engine"]
    if ended:
        assert asked.id not in view.leases
        assert not {"token", "worker", "attach"} & set(record)
        assert int(record["finished_ms"])
    if waits and asked.id not in view.holds:
        assert not {"token", "worker"} & set(record)
    grant = view.grants[asked.id]
    assert len(grant) <= 1
    assert not grant or runs or asked.id in view.holds, "told of a slot that it has not"
    assert int(record.get("attempts", 0)) == asked.attempts
    assert record["progress"] == "0" or not waits


def _who_lives_keeps_its_job(view: View, asked: Asked) -> None:
    if not asked.late and view.records[asked.id].get("reason_code") == "deadline_passed":
        assert asked.earliest_ms <= view.now_ms, "given up before its deadline"
        asked.owner, asked.late = "", True
    if asked.owner and asked.until_ms > view.now_ms:
        assert view.records[asked.id].get("token") == asked.owner, "taken from who lives"


def _a_record_moves_forward(record: dict[str, str], before: dict[str, str]) -> None:
    if before["status"] in ENDED:
        assert record == before, "a job that had ended has changed"
    for name in WRITTEN_ONCE:
        if name in before:
            assert record[name] == before[name]
    assert int(record["seq"]) >= int(before["seq"])
    if record.get("token") == before.get("token") and record["status"] in RUNNING:
        assert int(record["progress"]) >= int(before["progress"])


def _a_lost_drawing_is_what_it_was(view: View, before: View, asked: Asked) -> None:
    """Whatever took the job from its worker: the drawing goes on, is drawn anew, or is lost money."""
    record, was = view.records[asked.id], before.records[asked.id]
    if was["status"] not in RUNNING or record["status"] != "waiting":
        return
    if asked.done_with != was["token"]:
        assert asked.until_ms <= view.now_ms
        assert was.get("attach") == "1" or was.get("paid") != "fail", "drawn twice, paid twice"
        assert int(record.get("lost", 0)) == int(was.get("lost", 0)) + (was.get("begun") == "1")
    if record.get("attach") == "1":
        kept = ("engine", "handle", "paid")
        assert [record[name] for name in kept] == [was[name] for name in kept]
        if was["token"] not in (asked.done_with, asked.freed) and asked.id in view.leases:
            assert asked.id in view.on(record["engine"]), "its slot was not kept"
    else:
        left = OF_A_DRAWING & set(record)
        assert left <= ({"token", "worker"} if asked.id in view.holds else set())


def _changes_are_told_once_and_in_order(view: View, asked: Asked) -> None:
    queued, dead, record = view.queued[asked.id], view.dead[asked.id], view.records[asked.id]
    kept = [event for event in queued if event["c"] != "P"]
    asked.told |= {event["s"]: event for event in (*dead, *kept)}
    seqs = [event["s"] for event in queued]
    assert seqs == sorted(set(seqs))
    assert all(event["c"] != "X" for event in queued[:-1]), "something follows the end"
    # Conserved: each is in just one place.
    places = [e["s"] for e in kept] + [e["s"] for e in dead]
    places += [s for s in asked.delivered if s in asked.told]
    assert sorted(places) == sorted(asked.told)
    # Whole: each state follows from the one before, and the last one is the record's.
    statuses = [asked.told[s]["v"]["status"] for s in sorted(asked.told)]
    for earlier, later in itertools.pairwise([None, *statuses]):
        assert later in FOLLOWS[earlier], statuses
    assert (statuses or ["waiting"])[-1] == record["status"]
    assert int(record["seq"]) >= max([*asked.told, *seqs, *asked.delivered], default=0)
    assert asked.delivered == sorted(set(asked.delivered))


def _lanes_are_in_order(view: View, jobs: list[Asked]) -> None:
    for lane in Lane:
        # Who was accepted first is first, however often it came back.
        order = [j.id for j in jobs if j.lane is lane and j.id in view.waiting[lane]]
        assert list(view.waiting[lane]) == order
        for job, place in view.waiting[lane].items():
            assert int(view.records[job]["place"]) == place
        for job, turn in (view.ready[lane] | view.back[lane]).items():
            assert int(view.records[job]["turn"]) == turn
        _queues_are_those_of_who_waits(view, lane)


def _queues_are_those_of_who_waits(view: View, lane: Lane) -> None:
    queued = [job for client in CLIENTS for job in view.queues[client, lane]]
    lined_up = [*view.ready[lane], *view.back[lane], *queued]
    assert sorted(lined_up) == sorted(view.waiting[lane]), "a job is in no queue, or in two"
    heads = {
        client: f"{10**6:010d} {int(next(iter(queue.values()))):016d} {client}"
        for client in CLIENTS
        if (queue := view.queues[client, lane])
    }
    assert view.heads[lane] == heads
    assert set(view.turns[lane]) == set(heads.values())
    for client in CLIENTS:
        for job in view.queues[client, lane]:
            assert view.records[job]["client"] == client
            assert "turn" not in view.records[job], "a job that was picked waits as if it was not"


def _numbers_add_up(view: View, jobs: list[Asked]) -> None:
    found: Counter[str] = Counter()
    for asked in jobs:
        record, lane = view.records[asked.id], asked.lane.value
        found[f"accepted|{lane}"] += 1
        if record["status"] in ENDED:
            found[f"ended|{lane}|{record['status']}|{record['reason_code']}"] += 1
        if "started_ms" in record:
            found[f"waited|{lane}"] += 1
        if record["status"] == "done":
            found[f"drawn|{record['engine']}|{lane}"] += 1
        returned = sum(e["v"]["status"] == "waiting" for e in asked.told.values())
        found[f"returned|{lane}"] += returned
    counted = Counter(dict(_counted(view.numbers)))
    assert counted == +found


def _counted(numbers: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Yield what the model counts, too; of durations, how many there were."""
    sums: Counter[str] = Counter()
    for name, count in numbers.items():
        what = name.split("|")[0]
        if what in ("accepted", "ended", "returned"):
            yield name, count
        elif what in ("waited", "drawn") and not name.endswith("|sum"):
            sums[name.rpartition("|")[0]] += count
    yield from sums.items()


def _starts_are_allowed(
    view: View, before: View, jobs: list[Asked], engine: EngineSettings, halted: Halted
):
    """Who has a slot now and had none may have it: room, pauses, gaps, what the engine can draw."""
    name, record = engine.name, view.engines[engine.name]
    started = {lane: view.slots[name, lane] - before.slots[name, lane] for lane in Lane}
    for asked in jobs:
        if asked.id in started[asked.lane]:
            assert view.suits(name, asked), "an engine draws what it cannot"
            assert not halted.holds_up(asked), "a job started that an operator has halted"
    fresh = started[Lane.FAST] | started[Lane.RELAXED]
    if not fresh:
        return
    assert name not in halted.engines, "an engine started that an operator has halted"
    fast, relaxed = (view.slots[name, lane] for lane in Lane)
    assert int(record["paused_until"]) <= view.now_ms, "an engine that rests has begun to draw"
    assert len(fast | relaxed) <= max(engine.fast.slots, engine.relaxed.slots)
    assert len(fast) <= engine.fast.slots or not started[Lane.FAST]
    assert len(relaxed) <= engine.relaxed.slots or not started[Lane.RELAXED]
    assert len(fast | relaxed) == 1 or record["fails"] == "0", "two drawings for one trial"
    for lane in Lane:
        gap_ms = round(getattr(engine, lane.value).gap_s * 1000)
        if started[lane] and gap_ms:
            most = 1 + max(0, view.now_ms - before.now_ms) // gap_ms
            assert len(started[lane]) <= most, "two starts without a gap"
            last = int(before.engines[name].get(f"{lane.value}_last_ms", 0))
            assert view.now_ms - last >= gap_ms or last > view.now_ms
    _caps_are_kept(view, before, jobs, fresh, halted)
    # In a step that takes long, the workers of fast may be silent for a while.
    at_once = view.now_ms - before.now_ms < SILENT_MS
    if started[Lane.RELAXED] and view.workers[Lane.FAST] and at_once:
        held = [
            job
            for job in jobs
            if job.id in view.ready[Lane.FAST]
            and job.id in before.holds
            and view.records[job.id]["worker"] in view.workers[Lane.FAST]
            # One whose client has as much in flight as it may keeps nobody waiting.
            and halted.caps.get(job.client) is None
        ]
        could = any(view.suits(name, asked) and not halted.holds_up(asked) for asked in held)
        assert not could or view.room(engine, Lane.FAST, less=1) <= 0, "relaxed went before fast"


def _caps_are_kept(
    view: View, before: View, jobs: list[Asked], fresh: set[str], halted: Halted
) -> None:
    for asked in jobs:
        cap = halted.caps.get(asked.client)
        if cap is None or asked.id not in fresh:
            continue
        # A drawing that only goes on with its slot is not started, and may come on top.
        flying = [
            job
            for job in jobs
            if (job.client, job.lane) == (asked.client, asked.lane)
            and view.records[job.id]["status"] in RUNNING
            and (job.id in fresh or before.records[job.id]["status"] in RUNNING)
        ]
        assert len(flying) <= cap, "a client has more in flight than it may"
