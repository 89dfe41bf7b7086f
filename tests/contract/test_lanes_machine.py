"""The lanes under every interleaving that hypothesis finds, against a model of what they promise.

Workers take, draw, die and come back; messages are lost and doubled; time passes. What Redis holds
after each step is read in one go and held against the rules of DESIGN 3.2.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from limner.errors import StaleLease
from limner.job import Lane, Picture
from limner.settings import EngineSettings
from limner.store import Store, Trouble
from tests.builders import MESSAGES, an_accepted_job, an_engine, messages_in
from tests.callback_doubles import a_poster, done, take
from tests.conftest import MovingClock, a_while_later, examples

JOBS_MOST = 7
LEASE_S, PATIENCE_S = 15.0, 5.0
GRID = Picture("http://limner/grid.png", 1024, 1024)
BIG = an_engine("big", fast=2, relaxed=1)
SMALL = an_engine("small", fast=1, relaxed=2, relaxed_gap_s=1.5)
ENGINES = (BIG, SMALL)
#: worker → its lanes and its engines
WORKERS = {
    "both": ((Lane.FAST, Lane.RELAXED), ("big", "small")),
    "fast": ((Lane.FAST,), ("big",)),
    "relaxed": ((Lane.RELAXED,), ("small",)),
}
TROUBLES = {
    "handover": Trouble(),
    "busy": Trouble(engine_state="busy", engine_why="busy", pause_s=0.2, pause_max_s=30),
    "down": Trouble("downs", 2, "Down.", "engine_down", "down", "refused", 1, 60),
    "refused": Trouble(engine_state="refused", engine_why="credit", pause_s=60, pause_max_s=600),
    "bad": Trouble(
        "bad_results", 1, "Broken.", "bad_result", engine_why="black", pause_s=10, pause_max_s=300
    ),
}
#: what may follow what among the transitions and ends that a caller is told
FOLLOWS = {
    None: {"submitted", "failed"},
    "submitted": {"drawing", "waiting", "done", "failed"},
    "drawing": {"waiting", "done", "failed"},
    "waiting": {"submitted", "failed"},
    "done": set(),
    "failed": set(),
}
_tokens = itertools.count(1)


@dataclass
class Asked:
    """What the model knows of one job."""

    id: str
    lane: Lane
    client: str
    #: every (token, worker) that ever took it
    hands: list[tuple[str, str]] = field(default_factory=list)
    #: the last one to which the store said that the job is its own, and until when it must be
    owner: str = ""
    until_ms: int = 0
    attempts: int = 0
    #: the token under which the engine was said to be done with it
    freed: str = ""
    #: events seen so far that may not be lost, by seq
    told: dict[int, dict] = field(default_factory=dict)
    delivered: list[int] = field(default_factory=list)


class LanesMachine(RuleBasedStateMachine):
    """One Redis, three workers, two engines, two clients, one poster."""

    store: Store
    clock: MovingClock

    @initialize(lanes=st.lists(st.sampled_from(Lane), min_size=3, max_size=4))
    def start(self, lanes: list[Lane]) -> None:
        self.store.redis.flushall()
        self.jobs: list[Asked] = []
        self.store.lanes.register(ENGINES)
        for worker in WORKERS:
            self._beat(worker, {})
        for lane in lanes:
            self.a_caller_asks(lane, "ann")

    # Few rules with many faces: hypothesis switches rules off, and each run needs most of these.

    @precondition(lambda self: len(self.jobs) < JOBS_MOST)
    @rule(lane=st.sampled_from(Lane), client=st.sampled_from(["ann", "bob"]))
    def a_caller_asks(self, lane: Lane, client: str) -> None:
        job = an_accepted_job(self.store, lane=lane, client=client)
        self.jobs.append(Asked(job.id, lane, client))

    @precondition(lambda self: self.store.redis.exists(*Lane))
    @rule(worker=st.sampled_from(list(WORKERS)))
    def a_worker_takes_the_next_messages(self, worker: str) -> None:
        for lane in WORKERS[worker][0]:
            if text := self.store.redis.rpop(lane.value):
                job = next(j for j in self.jobs if j.id == json.loads(text)["headers"]["id"])
                self._take(job, f"t{next(_tokens)}", worker)

    @precondition(lambda self: any(j.hands for j in self.jobs))
    @rule(
        job=st.integers(0, 4),
        former=st.integers(0, 5),
        act=st.sampled_from(
            ["ask", "begin", "begin", "progress", "progress", "free", "done", "failed", "let_go"]
        ),
        percent=st.integers(0, 99),
        preview=st.sampled_from([None, GRID]),
    )
    def a_worker_acts(self, job: int, former: int, act: str, percent: int, preview) -> None:
        """Most of the time the one that owns the job; now and then one that did."""
        asked, token, worker = self._hand(job, former)
        if act == "ask":
            if token == asked.owner:
                self._take(asked, token, worker)
        elif act == "let_go":
            self._let_go(asked, token)
        elif act == "progress":
            self._write(asked, token, lambda: self._progress(asked, token, percent, preview))
        else:
            self._write(asked, token, lambda: getattr(self, f"_{act}")(asked, token))

    @precondition(lambda self: any(j.hands for j in self.jobs))
    @rule(
        job=st.integers(0, 4),
        former=st.integers(0, 5),
        kind=st.sampled_from(list(TROUBLES)),
        keep=st.booleans(),
    )
    def a_worker_gives_a_job_back(self, job: int, former: int, kind: str, keep: bool) -> None:
        asked, token, _worker = self._hand(job, former)

        def give_back() -> None:
            engine = self._record(asked).get("engine")
            state = self.store.lanes.give_back(asked.id, token, TROUBLES[kind], MESSAGES, keep=keep)
            asked.owner = ""
            if state == "failed":
                struck = self.store.redis.hget(f"limner:engine:{engine}", "struck")
                assert struck == f",{asked.id},", "a job paid for what its engine does to others"

        self._write(asked, token, give_back)

    @rule(
        worker=st.sampled_from(list(WORKERS)), how=st.sampled_from(["all", "all", "some", "leave"])
    )
    def a_worker_beats_or_leaves(self, worker: str, how: str) -> None:
        if how == "leave":
            for lane in WORKERS[worker][0]:
                self.store.lanes.leave(worker, lane)
            return
        mine = {j.id: j for j in self.jobs if (j.owner, worker) in j.hands}
        kept = list(mine)[:: 1 if how == "all" else 2]
        stale = self._beat(worker, {job: mine[job].owner for job in kept})
        for job in kept:
            if job in stale:
                assert mine[job].until_ms <= self.clock.now_ms, "a live lease was called stale"
                mine[job].owner = ""
            else:
                mine[job].until_ms = self.clock.now_ms + round(LEASE_S * 1000)

    @rule(
        what=st.sampled_from(
            [0.2, 1.5, 5.0, 16.0, 31.0, "outage", "sweep", "patience", "deleted", "lost", "doubled"]
        ),
        lane=st.sampled_from(Lane),
    )
    def the_world_turns(self, what: float | str, lane: Lane) -> None:
        if isinstance(what, float):
            a_while_later(self.store, self.clock, what, MESSAGES)
        elif what == "outage":
            self.clock.pass_s(60)
        elif what == "sweep":
            self._sweep()
        elif what == "patience":
            self._run_out_of_patience()
        elif what == "deleted":
            self.store.redis.delete(lane.value)
        elif what == "lost":
            self.store.redis.rpop(lane.value)
        else:
            for asked in self.jobs[:2]:
                self.store.redis.lpush(asked.lane.value, MESSAGES.fill(asked.lane, asked.id))

    @rule(count=st.integers(1, 3), verdict=st.sampled_from(["ok", "ok", "retry", "dead"]))
    def callbacks_are_posted(self, count: int, verdict: str) -> None:
        self._post(count, verdict)

    # -- what must always hold ----------------------------------------------------------------

    @invariant()
    def no_engine_draws_more_than_it_may(self) -> None:
        if not hasattr(self, "jobs"):
            return
        slots = self._slots()
        owners = list(itertools.chain.from_iterable(slots.values()))
        assert len(owners) == len(set(owners)), "a job has two slots"
        for engine in ENGINES:
            fast, relaxed = (slots[engine.name, lane] for lane in Lane)
            assert len(fast) <= engine.fast.slots
            assert len(relaxed) <= engine.relaxed.slots
            assert len(fast) + len(relaxed) <= max(engine.fast.slots, engine.relaxed.slots)
        for asked in self.jobs:
            record = self._record(asked)
            if record["status"] in ("submitted", "drawing") and record["token"] != asked.freed:
                assert asked.id in slots[record["engine"], asked.lane], "drawn without a slot"
        for (name, lane), members in slots.items():
            for job in members:
                engine, own_lane = self.store.redis.hmget(f"limner:job:{job}", "engine", "lane")
                assert (engine, own_lane) == (name, lane.value)
                lease = self.store.redis.zscore("limner:leases", job)
                assert lease is not None, "a slot that nothing will ever free"

    @invariant()
    def an_engine_that_is_shown_as_well_is_well(self) -> None:
        if not hasattr(self, "jobs"):
            return
        for engine in ENGINES:
            record = self.store.redis.hgetall(f"limner:engine:{engine.name}")
            assert len(record["struck"].strip(",").split(",")) <= 3
            if record["state"] == "ok":
                assert (record["why"], record["paused_until"], record["fails"]) == ("", "0", "0")

    @invariant()
    def a_job_is_in_one_place(self) -> None:
        if not hasattr(self, "jobs"):
            return
        redis = self.store.redis
        with redis.pipeline(transaction=True) as pipe:
            for lane in Lane:
                pipe.zrange(f"limner:waiting:{lane.value}", 0, -1)
                pipe.zrange(f"limner:ready:{lane.value}", 0, -1)
            pipe.zrange("limner:holds", 0, -1)
            pipe.zrange("limner:leases", 0, -1)
            for client in ("ann", "bob"):
                pipe.smembers(f"limner:waits:{client}")
                pipe.smembers(f"limner:runs:{client}")
            for asked in self.jobs:
                pipe.hgetall(f"limner:job:{asked.id}")
            answers = iter(pipe.execute())
        waiting, ready = {}, {}
        for lane in Lane:
            waiting[lane], ready[lane] = next(answers), next(answers)
        holds, leases = set(next(answers)), set(next(answers))
        waits, runs = {}, {}
        for client in ("ann", "bob"):
            waits[client], runs[client] = next(answers), next(answers)

        assert holds == {job for lane in Lane for job in ready[lane]}
        for asked, record in zip(self.jobs, answers, strict=True):
            status = record["status"]
            other = Lane.RELAXED if asked.lane is Lane.FAST else Lane.FAST
            assert asked.id not in waiting[other]
            assert (asked.id in waiting[asked.lane]) == (status == "waiting")
            assert (asked.id in waits[asked.client]) == (status == "waiting")
            assert (asked.id in runs[asked.client]) == (status in ("submitted", "drawing"))
            if status in ("submitted", "drawing"):
                assert asked.id in leases
                assert record["token"]
                assert record["engine"]
            if status in ("done", "failed"):
                assert asked.id not in holds | leases
                assert "token" not in record
            if status != "waiting":
                assert asked.id not in holds
            assert int(record.get("attempts", 0)) == asked.attempts
        for lane in Lane:
            # Who was accepted first is first, however often it came back.
            order = [j.id for j in self.jobs if j.lane is lane and j.id in waiting[lane]]
            assert waiting[lane] == order
            for place, job in enumerate(order[:2], start=1):
                assert self.store.jobs.get(job).position == place

    @invariant()
    def every_change_of_state_is_told_once_and_in_order(self) -> None:
        if not hasattr(self, "jobs"):
            return
        with self.store.redis.pipeline(transaction=True) as pipe:
            for asked in self.jobs:
                pipe.lrange(f"limner:outq:{asked.id}", 0, -1)
                pipe.lrange(f"limner:dead:{asked.id}", 0, -1)
                pipe.hmget(f"limner:job:{asked.id}", "status", "seq")
            answers = iter(pipe.execute())
        for asked in self.jobs:
            queued = [json.loads(text) for text in next(answers)]
            dead = [json.loads(text) for text in next(answers)]
            status, seq = next(answers)
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
            for before, after in itertools.pairwise([None, *statuses]):
                assert after in FOLLOWS[before], statuses
            assert (statuses or ["waiting"])[-1] == status
            assert int(seq) >= max([*asked.told, *seqs, *asked.delivered], default=0)
            assert asked.delivered == sorted(set(asked.delivered))

    def teardown(self) -> None:
        """Whatever happened: with one worker that works, and time, every job ends and nothing stays."""
        if not hasattr(self, "jobs"):
            return
        for _ in range(60):
            a_while_later(self.store, self.clock, 20, MESSAGES)
            self._beat("both", {})
            self.store.lanes.sweep(MESSAGES)
            for lane in Lane:
                while text := self.store.redis.rpop(lane.value):
                    job = json.loads(text)["headers"]["id"]
                    token = f"t{next(_tokens)}"
                    if self.store.lanes.take(job, token, "both", MESSAGES).state == "granted":
                        self.store.lanes.free_slot(job, token)
                        self.store.lanes.done(job, token, GRID, [GRID] * 4, {})
            if all(self.store.jobs.get(j.id).status.ended for j in self.jobs):
                break
        left = [j.id for j in self.jobs if not self.store.jobs.get(j.id).status.ended]
        assert not left, "these never end"
        for _ in range(60):
            self.clock.pass_s(31)
            self._post(10, "ok")
            if not any(self.store.outbox.told(j.id).pending for j in self.jobs):
                break
        self.a_job_is_in_one_place()
        self.every_change_of_state_is_told_once_and_in_order()
        assert not any(self.store.outbox.told(j.id).pending for j in self.jobs)
        for asked in self.jobs:
            dead = {letter.event.seq for letter in self.store.outbox.told(asked.id).dead}
            assert set(asked.told) <= dead | set(asked.delivered)
        for name in ("holds", "leases", "waiting:*", "ready:*", "waits:*", "runs:*", "slots:*"):
            assert not self.store.redis.keys(f"limner:{name}")
        assert not self.store.redis.keys("limner:grant:*")

    # -- how it is done -----------------------------------------------------------------------

    def _beat(self, worker: str, owned: dict[str, str]) -> set[str]:
        lanes, engines = WORKERS[worker]
        stale = set()
        for lane in lanes:
            stale |= self.store.lanes.renew(worker, lane, engines, owned)
            owned = {}
        return stale

    def _sweep(self) -> None:
        self.store.lanes.sweep(MESSAGES)
        slots = self._slots()
        for asked in self.jobs:
            # Whoever kept a slot waits for that engine, where its drawing goes on.
            kept = any(asked.id in members for members in slots.values())
            if asked.lane is Lane.FAST and self._ready(asked) and not kept:
                for engine in self._engines_of(asked):
                    taken = sum(len(slots[engine.name, lane]) for lane in Lane)
                    idle = (
                        taken < max(engine.fast.slots, engine.relaxed.slots)
                        and len(slots[engine.name, Lane.FAST]) < engine.fast.slots
                    )
                    failed_it = engine.name in self._record(asked).get("failed_on", "").split()
                    if not failed_it:
                        assert not (idle and self._well(engine)), (
                            "an engine idles while a job waits"
                        )

    def _run_out_of_patience(self) -> None:
        """Two looks at the lanes, five seconds apart: whoever has lost its message has it again."""
        self.store.lanes.sweep(MESSAGES)
        self.clock.pass_s(PATIENCE_S)
        self.store.lanes.sweep(MESSAGES)
        for lane in Lane:
            sent = messages_in(self.store, lane)
            waiting = self._waiting(lane)
            known = [i for i in sent if i in waiting]
            # Behind messages of jobs long over, or behind the oldest message, nothing is looked for.
            if sent and not known:
                continue
            for job in waiting:
                if known and waiting.index(job) > waiting.index(known[0]):
                    break
                held = self.store.redis.zscore("limner:holds", job) is not None
                assert job in sent or held, "a lost message was not sent again"

    def _take(self, asked: Asked, token: str, worker: str) -> None:
        lease_ends = asked.until_ms
        taken = self.store.lanes.take(asked.id, token, worker, MESSAGES)
        if (token, worker) not in asked.hands:
            asked.hands.append((token, worker))
        if taken.state == "granted":
            assert taken.engine in WORKERS[worker][1]
        if taken.state in ("wait", "granted"):
            if asked.owner not in ("", token):
                assert lease_ends <= self.clock.now_ms, "a job was taken from its holder"
            asked.owner = token
            if taken.state == "wait":
                asked.until_ms = self.clock.now_ms + round(LEASE_S * 1000)
            else:
                # Asking again does not prolong a lease; the heart does.
                asked.until_ms = int(self.store.redis.zscore("limner:leases", asked.id))

    def _hand(self, job: int, former: int) -> tuple[Asked, str, str]:
        taken = [j for j in self.jobs if j.hands]
        # Those that are drawn or held first: theirs are the calls that matter.
        running = {j.id: self._record(j)["status"] in ("submitted", "drawing") for j in taken}
        taken.sort(key=lambda j: (not j.owner, not running[j.id]))
        asked = taken[job % len(taken)]
        token, worker = asked.hands[-1 - (former if former < len(asked.hands) else 0)]
        return asked, token, worker

    def _write(self, asked: Asked, token: str, call) -> None:
        """Let a hand write: only the owner's may come through, and a live owner's does."""
        before = self._record(asked)
        runs = before["status"] in ("submitted", "drawing")
        live = token == asked.owner and asked.until_ms > self.clock.now_ms
        try:
            call()
        except StaleLease:
            assert not (live and runs), "the owner was fenced out"
            assert self._record(asked) == before, "a stale hand changed the job"
        else:
            assert runs, "a job that no engine has was written to"
            assert token == before["token"]

    def _begin(self, asked: Asked, token: str) -> None:
        begun = self.store.lanes.begin(asked.id, token)
        assert begun.attempt is None or begun.attempt == asked.attempts
        if begun.attempt is not None:
            asked.attempts += 1
            attach = asked.attempts % 2 == 1
            self.store.lanes.keep_handle(asked.id, token, {"id": token}, attach=attach)

    def _progress(self, asked: Asked, token: str, percent: int, preview: Picture | None) -> None:
        before = self.store.jobs.get(asked.id).progress
        self.store.lanes.progress(asked.id, token, percent, preview)
        assert self.store.jobs.get(asked.id).progress == max(before, percent)

    def _free(self, asked: Asked, token: str) -> None:
        engine = self.store.redis.hget(f"limner:job:{asked.id}", "engine")
        failing = self.store.redis.hget(f"limner:engine:{engine}", "state") == "failing"
        clear = self.store.lanes.free_slot(asked.id, token)
        if failing:
            assert not clear, "an engine that failed others is well before its pictures are checked"
            return
        asked.freed = token
        assert not any(asked.id in members for members in self._slots().values())

    def _done(self, asked: Asked, token: str) -> None:
        self.store.lanes.done(asked.id, token, GRID, [GRID] * 4, {})
        asked.owner = ""

    def _failed(self, asked: Asked, token: str) -> None:
        self.store.lanes.failed(asked.id, token, "Because.", "engine_failed")
        asked.owner = ""

    def _let_go(self, asked: Asked, token: str) -> None:
        before = self._record(asked)
        if self.store.lanes.let_go(asked.id, token, MESSAGES):
            if token == asked.owner:
                asked.owner = ""
            else:
                assert self._record(asked) == before, "a former holder changed the job"

    def _record(self, asked: Asked) -> dict[str, str]:
        return self.store.redis.hgetall(f"limner:job:{asked.id}")

    def _slots(self) -> dict[tuple[str, Lane], set[str]]:
        names = [(engine.name, lane) for engine in ENGINES for lane in Lane]
        with self.store.redis.pipeline(transaction=True) as pipe:
            for name, lane in names:
                pipe.smembers(f"limner:slots:{name}:{lane.value}")
            return dict(zip(names, pipe.execute(), strict=True))

    def _waiting(self, lane: Lane) -> list[str]:
        """The lane's waiting jobs in the order in which they were accepted."""
        mine = [j.id for j in self.jobs if j.lane is lane]
        return [job for job in mine if self.store.jobs.get(job).status == "waiting"]

    def _ready(self, asked: Asked) -> bool:
        return self.store.redis.zscore(f"limner:ready:{asked.lane.value}", asked.id) is not None

    def _engines_of(self, asked: Asked) -> list[EngineSettings]:
        """The engines of the job's holder, as far as the store knows that worker."""
        worker = self.store.redis.hget(f"limner:job:{asked.id}", "worker")
        names = self.store.redis.hget(f"limner:worker:{worker}", "engines") or ""
        return [engine for engine in ENGINES if engine.name in names.split()]

    def _well(self, engine: EngineSettings) -> bool:
        record = self.store.redis.hmget(f"limner:engine:{engine.name}", "fails", "paused_until")
        fails, paused = (int(value or 0) for value in record)
        return fails == 0 and paused <= self.clock.now_ms

    def _post(self, count: int, verdict: str) -> None:
        poster = a_poster()
        self.store.outbox.tick(poster)
        for taken in take(self.store, poster, count):
            kind = taken.event.kind.value
            said = "drop" if verdict == "dead" and kind == "P" else verdict
            asked = next(j for j in self.jobs if j.id == taken.event.job)
            if kind != "P":
                asked.told[taken.event.seq] = {"s": taken.event.seq, "v": taken.event.fields}
            done(self.store, taken, said, poster, health="none", why=said, delay_s=1)
            if said == "ok":
                asked.delivered.append(taken.event.seq)


def test_no_interleaving_loses_or_doubles_a_job_a_slot_or_an_event(store, clock):
    class Machine(LanesMachine):
        pass

    Machine.store, Machine.clock = store, clock
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples(120),
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
