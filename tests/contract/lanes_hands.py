"""What workers, callers and operators do in ``test_lanes_machine.py``, and what each may expect of it.

Every call is made as a worker's code makes it, through the store. Where its reply is lost, it is made again,
and the messages that the first one was to send are not sent.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from limner.client import Budgets
from limner.errors import BudgetSpent, StaleLease
from limner.job import Picture
from limner.reasons import Reason
from limner.request import Lane
from limner.settings import EngineSettings
from limner.store import Store, Trouble
from limner.store.lanes import Result, Taken
from tests.builders import MESSAGES, an_accepted_job, an_engine, messages_in
from tests.callback_doubles import a_poster, done, take
from tests.conftest import MovingClock
from tests.contract.lanes_model import ENDED, RUNNING, Asked, View
from tests.contract.lanes_view import everything

LEASE_S, PATIENCE_S = 15.0, 5.0
GRID = Picture("http://limner/grid.png", 1024, 1024)
CENT = 10_000
#: engine → what a drawing there costs if its host does not say
PRICES = {"big": 4 * CENT, "small": 0}
#: engine → what its operator may change its settings to; the first is what it begins with
SETTINGS = {
    # Of so little weight that small comes first, which not every worker has.
    "big": (
        an_engine("big", fast=2, relaxed=1, weight=0.4, price=PRICES["big"]),
        an_engine("big", fast=1, relaxed=0, weight=0.4, price=PRICES["big"]),
    ),
    "small": (
        an_engine("small", fast=1, relaxed=2, relaxed_gap_s=1.5),
        an_engine("small", fast=0, relaxed=1),
    ),
}
#: worker → its lanes and its engines
WORKERS = {
    "both": ((Lane.FAST, Lane.RELAXED), ("big", "small")),
    "fast": ((Lane.FAST,), ("big",)),
    "relaxed": ((Lane.RELAXED,), ("small",)),
}
TROUBLES = {
    "handover": Trouble(),
    "busy": Trouble(engine_state="busy", engine_why="busy", pause_s=0.2, pause_max_s=30),
    "down": Trouble("downs", 2, Reason.ENGINE_DOWN, "down", "refused", 1, 60),
    "refused": Trouble(engine_state="refused", engine_why="credit", pause_s=60, pause_max_s=600),
    "bad": Trouble(
        "bad_results", 1, Reason.BAD_RESULT, engine_why="black", pause_s=10, pause_max_s=300
    ),
    "too_often": Trouble("late", 0, Reason.TIMED_OUT, engine_why="late", pause_s=1),
}


class Hands:
    """The store, the clock, and what the model knows of jobs, engines and workers."""

    store: Store
    clock: MovingClock
    jobs: list[Asked]
    #: what the engines' settings allow now
    engines: dict[str, EngineSettings]
    #: worker → engines that it has now
    carries: dict[str, set[str]]

    def view(self) -> View:
        return View(self.store, self.jobs, SETTINGS, self.clock.now_ms)

    def register(self, engine: str, number: int) -> None:
        self.engines[engine] = SETTINGS[engine][number]
        self.store.engines.register([self.engines[engine]])

    def beat(self, worker: str, owned: dict[str, str]) -> set[str]:
        stale = set()
        for lane in WORKERS[worker][0]:
            engines = sorted(self.carries[worker])
            stale |= self.store.lanes.renew(worker, lane, engines, owned)
            owned = {}
        return stale

    def lives(self, worker: str) -> bool:
        """Whether the store has heard of a worker within a lease."""
        seen = (self.store.redis.zscore(f"limner:workers:{x.value}", worker) for x in Lane)
        return any(until is not None and until > self.clock.now_ms for until in seen)

    def set_clock(self, seconds: int) -> None:
        """Set it, and look at the lanes: nobody loses what it had, nothing waits for what was."""
        before = self.view()
        self.clock.pass_s(seconds)
        self.store.lanes.sweep(MESSAGES)
        for asked in self.jobs:
            # The walk through all keys brings deadlines nearer, as soon as it comes round.
            asked.earliest_ms = min(asked.earliest_ms, self.clock.now_ms + asked.span_ms)
        after = self.view()
        for asked in self.jobs:
            if asked.owner != before.records[asked.id].get("token"):
                # Lost before; on the clock that was set back its time would not be over.
                asked.owner = ""
            elif asked.owner and asked.earliest_ms > after.now_ms:
                assert after.records[asked.id].get("token") == asked.owner
                lease_ends = after.now_ms + round(LEASE_S * 1000)
                if seconds > 0 or asked.until_ms > lease_ends:
                    asked.until_ms = lease_ends
        assert all(ends <= after.now_ms + 30_000 for ends in after.leases.values())
        assert all(ends <= after.now_ms + 15_000 for ends in after.holds.values())

    def sweep(self) -> None:
        self.store.lanes.sweep(MESSAGES)
        view = self.view()
        ends = [*view.holds.values(), *view.leases.values()]
        assert all(at > self.clock.now_ms for at in ends), "kept for who is silent"
        for asked in self.jobs:
            late = asked.deadline_ms <= self.clock.now_ms
            assert not late or view.records[asked.id]["status"] in ENDED, (
                "drawn when it is too late"
            )
        for asked in self.jobs:
            record = view.records[asked.id]
            # Whoever kept a slot, or was paid for, waits for that engine, where its drawing goes on.
            slots = itertools.chain.from_iterable(view.slots.values())
            kept = asked.id in slots or (record.get("attach") == "1" and record.get("paid"))
            # Nor does a job start whose worker is silent: it waits for another one.
            if asked.id not in view.ready[asked.lane] or kept or not self.lives(record["worker"]):
                continue
            fast_waits = asked.lane is Lane.RELAXED and view.waiting[Lane.FAST]
            for name in self.known_engines(record["worker"]):
                free = view.room(self.engines[name], asked.lane) > 0 and view.well(name)
                gap = asked.lane is Lane.RELAXED and self.engines[name].relaxed.gap_s
                if view.suits(name, asked) and name not in record.get("failed_on", "").split():
                    assert not free or gap or fast_waits, "an engine idles while a job waits"

    def lose_patience(self) -> None:
        """Looks at the lanes, five seconds apart: there are as many messages as jobs that nobody holds."""
        ended, before = self.ended(), -1
        # Those whose deadlines pass meanwhile leave their messages behind.
        while ended != before:
            for _ in range(3):
                self.store.lanes.sweep(MESSAGES)
                self.clock.pass_s(PATIENCE_S)
            self.store.lanes.sweep(MESSAGES)
            ended, before = self.ended(), ended
        view = self.view()
        for lane in Lane:
            without = [job for job in view.waiting[lane] if job not in view.holds]
            assert len(messages_in(self.store, lane)) == len(without)

    def ended(self) -> int:
        return sum(self.record(asked)["status"] in ENDED for asked in self.jobs)

    def claim(
        self, lane: Lane, named: str, token: str, worker: str, *, lost: bool, begins: bool
    ) -> None:
        """Have a worker take whichever job's turn it is; ``begins``: and submit it at once, if it may."""
        before = self.view()
        claimed: list[tuple[str, Taken] | None] = []

        def call() -> None:
            claimed.append(
                self.store.lanes.claim(lane, token, worker, named, MESSAGES, begin=begins)
            )

        self._losing_messages(call) if lost else call()
        if claimed[0] is None:
            # Whoever is overdue ends when it is looked at.
            after = self.view()
            assert not set(after.waiting[lane]) - set(after.holds), (
                "a job waits, and none was found"
            )
            return
        job_id, taken = claimed[0]
        asked = next(j for j in self.jobs if j.id == job_id)
        assert job_id in before.waiting[lane]
        if taken.attempt is not None:
            assert taken.attempt == asked.attempts
            asked.attempts += 1
        self.taken_by(asked, taken, token, worker)

    def take(
        self, asked: Asked, token: str, worker: str, *, lost: bool, begins: bool = False
    ) -> None:
        def call() -> Taken:
            begun = "begun" in self.record(asked)
            taken = self.store.lanes.take(asked.id, token, worker, MESSAGES, begin=begins)
            # Once, however often it is asked for.
            if taken.attempt is not None and not begun:
                asked.attempts += 1
            assert taken.attempt in (None, asked.attempts - 1)
            return taken

        if lost:
            self._losing_messages(call)
        self.taken_by(asked, call(), token, worker)

    def taken_by(self, asked: Asked, taken: Taken, token: str, worker: str) -> None:
        """Note who has the job now, if a worker that asked was given it."""
        lease_ends = asked.until_ms
        if (token, worker) not in asked.hands:
            asked.hands.append((token, worker))
        if taken.state == "granted":
            assert taken.job.id == asked.id
            assert taken.engine in self.known_engines(worker) or asked.owner == token
        if taken.state in ("wait", "granted"):
            if asked.owner not in ("", token):
                assert lease_ends <= self.clock.now_ms, "a job was taken from its holder"
            asked.owner = token
            if taken.state == "wait":
                asked.until_ms = self.clock.now_ms + round(LEASE_S * 1000)
            else:
                # Asking again does not prolong a lease; the heart does.
                asked.until_ms = int(self.store.redis.zscore("limner:leases", asked.id))
        elif taken.state == "gone":
            asked.owner = ""
            code = self.record(asked)["reason_code"]
            if code == "no_engine":
                known = self.store.redis.smembers("limner:engines")
                assert not any(self.view().suits(name, asked) for name in known)

    def _losing_messages(self, call: Callable[[], object]) -> None:
        """Make a call whose caller dies with the reply: what it was to send is not sent."""
        send = self.store.lanes._send
        self.store.lanes._send = lambda unsent, messages: None
        try:
            call()
        finally:
            self.store.lanes._send = send

    def hand(self, job: int, hand: int | str) -> tuple[Asked, str, str] | None:
        """Return a job, a token and whose it is; None: no worker has taken any yet."""
        taken = [j for j in self.jobs if j.hands]
        if not taken:
            return None
        # Those that are drawn first, then those that are held: theirs are the calls that matter.
        running = {j.id: self.record(j)["status"] in RUNNING for j in taken}
        taken.sort(key=lambda j: (not running[j.id], not j.owner))
        asked = taken[job % len(taken)]
        former = hand if isinstance(hand, int) and hand < len(asked.hands) else 0
        token, worker = asked.hands[-1 - former]
        return asked, hand if isinstance(hand, str) else token, worker

    def write(self, asked: Asked, token: str, call: Callable[[], None], lost: bool) -> None:
        """Let a hand write: only the owner's may come through, and a live owner's does.

        ``lost``: its reply was lost, and it says the same once more.
        """
        before = self.record(asked)
        runs = before["status"] in RUNNING
        live = token == asked.owner and asked.until_ms > self.clock.now_ms
        whole = None if token == before.get("token") else everything(self.store)
        try:
            self._losing_messages(call) if lost else call()
        except StaleLease:
            assert not (live and runs), "the owner was fenced out"
            assert self.record(asked) == before, "a stale hand changed the job"
            assert whole is None or everything(self.store) == whole
        else:
            assert runs, "a job that no engine has was written to"
            assert token == before["token"]
        if lost:
            self.write(asked, token, call, lost=False)

    def begin(self, asked: Asked, token: str, paid: str | None) -> None:
        """Hand it over; ``paid`` None: and die before the engine's handle is written."""
        begun = self.store.lanes.begin(asked.id, token)
        assert begun.attempt is None or begun.attempt == asked.attempts
        if begun.attempt is None:
            return
        asked.attempts += 1
        # As a worker does before it submits what cannot be submitted twice: it has no handle yet.
        unknown = paid == "fail" and asked.attempts % 3 == 0
        if paid is not None:
            attach = asked.attempts % 2 == 1 and not unknown
            handle = {} if unknown else {"id": token}
            self.store.lanes.keep_handle(asked.id, token, handle, attach=attach, paid=paid)

    def progress(self, asked: Asked, token: str, percent: int, preview: Picture | None) -> None:
        before = self.store.jobs.get(asked.id)
        self.store.lanes.progress(asked.id, token, percent, preview)
        after = self.store.jobs.get(asked.id)
        assert after.progress == max(before.progress, percent)
        assert after.picture == (preview or before.picture)

    def free(self, asked: Asked, token: str) -> None:
        engine = self.store.redis.hget(f"limner:job:{asked.id}", "engine")
        failing = self.store.redis.hget(f"limner:engine:{engine}", "state") == "failing"
        clear = self.store.lanes.free_slot(asked.id, token)
        if failing:
            assert not clear, "an engine that failed others is well before its pictures are checked"
            return
        asked.freed = token
        assert not any(asked.id in members for members in self.view().slots.values())

    def keep_slot(self, asked: Asked, token: str) -> None:
        self.store.lanes.keep_slot(asked.id, token)
        assert self.record(asked)["storing"] == "1"

    def done(self, asked: Asked, token: str, cost: int | None) -> None:
        self.store.lanes.done(asked.id, token, Result(GRID, [GRID] * 4, {}, cost=cost))
        asked.owner, asked.done_with, asked.said = "", token, cost

    def failed(self, asked: Asked, token: str, cost: int | None) -> None:
        self.store.lanes.failed(asked.id, token, "Because.", "engine_failed", cost=cost)
        asked.owner, asked.done_with, asked.said = "", token, cost

    def give_back(
        self, asked: Asked, token: str, kind: str, keep: bool, cost: int | None = None
    ) -> None:
        record = self.record(asked)
        kept = keep and record.get("attach") == "1"
        trouble = replace(TROUBLES[kind], cost=cost)
        state = self.store.lanes.give_back(asked.id, token, trouble, MESSAGES, keep=kept)
        asked.owner, asked.done_with, asked.said = "", token, cost
        if state == "failed":
            struck = self.store.redis.hget(f"limner:engine:{record['engine']}", "struck")
            assert struck == f",{asked.id},", "a job paid for what its engine does to others"

    def let_go(self, asked: Asked, token: str, lost: bool) -> None:
        before = self.record(asked)
        let_go: list[bool] = []

        def call() -> None:
            let_go.append(self.store.lanes.let_go(asked.id, token, MESSAGES))

        self._losing_messages(call) if lost else call()
        if not let_go[0]:
            assert before["status"] in RUNNING
            assert before["token"] == token
        elif token == before.get("token"):
            asked.owner, asked.done_with, asked.said = "", token, None
        else:
            assert self.record(asked) == before, "a former holder changed the job"

    def post(self, count: int, verdict: str) -> None:
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

    def cancel(self, asked: Asked, operator: bool) -> None:
        before = self.record(asked)
        for _ in range(2):
            cancelled = self.store.lanes.cancel(asked.id, operator=operator)
            assert cancelled == (
                before["status"] not in ENDED or before["reason_code"] == "cancelled"
            )
        asked.owner = ""

    def to_front(self, asked: Asked) -> None:
        waits = self.record(asked)["status"] == "waiting"
        moved = self.store.lanes.to_front(asked.id, "cli:olga")
        assert (moved == "moved") == waits
        if waits:
            view = self.view()
            held = 0 if asked.id in view.ready[asked.lane] else len(view.ready[asked.lane])
            job = self.store.jobs.get(asked.id)
            assert job.waits_for or job.position == held + 1

    def accept(self, asked: dict[str, Any], budgets: Budgets) -> Asked | None:
        """Ask for a job twice under one id, as when a reply was lost; None: its client's budget is spent."""
        client, job_id = asked["client"], uuid.uuid4().hex
        before = self.view()
        used = int(before.budgets[client].get("month_used", 0))
        spent = int(before.budgets[client].get("month_spent", 0))
        most = budgets.cost_per_month
        may = most is None or not (used >= (budgets.per_month or 0) or spent >= most)
        try:
            an_accepted_job(self.store, job_id=job_id, budgets=budgets, **asked)
        except BudgetSpent:
            # The dearest price of an engine may have been too much, too.
            assert not may or spent + max(PRICES.values()) > most
            return None
        assert may, "more was accepted than the budget allows"
        whole = everything(self.store)
        an_accepted_job(self.store, job_id=job_id, budgets=budgets, **asked)
        assert everything(self.store) == whole, "a repeated request was no repetition"
        accepted = Asked(job_id, asked["lane"], client, asked["tile"], budgeted=most is not None)
        if deadline_s := asked["deadline_s"]:
            accepted.span_ms = deadline_s * 1000
            accepted.deadline_ms = accepted.earliest_ms = self.clock.now_ms + accepted.span_ms
        reserved = int(self.record(accepted).get("reserved", 0))
        assert most is None or spent + reserved <= most, "a budget could be passed"
        return accepted

    def record(self, asked: Asked) -> dict[str, str]:
        return self.store.redis.hgetall(f"limner:job:{asked.id}")

    def known_engines(self, worker: str) -> list[str]:
        """The engines of a worker, as far as the store knows it."""
        return (self.store.redis.hget(f"limner:worker:{worker}", "engines") or "").split()
