"""The outbox under a clock that is set back and forth, in new epochs, and with keys that are lost and mended.

Whatever happens, the promise holds. Beside ``test_outbox_machine.py``, which reckons exactly and has a clock
that only goes on, and ``test_outbox_rewind_machine.py``, whose store comes back older.
"""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from limner.store import Store
from limner.store.outbox import Claim, Fenced, Next, Poster
from tests.callback_doubles import a_job, a_poster, done, emit, take
from tests.conftest import MovingClock
from tests.contract.machines import Turns, by_weight, needs, run_machine
from tests.contract.outbox_view import mend

URLS = {
    "a": "http://one:80/",
    "b": "http://one:80/",
    "c": "http://two:80/",
    "d": "http://three:80/",
    # Another client behind a host that ann uses, too.
    "e": "http://one:80/",
}
JOBS = tuple(URLS)
POSTERS = (a_poster("p1", cap=2, places=2), a_poster("p2", cap=2, places=4))
#: kinds of keys, with a colon where there are several: what they hold follows from others, or begins anew
FOLLOWS = frozenset(
    {
        *("due", "wake", "ticked", "recheck", "took:", "dead", "story:", "parked", "parked:"),
        *("parkedat", "flights:", "trials:", "probation:", "lobby", "lobby:", "line:"),
        *("strangers:", "turns", "fate:", "fates", "fates:", "host:", "opens", "rests"),
        *("salt", "epoch"),
    }
)
JOB = st.sampled_from([*JOBS, "a", "a", "e"])
POSTER = st.sampled_from(POSTERS)
#: what may happen → out of how many it happens, and what it needs to know
TURNS: Turns = {
    "happens": (18, {"job": JOB, "kind": st.sampled_from("TTTPPPX")}),
    "is_watched": (5, {"job": JOB}),
    "takes": (10, {"poster": POSTER}),
    "answers": (
        18,
        {
            "poster": POSTER,
            "lease": st.integers(0, 7),
            "verdict": st.sampled_from(["ok", "ok", "ok", "retry", "dead", "gone", "later"]),
            "go_on": st.booleans(),
        },
    ),
    "the_clock_shows_another_time": (
        8,
        {"seconds": st.sampled_from([0.5, 3, 10, 31, 400, 3600, -1, -40, -3600])},
    ),
    "ticks": (6, {"poster": POSTER}),
    "resends": (4, {"job": JOB}),
    "a_new_epoch_begins": (3, {}),
    "something_goes": (4, {"which": st.integers(0, 99)}),
    "an_outbox_goes": (2, {"which": st.integers(0, 4)}),
    "is_mended": (3, {}),
}


