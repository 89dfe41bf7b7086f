"""The lanes under every interleaving that hypothesis finds, against a model of what they promise.

Workers take, draw, die and come back; engines come and go; messages and replies are lost and doubled; time
passes, and the clock is set. After each step everything in Redis is held against ``lanes_model.py``.
"""

from __future__ import annotations

import itertools
import json
from functools import partial

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from limner.client import Budgets
from limner.request import Lane
from limner.store import Policy, Store
from limner.store.lanes import Result
from tests.builders import MESSAGES
from tests.conftest import a_while_later
from tests.contract.lanes_drawings import check_drawings
from tests.contract.lanes_hands import (
    CENT,
    GRID,
    LEASE_S,
    PRICES,
    SETTINGS,
    TROUBLES,
    WORKERS,
    Hands,
)
from tests.contract.lanes_model import CLIENTS, RUNNING, Asked, View, check
from tests.contract.machines import Turns, by_weight, needs, run_machine

JOBS_MOST = 9
BEAT_S = 5.0
#: of ann's jobs any number, at any price
BUDGETS = {"ann": Budgets(), "bob": Budgets(per_month=4, cost_per_month=13 * CENT)}
#: so long no worker has a former engine
ABSENT_S = 60
_tokens = itertools.count(1)

#: the job, mostly one that somebody draws, and whose token: mostly its owner's, now and then a former one's, or
#: one that never was
HAND = {
    "job": st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3]),
    "hand": st.sampled_from([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, "", "wrong"]),
    # The reply was lost, and the worker asks again.
    "lost": st.sampled_from([False, False, True]),
}
#: what the host of a drawing says that it cost; mostly nothing
COST = st.sampled_from([None, None, 0, CENT, 7 * CENT])
WORKER = st.sampled_from(list(WORKERS))
LANE = st.sampled_from(Lane)
SECONDS = st.sampled_from([0.2, 1.5, 1.5, 5.0, 5.0, 16.0, 31.0])
CHANGES = st.sampled_from(["slots", "restarted", "carried", "tile", "well", "not_well", "retried"])
#: what may happen → out of how many it happens, and what it needs to know
TURNS: Turns = {
    "asks": (
        9,
        {
            "lane": LANE,
            "client": st.sampled_from(CLIENTS),
            "tile": st.booleans(),
            "deadline_s": st.sampled_from([None, None, None, 20, 60]),
        },
    ),
    "takes": (
        20,
        {
            "worker": WORKER,
            "lost": st.sampled_from([False, False, True]),
            "begins": st.booleans(),
        },
    ),
    "asks_again": (3, HAND | {"begins": st.booleans()}),
    "hands_over": (12, HAND | {"paid": st.sampled_from([None, "", "", "retry", "fail"])}),
    "tells": (6, HAND | {"percent": st.integers(0, 99), "preview": st.sampled_from([None, GRID])}),
    "frees": (4, HAND),
    "keeps_its_slot": (1, HAND),
    "finishes": (3, HAND | {"cost": COST}),
    "fails": (1, HAND | {"cost": COST}),
    "lets_go": (2, HAND),
    "gives_back": (
        9,
        HAND
        | {
            "kind": st.sampled_from(list(TROUBLES)),
            "keep": st.sampled_from([True, True, False]),
            "cost": COST,
        },
    ),
    "goes_elsewhere": (4, HAND),
    "beats": (8, {"worker": WORKER, "every": st.sampled_from([1, 1, 2])}),
    "leaves": (1, {"worker": WORKER}),
    "time_passes": (
        12,
        {"seconds": SECONDS, "beating": st.sampled_from([True, True, True, False])},
    ),
    "is_away": (1, {}),
    "clock_is_set": (3, {"seconds": st.sampled_from([3600, -3600, -60])}),
    "is_swept": (4, {}),
    "is_patient": (2, {}),
    "an_engine_is_absent_for_long": (1, {}),
    "messages_go_astray": (4, {"how": st.sampled_from(["all", "one", "more"]), "lane": LANE}),
    "is_cancelled": (2, {"job": st.integers(0, JOBS_MOST), "operator": st.booleans()}),
    "is_moved_to_front": (3, {"job": st.integers(0, JOBS_MOST)}),
    "an_engine_changes": (
        4,
        {"engine": st.sampled_from(list(SETTINGS)), "worker": WORKER, "what": CHANGES},
    ),
    "is_told": (
        5,
        {"count": st.integers(1, 3), "verdict": st.sampled_from(["ok", "retry", "dead"])},
    ),
}


