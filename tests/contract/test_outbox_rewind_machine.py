"""The outbox of a store that comes back older, again and again, in a new epoch each time.

What receivers have heard is not forgotten with it: to them no webhook-id and no seq means two things, and the end
is above all that they heard.
"""

from __future__ import annotations

import itertools
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
)

from limner.store import Store
from limner.store.outbox import Claim, Next
from tests.callback_doubles import a_job, a_poster, done, emit, let_time_pass, take
from tests.conftest import MovingClock
from tests.contract.machines import Turns, by_weight, needs, run_machine

POSTER = a_poster()
JOBS_MOST = 5
JOB = st.integers(0, JOBS_MOST - 1)
#: what may happen → out of how many it happens, and what it needs to know
TURNS: Turns = {
    "is_accepted": (2, {}),
    "happens": (16, {"job": JOB, "kind": st.sampled_from("TTPPPPPX")}),
    "is_watched": (5, {"job": JOB}),
    "takes": (8, {}),
    "answers": (
        10,
        {
            "lease": st.integers(0, 4),
            "verdict": st.sampled_from(["ok", "ok", "ok", "retry", "later"]),
            "go_on": st.booleans(),
        },
    ),
    "time_passes": (5, {"seconds": st.sampled_from([0.5, 6, 31])}),
    "is_kept": (4, {}),
    "comes_back_older": (4, {}),
}
#: between what was written last and what is written first in a new epoch; else no seq would be skipped for it
AWAY_S = 3


class RewoundMachine(RuleBasedStateMachine):
    """Jobs, a poster and watchers, and a store whose memory goes back to when it was kept."""

    store: Store
    clock: MovingClock

    @initialize(accepted=st.integers(2, 4))
    def start(self, accepted: int) -> None:
        self.store.redis.flushall()
        self.numbers, self.life = itertools.count(1), 0
        #: the jobs that the store knows, and which of them have ended
        self.jobs: list[str] = []
        self.ended: set[str] = set()
        #: what receivers heard in all lives: of each id, and of each job's seqs
        self.of_id: dict[str, tuple[str, ...]] = {}
        self.of_seq: dict[tuple[str, int], tuple[str, ...]] = {}
        #: what watchers were told in this life, and how far each has come in all of them
        self.shown: dict[tuple[str, int], tuple[str, ...]] = {}
        self.watched: dict[str, int] = {}
        #: the epoch in ids of new events → in which life
        self.lives: dict[str, int] = {}
        self.leases: list[Claim] = []
        for _ in range(accepted):
            self.is_accepted()
        self.is_kept()

    # One rule: of several, hypothesis would switch some off in each run.
    @rule(data=st.data(), turn=by_weight(TURNS))
    def something_happens(self, data: st.DataObject, turn: str) -> None:
        getattr(self, turn)(**needs(data, TURNS, turn))

    def is_accepted(self) -> None:
        if len(self.jobs) == JOBS_MOST:
            return
        self.store.outbox.tick(POSTER)
        job = f"j{next(self.numbers)}"
        place = self.store.redis.incr("limner:places:fast")
        a_job(self.store, job, f"http://{job}:80/")
        record = {"place": place, "created_ms": self.clock.now_ms}
        self.store.redis.hset(f"limner:job:{job}", mapping=record)
        self.jobs.append(job)

    def happens(self, job: int, kind: str) -> None:
        name = self.jobs[job % len(self.jobs)]
        if name in self.ended:
            return
        seq = emit(self.store, name, kind, progress=next(self.numbers))
        *_, newest = self.store.outbox.told(name).pending
        assert newest.seq == seq
        epoch = newest.id.rpartition("_")[2]
        assert self.lives.setdefault(epoch, self.life) == self.life, "an epoch in two lives"
        if kind == "X":
            self.ended.add(name)

    def is_watched(self, job: int) -> None:
        name = self.jobs[job % len(self.jobs)]
        seen = self.watched.get(name, 0)
        for one in self.store.stories.after(name, seen).events:
            assert one.seq > self.watched.get(name, 0)
            self.watched[name] = one.seq
            self._show(name, one.seq, (one.status.value, str(one.progress)))

    def takes(self) -> None:
        for taken in take(self.store, POSTER, 2):
            self._hear(taken)

    def answers(self, lease: int, verdict: str, go_on: bool) -> None:
        if not self.leases:
            self.takes()
            return
        taken = self.leases.pop(lease % len(self.leases))
        result = done(self.store, taken, verdict, POSTER, go_on=go_on, delay_s=5, health="none")
        if isinstance(result, Next):
            self._hear(result.taken)

    def time_passes(self, seconds: float) -> None:
        let_time_pass(self.store, self.clock, seconds)
        self.store.outbox.tick(POSTER)

    def is_kept(self) -> None:
        redis: Any = self.store.redis
        keys = redis.keys("limner:*")
        dumps = [redis.execute_command("DUMP", key, NEVER_DECODE=True) for key in keys]
        self.kept = dict(zip(keys, dumps, strict=True))
        self.kept_jobs, self.kept_ended = list(self.jobs), set(self.ended)

    def comes_back_older(self) -> None:
        """What is in flight then goes on: its answer comes to the older store."""
        self.store.redis.flushall()
        for key, dump in self.kept.items():
            self.store.redis.restore(key, 0, dump)
        self.life += 1
        # As tell_clock.lua does; a restart or a failover changes the epoch by itself.
        self.store.redis.set("limner:salt", f"salt-{next(self.numbers)}")
        self.jobs, self.ended = list(self.kept_jobs), set(self.kept_ended)
        self.shown = {}
        self.clock.pass_s(AWAY_S)

    def _show(self, job: str, seq: int, said: tuple[str, ...]) -> None:
        assert self.shown.setdefault((job, seq), said) == said, "one seq shown as two things"

    def _hear(self, taken: Claim) -> None:
        one = taken.event
        said = (one.kind.value, one.fields["status"], one.fields["progress"])
        whole = (one.job, str(one.seq), *said)
        assert self.of_id.setdefault(one.id, whole) == whole, "one id told two things"
        assert self.of_seq.setdefault((one.job, one.seq), said) == said, "one seq told two things"
        self._show(one.job, one.seq, said[1:])
        self.leases.append(taken)

    def teardown(self) -> None:
        if not hasattr(self, "jobs"):
            return
        for _ in range(100):
            self.time_passes(31)
            self.leases = []
            self.takes()
            while self.leases:
                self.answers(0, "ok", go_on=True)
            if not any(self.store.outbox.told(job).pending for job in self.jobs):
                break
        assert not any(self.store.outbox.told(job).pending for job in self.jobs), "stuck"
        for number, job in enumerate(self.jobs):
            self.is_watched(number)
            heard = {seq: said for (of, seq), said in self.of_seq.items() if of == job}
            if job in self.ended:
                # Whoever drops what is not above all that it heard still hears the end.
                assert heard[max(heard)][0] == "X"
                assert self.watched[job] == max(heard)


@pytest.mark.timeout(900)  # a model's thousands of steps, on a busy machine, too
def test_a_store_that_comes_back_older_tells_nothing_under_a_used_id_or_seq(store, clock):
    run_machine(RewoundMachine, store, clock, most=60, steps=40)