class SetClockMachine(RuleBasedStateMachine):
    """Emits, takes, answers, lost leases and lost keys in any order."""

    store: Store
    clock: MovingClock

    @initialize(begun=st.lists(st.tuples(JOB, st.sampled_from("TTP")), min_size=3, max_size=6))
    def start(self, begun: list[tuple[str, str]]) -> None:
        self.store.redis.flushall()
        #: transitions and ends emitted, per job
        self.emitted: dict[str, set[int]] = {job: set() for job in JOBS}
        self.acked: dict[str, list[int]] = {job: [] for job in JOBS}
        self.started: dict[str, list[int]] = {job: [] for job in JOBS}
        #: dead letters that were resent and taken
        self.resent: dict[str, set[int]] = {job: set() for job in JOBS}
        #: ends whose outboxes are lost: to be told again once that is noticed
        self.owed: dict[str, set[int]] = {job: set() for job in JOBS}
        self.changes, self.salts = itertools.count(1), itertools.count(1)
        #: what each event said when it was first handed out, and what was told under its seq
        self.said: dict[tuple[str, int], object] = {}
        self.told: dict[tuple[str, int], tuple[str, str]] = {}
        #: job → what its end said
        self.ended: dict[str, int] = {}
        self.watched = dict.fromkeys(JOBS, 0)
        #: job → token and end of the lease
        self.live: dict[str, tuple[str, int]] = {}
        self.leases: list[tuple[Poster, Claim]] = []
        for place, (job, url) in enumerate(URLS.items(), 1):
            a_job(self.store, job, url, client="ann" if job < "c" else "bob")
            # As one that is accepted has it: mend.lua looks at no other.
            self.store.redis.hset(f"limner:job:{job}", "place", place)
        for job, kind in begun:
            self.happens(job, kind)

    # One rule: of several, hypothesis would switch some off in each run, and few events would ever be posted.
    @rule(data=st.data(), turn=by_weight(TURNS))
    def something_happens(self, data: st.DataObject, turn: str) -> None:
        getattr(self, turn)(**needs(data, TURNS, turn))

    def happens(self, job: str, kind: str) -> None:
        if job in self.ended:
            # Nothing follows the end.
            emit(self.store, job, "X", progress=self.ended[job])
            return
        change = next(self.changes)
        if kind == "X":
            self.ended[job] = change
            self.store.redis.hset(f"limner:job:{job}", "finished_ms", self.clock.now_ms)
        seq = emit(self.store, job, kind, progress=change)
        if kind != "P":
            self.emitted[job].add(seq)

    def is_watched(self, job: str) -> None:
        for seen in self.store.stories.after(job, self.watched[job]).events:
            assert seen.seq > self.watched[job]
            self.watched[job] = seen.seq
            self._tell(job, seen.seq, seen.status.value, str(seen.progress))

    def takes(self, poster: Poster) -> None:
        for taken in take(self.store, poster, 1):
            self._handed(taken)
            self.leases.append((poster, taken))

    def answers(self, poster: Poster, lease: int, verdict: str, go_on: bool) -> None:
        if not self.leases:
            self.takes(poster)
            return
        poster, taken = self.leases.pop(lease % len(self.leases))
        job, seq = taken.event.job, taken.event.seq
        if verdict == "dead" and taken.event.kind == "P":
            verdict = "drop"
        result = done(self.store, taken, verdict, poster, go_on=go_on, delay_s=1, why=verdict)
        token, until = self.live.get(job, ("", 0))
        if isinstance(result, Fenced):
            # Only who has lost its lease may be told so.
            assert token != taken.token or until <= self.clock.now_ms
            return
        assert token == taken.token
        if verdict == "ok" and taken.event.resent:
            self.resent[job].add(seq)
        elif verdict == "ok":
            self.acked[job].append(seq)
        if isinstance(result, Next):
            self._handed(result.taken)
            self.leases.append((poster, result.taken))
        else:
            self.live.pop(job)

    def the_clock_shows_another_time(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        # No lease lies further ahead than leases are long.
        latest = self.clock.now_ms + 30_000
        self.live = {job: (token, min(until, latest)) for job, (token, until) in self.live.items()}

    def ticks(self, poster: Poster) -> None:
        self.store.outbox.tick(poster)

    def resends(self, job: str) -> None:
        self.store.outbox.resend(job)

    def a_new_epoch_begins(self) -> None:
        """As where a process found the store to have lost a beat of it (tell_clock.lua)."""
        self.store.redis.set("limner:salt", f"salt-{next(self.salts)}")

    def something_goes(self, which: int) -> None:
        keys: dict[str, list[str]] = {}
        for key in sorted(self.store.redis.keys("limner:*")):
            kind = "".join(key.removeprefix("limner:").partition(":")[:2])
            if kind in FOLLOWS:
                keys.setdefault(kind, []).append(key)
        if keys:
            kind = sorted(keys)[which % len(keys)]
            self.store.redis.delete(keys[kind][which % len(keys[kind])])

    def an_outbox_goes(self, which: int) -> None:
        """The end is told again from the record; transitions before it are gone."""
        untold = [job for job in self.ended if self.store.outbox.told(job).pending] or JOBS
        job = untold[which % len(untold)]
        pending = {e.seq: e.kind for e in self.store.outbox.told(job).pending}
        self.store.redis.delete(f"limner:outq:{job}")
        self.emitted[job] -= {seq for seq, kind in pending.items() if kind != "X"}
        self.owed[job] |= {seq for seq, kind in pending.items() if kind == "X"}
        if job in self.live and pending:
            # What is in hand is nobody's any more.
            self.live[job] = (self.live[job][0], 0)

    def is_mended(self) -> None:
        mend(self.store)

    def _tell(self, job: str, seq: int, status: str, progress: str) -> None:
        said = (status, progress)
        assert self.told.setdefault((job, seq), said) == said, "one seq told two things"

    def _handed(self, taken: Claim) -> None:
        job, seq = taken.event.job, taken.event.seq
        token, until = self.live.get(job, ("", 0))
        assert until <= self.clock.now_ms or token == taken.token, "two live leases of one job"
        self.live[job] = (taken.token, self.clock.now_ms + 30_000)
        said = (taken.event.id, taken.event.kind, dict(taken.event.fields))
        assert self.said.setdefault((job, seq), said) == said, "one seq told two things"
        self._tell(job, seq, taken.event.fields["status"], taken.event.fields["progress"])
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
            there = {*acked, *dead, *kept, *self.resent[job], *self.owed[job]}
            assert self.emitted[job] <= there

    def teardown(self) -> None:
        if not hasattr(self, "emitted"):
            return
        # Whatever happened, receivers that answer now get everything that is left, in order.
        for _ in range(400):
            self.clock.pass_s(31)
            self.is_mended()
            for poster in POSTERS:
                self.store.outbox.tick(poster)
                self.leases = []
                for _ in POSTERS:
                    self.takes(poster)
                while self.leases:
                    self.answers(poster, 0, "ok", go_on=False)
            if not any(self.store.outbox.told(job).pending or self._owes(job) for job in JOBS):
                break
        # And nothing of it twice.
        self.is_mended()
        assert not any(self.store.outbox.told(job).pending for job in JOBS), "something is stuck"
        assert not any(self._owes(job) for job in JOBS), "an end is never told"
        listed = {letter.event.job for letter in self.store.outbox.dead()}
        assert listed == {job for job in JOBS if self.store.outbox.told(job).dead}

    def _owes(self, job: str) -> bool:
        dead = {letter.event.seq for letter in self.store.outbox.told(job).dead}
        return not self.owed[job] <= {*self.acked[job], *self.resent[job], *dead}


@pytest.mark.timeout(900)  # a model's thousands of steps, on a busy machine, too
def test_no_setting_of_the_clock_loses_reorders_or_doubles_an_event(store, clock):
    run_machine(SetClockMachine, store, clock, most=60, steps=40)
