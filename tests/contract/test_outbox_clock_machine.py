"""The outbox under a clock that is set back and forth: whatever it shows, the promise holds.

Beside ``test_outbox_machine.py``, which reckons exactly and has a clock that only goes on.
"""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from limner.store import Store
from limner.store.outbox import Claim, Fenced, Next
from tests.callback_doubles import a_job, a_poster, done, emit, take
from tests.conftest import MovingClock, examples

JOBS = ("a", "b", "c", "d", "e")
URLS = {
    "a": "http://one:80/",
    "b": "http://one:80/",
    "c": "http://two:80/",
    "d": "http://three:80/",
    # Another client behind a host that ann uses, too.
    "e": "http://one:80/",
}
POSTERS = (a_poster("p1", cap=2, places=2), a_poster("p2", cap=2, places=2))


class SetClockMachine(RuleBasedStateMachine):
    """Emits, takes, answers and lost leases in any order."""

    store: Store
    clock: MovingClock
    leases = Bundle("leases")

    @initialize()
    def start(self) -> None:
        self.store.redis.flushall()
        #: transitions and ends emitted, per job
        self.emitted: dict[str, set[int]] = {job: set() for job in JOBS}
        self.acked: dict[str, list[int]] = {job: [] for job in JOBS}
        self.started: dict[str, list[int]] = {job: [] for job in JOBS}
        #: dead letters that were resent and taken
        self.resent: dict[str, set[int]] = {job: set() for job in JOBS}
        self.changes = 0
        #: what each event said when it was first handed out
        self.said: dict[tuple[str, int], object] = {}
        self.ended: set[str] = set()
        #: job → token and end of the lease
        self.live: dict[str, tuple[str, int]] = {}
        for job in JOBS:
            a_job(self.store, job, URLS[job], client="ann" if job < "c" else "bob")

    @rule(job=st.sampled_from(JOBS), kind=st.sampled_from("TTPPPX"))
    def happens(self, job: str, kind: str) -> None:
        self.changes += 1
        seq = emit(self.store, job, kind, progress=self.changes)
        if job in self.ended:
            return
        if kind != "P":
            self.emitted[job].add(seq)
        if kind == "X":
            self.ended.add(job)

    @rule(target=leases, poster=st.sampled_from(POSTERS))
    def takes(self, poster):
        (*rows,) = take(self.store, poster, 1)
        if not rows:
            return None
        self._handed(rows[0])
        return poster, rows[0]

    @rule(
        target=leases,
        lease=consumes(leases),
        verdict=st.sampled_from(["ok", "ok", "retry", "dead", "gone", "later"]),
        go_on=st.booleans(),
    )
    def answers(self, lease, verdict, go_on):
        if lease is None:
            return None
        poster, taken = lease
        job, seq = taken.event.job, taken.event.seq
        if verdict == "dead" and taken.event.kind == "P":
            verdict = "drop"
        result = done(self.store, taken, verdict, poster, go_on=go_on, delay_s=1, why=verdict)
        token, until = self.live.get(job, ("", 0))
        if isinstance(result, Fenced):
            # Only who has lost its lease may be told so.
            assert token != taken.token or until <= self.clock.now_ms
            return None
        assert token == taken.token
        if verdict == "ok" and taken.event.resent:
            self.resent[job].add(seq)
        elif verdict == "ok":
            self.acked[job].append(seq)
        if isinstance(result, Next):
            self._handed(result.taken)
            return poster, result.taken
        self.live.pop(job)
        return None

    @rule(seconds=st.sampled_from([0.5, 3, 10, 31, 400, 3600, -1, -40, -3600]))
    def the_clock_shows_another_time(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        # No lease lies further ahead than leases are long.
        latest = self.clock.now_ms + 30_000
        self.live = {job: (token, min(until, latest)) for job, (token, until) in self.live.items()}

    @rule(poster=st.sampled_from(POSTERS))
    def ticks(self, poster) -> None:
        self.store.outbox.tick(poster)

    @rule(job=st.sampled_from(JOBS))
    def resends(self, job: str) -> None:
        self.store.outbox.resend(job)

    def _handed(self, taken: Claim) -> None:
        job, seq = taken.event.job, taken.event.seq
        token, until = self.live.get(job, ("", 0))
        assert until <= self.clock.now_ms or token == taken.token, "two live leases of one job"
        self.live[job] = (taken.token, self.clock.now_ms + 30_000)
        said = (taken.event.id, taken.event.kind, dict(taken.event.fields))
        assert self.said.setdefault((job, seq), said) == said, "one seq told two things"
        if taken.event.resent:
            return
        # A try of an event only ever follows a try of itself or of an earlier one.
        assert not self.started[job] or seq >= self.started[job][-1]
        self.started[job].append(seq)

    @invariant()
    def nothing_is_lost_and_all_is_in_order(self) -> None:
        if not hasattr(self, "emitted"):
            return
        for job in JOBS:
            told = self.store.outbox.told(job)
            pending = [event.seq for event in told.pending]
            assert pending == sorted(set(pending))
            assert len(pending) <= 6
            kinds = [event.kind.value for event in told.pending]
            assert "X" not in kinds[:-1]
            acked = self.acked[job]
            assert acked == sorted(set(acked)), "acknowledged out of order or twice"
            dead = {letter.event.seq for letter in told.dead}
            kept = {e.seq for e in told.pending if e.kind != "P"}
            assert self.emitted[job] <= set(acked) | dead | kept | self.resent[job]

    def teardown(self) -> None:
        if not hasattr(self, "emitted"):
            return
        # Whatever happened, receivers that answer now get everything that is left, in order.
        for _ in range(400):
            self.clock.pass_s(31)
            for poster in POSTERS:
                self.store.outbox.tick(poster)
                for taken in take(self.store, poster):
                    done(self.store, taken, "ok", poster)
            if not any(self.store.outbox.told(job).pending for job in JOBS):
                break
        assert not any(self.store.outbox.told(job).pending for job in JOBS), "something is stuck"


def test_no_setting_of_the_clock_loses_reorders_or_doubles_an_event(store, clock):
    class Machine(SetClockMachine):
        pass

    Machine.store, Machine.clock = store, clock
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples(60),
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