class LanesMachine(Hands, RuleBasedStateMachine):
    """One Redis, three workers, two engines, two clients, one poster."""

    @initialize(lanes=st.lists(LANE, min_size=3, max_size=4))
    def start(self, lanes: list[Lane]) -> None:
        self.store.redis.flushall()
        self.jobs: list[Asked] = []
        self.before: View | None = None
        self.engines = {}
        self.carries = {worker: set(engines) for worker, (_, engines) in WORKERS.items()}
        for name in SETTINGS:
            self.register(name, 0)
        for worker in WORKERS:
            self.beat(worker, {})
        for lane in lanes:
            self.asks(lane, "ann", tile=False, deadline_s=None)

    # One rule: of several, hypothesis would switch some off in each run, and a job needs most of them.
    @rule(data=st.data(), turn=by_weight(TURNS))
    def something_happens(self, data: st.DataObject, turn: str) -> None:
        known = needs(data, TURNS, turn)
        if "hand" not in known:
            getattr(self, turn)(**known)
        elif hand := self.hand(known.pop("job"), known.pop("hand")):
            getattr(self, turn)(*hand, **known)

    def asks(self, lane: Lane, client: str, tile: bool, deadline_s: int | None) -> None:
        if len(self.jobs) < JOBS_MOST:
            wish = {"lane": lane, "client": client, "tile": tile, "deadline_s": deadline_s}
            if accepted := self.accept(wish, BUDGETS[client]):
                self.jobs.append(accepted)

    def takes(self, worker: str, lost: bool, begins: bool) -> None:
        for lane in WORKERS[worker][0]:
            if text := self.store.redis.rpop(lane.value):
                named = json.loads(text)["headers"]["id"]
                token = f"t{next(_tokens)}"
                self.claim(lane, named, token, worker, lost=lost, begins=begins)

    def asks_again(self, asked: Asked, token: str, worker: str, lost: bool, begins: bool) -> None:
        if token and token == asked.owner:
            self.take(asked, token, worker, lost=lost, begins=begins)

    def hands_over(self, asked: Asked, token: str, worker: str, lost: bool, paid: str | None):
        self.write(asked, token, lambda: self.begin(asked, token, paid), lost)

    def tells(self, asked: Asked, token: str, worker: str, lost: bool, percent: int, preview):
        self.write(asked, token, lambda: self.progress(asked, token, percent, preview), lost)

    def frees(self, asked: Asked, token: str, worker: str, lost: bool) -> None:
        self.write(asked, token, lambda: self.free(asked, token), lost)

    def keeps_its_slot(self, asked: Asked, token: str, worker: str, lost: bool) -> None:
        self.write(asked, token, lambda: self.keep_slot(asked, token), lost)

    def finishes(self, asked: Asked, token: str, worker: str, lost: bool, cost: int | None):
        self.write(asked, token, lambda: self.done(asked, token, cost), lost)

    def fails(self, asked: Asked, token: str, worker: str, lost: bool, cost: int | None) -> None:
        self.write(asked, token, lambda: self.failed(asked, token, cost), lost)

    def lets_go(self, asked: Asked, token: str, worker: str, lost: bool) -> None:
        self.let_go(asked, token, lost)

    def gives_back(
        self,
        asked: Asked,
        token: str,
        worker: str,
        lost: bool,
        kind: str,
        keep: bool,
        cost: int | None,
    ) -> None:
        self.write(asked, token, lambda: self.give_back(asked, token, kind, keep, cost), lost)

    def goes_elsewhere(self, asked: Asked, token: str, worker: str, lost: bool) -> None:
        """Three steps that chance seldom makes: a worker leaves its drawing to one that has not its engine."""
        record = self.record(asked)
        if record["status"] not in RUNNING or token != record["token"]:
            return
        lanes, handle = self.store.lanes, {"id": token}
        keep = partial(lanes.keep_handle, asked.id, token, handle, attach=True)
        self.write(asked, token, keep, lost)
        self.every_rule_holds()
        leave = partial(self.give_back, asked, token, "handover", keep=True)
        self.write(asked, token, leave, lost)
        for other, engines in self.carries.items():
            if record["engine"] not in engines:
                self.every_rule_holds()
                self.beats(other, 1)
                self.takes(other, lost=lost, begins=False)

    def beats(self, worker: str, every: int) -> None:
        mine = {j.id: j for j in self.jobs if (j.owner, worker) in j.hands}
        kept = list(mine)[::every]
        stale = self.beat(worker, {job: mine[job].owner for job in kept})
        for job in kept:
            if job in stale:
                ends = min(mine[job].until_ms, mine[job].earliest_ms)
                assert ends <= self.clock.now_ms, "a live lease was called stale"
                mine[job].owner = ""
            else:
                mine[job].until_ms = self.clock.now_ms + round(LEASE_S * 1000)

    def leaves(self, worker: str) -> None:
        for lane in WORKERS[worker][0]:
            self.store.lanes.leave(worker, lane)

    def time_passes(self, seconds: float, beating: bool) -> None:
        """``beating``: the workers live on; else they are silent."""
        while seconds > 0:
            step = min(seconds, BEAT_S)
            a_while_later(self.store, self.clock, step, MESSAGES)
            # Before the beats: who had started while fast's workers were silent did not go before them.
            self.every_rule_holds()
            for worker in WORKERS if beating else ():
                self.beats(worker, 1)
            seconds -= step

    def is_away(self) -> None:
        self.clock.pass_s(60)

    def clock_is_set(self, seconds: int) -> None:
        self.set_clock(seconds)

    def is_swept(self) -> None:
        self.sweep()

    def is_patient(self) -> None:
        self.lose_patience()

    def an_engine_is_absent_for_long(self) -> None:
        """The workers that have beaten lately go on, and each engine that none of them has is dropped."""
        living = [w for w in WORKERS if self.lives(w)]
        for _ in range(ABSENT_S // 10 + 2):
            a_while_later(self.store, self.clock, 10, MESSAGES)
            for worker in living:
                self.beats(worker, 1)
        self.store.lanes.sweep(MESSAGES)
        had = {engine for worker in living for engine in self.carries[worker]}
        known = self.store.redis.smembers("limner:engines")
        assert had <= known
        slots = {name for name in SETTINGS if self.view().on(name)}
        assert known <= had | slots or not living

    def messages_go_astray(self, how: str, lane: Lane) -> None:
        if how == "all":
            self.store.redis.delete(lane.value)
        elif how == "one":
            self.store.redis.rpop(lane.value)
        else:
            for asked in self.jobs[:2]:
                self.store.redis.lpush(asked.lane.value, MESSAGES.fill(asked.lane, asked.id))

    def is_cancelled(self, job: int, operator: bool) -> None:
        self.cancel(self.jobs[job % len(self.jobs)], operator)

    def is_moved_to_front(self, job: int) -> None:
        self.to_front(self.jobs[job % len(self.jobs)])

    def an_engine_changes(self, engine: str, worker: str, what: str) -> None:
        number = SETTINGS[engine].index(self.engines[engine])
        if what == "slots":
            self.register(engine, number ^ 1)
        elif what == "restarted":
            before = self.store.redis.hgetall(f"limner:engine:{engine}")
            self.register(engine, number)
            assert self.store.redis.hgetall(f"limner:engine:{engine}") == before
        elif what == "retried":
            self.store.engines.retry(engine)
        elif what == "carried":
            self.carries[worker] ^= {engine}
        elif what == "tile":
            lacks = self.store.redis.hget(f"limner:engine:{engine}", "lacks")
            self.store.engines.abilities(engine, [] if lacks else ["tile"])
        else:
            before = self.store.redis.hgetall(f"limner:engine:{engine}")
            self.store.engines.probed(engine, what == "well", "away", 5)
            if before["state"] != "down":
                assert self.store.redis.hgetall(f"limner:engine:{engine}") == before

    def is_told(self, count: int, verdict: str) -> None:
        self.post(count, verdict)

    @invariant()
    def every_rule_holds(self) -> None:
        if not hasattr(self, "before"):
            return
        view = self.view()
        check(view, self.before, self.jobs, self.engines)
        check_drawings(view, self.before, self.jobs, PRICES)
        for lane in Lane:
            shown = [self.store.jobs.get(job).position for job in view.waiting[lane]]
            assert sorted(shown) == list(range(1, len(shown) + 1)), "two jobs have one position"
        for asked in self.jobs:
            waits = asked.id in view.waiting[asked.lane]
            assert waits or self.store.jobs.get(asked.id).position is None
        self.before = view

    def teardown(self) -> None:
        """Whatever happened: with one worker that works, and time, every job ends and nothing stays."""
        if not hasattr(self, "before"):
            return
        for name in SETTINGS:
            self.register(name, 0)
            self.store.engines.abilities(name, [])
        self.carries["both"] = set(SETTINGS)
        for _ in range(60):
            a_while_later(self.store, self.clock, 20, MESSAGES)
            self.beat("both", {})
            self.store.lanes.sweep(MESSAGES)
            for lane in Lane:
                while text := self.store.redis.rpop(lane.value):
                    named = json.loads(text)["headers"]["id"]
                    token = f"t{next(_tokens)}"
                    claimed = self.store.lanes.claim(lane, token, "both", named, MESSAGES)
                    if claimed and claimed[1].state == "granted":
                        job = claimed[0]
                        self.store.lanes.free_slot(job, token)
                        self.store.lanes.done(job, token, Result(GRID, [GRID] * 4, {}))
            if all(self.store.jobs.get(j.id).status.ended for j in self.jobs):
                break
        left = [j.id for j in self.jobs if not self.store.jobs.get(j.id).status.ended]
        assert not left, "these never end"
        for _ in range(60):
            self.clock.pass_s(31)
            self.post(10, "ok")
            if not any(self.store.outbox.told(j.id).pending for j in self.jobs):
                break
        self.before = None
        self.every_rule_holds()
        assert not any(self.store.outbox.told(j.id).pending for j in self.jobs)
        for asked in self.jobs:
            dead = {letter.event.seq for letter in self.store.outbox.told(asked.id).dead}
            assert set(asked.told) <= dead | set(asked.delivered)
            assert self.store.redis.pttl(f"limner:job:{asked.id}") > 0
        for name in (
            "holds",
            "leases",
            "waiting:*",
            "ready:*",
            "waits:*",
            "runs:*",
            "slots:*",
            "back:*",
            "turns:*",
        ):
            assert not self.store.redis.keys(f"limner:{name}")
        assert not self.store.redis.keys("limner:grant:*")


@pytest.mark.timeout(900)  # a model's thousands of steps, on a busy machine, too
def test_no_interleaving_loses_or_doubles_a_job_a_slot_or_an_event(redis_url, clock):
    store = Store(redis_url, policy=Policy(engine_absent_s=ABSENT_S), clock=clock)
    run_machine(LanesMachine, store, clock, most=90, steps=50)
    store.close()
