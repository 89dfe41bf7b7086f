"""The outbox under every interleaving that hypothesis finds, against a model that reckons exactly.

Its clock only goes on; ``test_outbox_clock_machine.py`` sets it. What no store has lost: see
``test_outbox_rewind_machine.py`` for one that comes back older.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from limner.store.outbox import Claim, Fenced, Poster
from tests.callback_doubles import KEPT_MS, a_poster, done, emit, let_time_pass, take
from tests.contract.machines import Turns, by_weight, needs, run_machine
from tests.contract.outbox_hands import JOBS, OutboxHands
from tests.contract.outbox_model import AGE_MAX_MS
from tests.contract.outbox_view import View, everything, mend

POSTERS = (a_poster("p1", cap=2, places=2), a_poster("p2", cap=2, places=4))
#: statuses that a caller wants to be told of: all, or some
WANTED = st.sampled_from([None, None, "", "submitted", "drawing"])
#: some more often, so that much happens to them
JOB = st.sampled_from([*JOBS, "a", "a", "d"])
POSTER = st.sampled_from(POSTERS)
LEASE = st.integers(0, 7)
VERDICT = st.sampled_from(["ok"] * 5 + ["retry"] * 3 + ["dead"] * 2 + ["gone"] * 2 + ["later"])
NOW_AND_THEN = st.sampled_from([False, False, False, True])
#: what may happen → out of how many it happens, and what it needs to know
TURNS: Turns = {
    "happens": (18, {"job": JOB, "kind": st.sampled_from("TTTPPPPX")}),
    "is_watched": (6, {"job": JOB, "anew": NOW_AND_THEN}),
    "takes": (10, {"poster": POSTER, "lost": NOW_AND_THEN}),
    "takes_again": (4, {"poster": POSTER, "lost": NOW_AND_THEN}),
    "answers": (
        16,
        {
            "poster": POSTER,
            "lease": LEASE,
            "verdict": VERDICT,
            "go_on": st.booleans(),
            "quiet_s": st.sampled_from([0, 0, 20]),
            "took_ms": st.sampled_from([5, 5, 9000]),
            "lost": NOW_AND_THEN,
        },
    ),
    "a_stranger_reports": (
        2,
        {
            "lease": LEASE,
            "verdict": VERDICT,
            "wrong": st.sampled_from(["token", "seq", "none"]),
        },
    ),
    "time_passes": (7, {"seconds": st.sampled_from([0.5, 3, 31, 400])}),
    "days_pass": (1, {}),
    "ticks": (6, {"poster": POSTER}),
    "a_hint_is_lost": (2, {}),
    "resends": (
        4,
        {"which": st.integers(0, 5), "only": st.sampled_from([0, 0, 1, 2]), "again": st.booleans()},
    ),
    "is_mended": (2, {}),
    "a_story_goes": (2, {"job": JOB}),
    "a_record_goes": (1, {"job": JOB}),
}
LOST_MOST = 2


class OutboxMachine(OutboxHands, RuleBasedStateMachine):
    """Events, tries and their ends, watchers, lost replies, records and wrong tokens, in any order."""

    @initialize(
        wanted=st.fixed_dictionaries(dict.fromkeys(sorted(JOBS), WANTED)),
        begun=st.lists(st.tuples(JOB, st.sampled_from("TTP")), min_size=4, max_size=8),
    )
    def start(self, wanted: dict[str, str | None], begun: list[tuple[str, str]]) -> None:
        self.store.redis.flushall()
        self.accept(wanted)
        self.numbers = itertools.count(1)
        self.aged = False
        #: what posters have in hand
        self.leases: list[tuple[Poster, Claim]] = []
        #: job → highest seq that its watcher has seen
        self.watched = dict.fromkeys(JOBS, 0)
        #: poster → the prefix of the tokens of what it took last, if it never heard of it
        self.unheard: dict[str, str] = {}
        for job, kind in begun:
            self.seen = View(self.store)
            self.happens(job, kind)

    # -- steps --------------------------------------------------------------------------------

    # One rule: of several, hypothesis would switch some off in each run, and few events would ever be posted.
    @rule(data=st.data(), turn=by_weight(TURNS))
    def something_happens(self, data: st.DataObject, turn: str) -> None:
        getattr(self, turn)(**needs(data, TURNS, turn))

    def happens(self, job: str, kind: str) -> None:
        if job in self.lost:
            return
        progress, model, now = next(self.numbers), self.jobs[job], self.clock.now_ms
        if model.ended:
            before = everything(self.store)
            assert (
                emit(self.store, job, "X", progress=int(model.said[model.seq].progress))
                == model.seq
            )
            assert everything(self.store) == before, "something follows the end"
            return
        if kind == "X":
            self.store.redis.hset(f"limner:job:{job}", "finished_ms", now)
        seq = emit(self.store, job, kind, progress=progress)
        parked, due = self.seen.is_parked(job), job in self.seen.due
        assert seq == model.emit(kind, str(progress), now, parked=parked, due=due)

    def is_watched(self, job: str, anew: bool) -> None:
        self.watched[job] = self.watch(job, 0 if anew else self.watched[job])

    def takes(self, poster: Poster, lost: bool) -> None:
        base = f"token-{next(self.numbers)}"
        rows = self.store.outbox.take(poster, 2, base)
        self.note_what_was_too_old()
        for taken in rows:
            self.handed(taken)
        self._hear(poster, base, rows, lost)

    def takes_again(self, poster: Poster, lost: bool) -> None:
        """The poster saw an error, and asks again under the same prefix."""
        if poster.name not in self.unheard:
            self.takes(poster, lost=True)
        base = self.unheard[poster.name]
        held = [job for job, m in self.jobs.items() if m.flying and m.token.startswith(base + ":")]
        rows = self.store.outbox.take(poster, 2, base)
        self.note_what_was_too_old()
        for taken in rows:
            self.handed(taken, base)
        self.check_what_is_given_again(held, rows)
        self._hear(poster, base, rows, lost)

    def _hear(self, poster: Poster, base: str, rows: list[Claim], lost: bool) -> None:
        self.unheard.pop(poster.name, None)
        if not lost:
            self.leases += ((poster, taken) for taken in rows)
            return
        # A reply that is lost leaves leases that nobody knows of.
        self.unheard[poster.name] = base
        # Else the server would forget it after a while by its own clock.
        self.store.redis.persist(f"limner:took:{poster.name}")

    def answers(self, poster, lease: int, verdict, go_on, quiet_s, took_ms, lost) -> None:
        if not self.leases:
            self.takes(poster, lost=False)
            return
        poster, taken = self.leases.pop(lease % len(self.leases))
        if verdict == "dead" and taken.event.kind == "P":
            verdict = "drop"
        report = {
            "go_on": go_on,
            "delay_s": max(1, quiet_s),
            "quiet_s": quiet_s if verdict == "retry" else 0,
            "why": "exhausted",
            "took_ms": took_ms,
            "attempt": {"n": next(self.numbers)},
        }
        if taken.event.job in self.lost:
            # Whatever becomes of it: it harms no others.
            done(self.store, taken, verdict, poster, **report)
            return
        fenced = self.jobs[taken.event.job].fences(taken)
        kept_until = self.place_kept(taken.event.job)
        result = done(self.store, taken, verdict, poster, **report)
        assert isinstance(result, Fenced) is fenced
        if fenced:
            return
        following = self.reported(taken, verdict, report, result, kept_until)
        if not lost:
            self.leases += [(poster, following)] if following else []
            return
        # The caller saw an error and says it again: that changes nothing any more.
        before = everything(self.store)
        assert isinstance(done(self.store, taken, verdict, poster, **report), Fenced)
        assert everything(self.store) == before

    def a_stranger_reports(self, lease: int, verdict, wrong) -> None:
        if not self.leases:
            return
        poster, taken = self.leases[lease % len(self.leases)]
        before = everything(self.store)
        match wrong:
            case "token":
                taken = replace(taken, token="token-of-nobody")
            case "seq":
                taken = replace(taken, event=replace(taken.event, seq=taken.event.seq + 1))
            case _:
                taken = replace(taken, token="")
        result = done(self.store, taken, verdict, poster, attempt={"n": 0}, go_on=True)
        assert isinstance(result, Fenced)
        assert everything(self.store) == before

    def time_passes(self, seconds: float) -> None:
        let_time_pass(self.store, self.clock, seconds)
        self.leases_end()

    def days_pass(self) -> None:
        if not self.aged:
            self.aged = True
            self.time_passes(AGE_MAX_MS / 1000 - 30)

    def ticks(self, poster: Poster) -> None:
        self.store.outbox.tick(poster)

    def a_hint_is_lost(self) -> None:
        self.store.redis.lpop("limner:wake")

    def resends(self, which: int, only: int, again: bool) -> None:
        asked_for = [job for job, model in self.jobs.items() if model.dead or model.last]
        asked_for = asked_for or sorted(JOBS)
        job = asked_for[which % len(asked_for)]
        asked = self.store.outbox.resend(job, only or None)
        now = self.clock.now_ms
        assert asked == (0 if job in self.lost else self.jobs[job].resend(only, now))
        if again:
            before = everything(self.store)
            assert self.store.outbox.resend(job, only or None) == 0
            assert everything(self.store) == before

    def is_mended(self) -> None:
        """Nothing was lost, so nothing is made again."""
        before = everything(self.store, of_callbacks=True)
        mend(self.store)
        assert everything(self.store, of_callbacks=True) == before

    def a_story_goes(self, job: str) -> None:
        self.store.redis.delete(f"limner:story:{job}")
        if job in self.jobs:
            self.jobs[job].story = []

    def a_record_goes(self, job: str) -> None:
        if job in self.lost or len(self.lost) >= LOST_MOST:
            return
        self.store.redis.delete(f"limner:job:{job}")
        self.jobs.pop(job)
        self.lost.add(job)

    # -- what holds after every step ----------------------------------------------------------

    @invariant()
    def the_outbox_is_what_the_model_says(self) -> None:
        if hasattr(self, "jobs"):
            #: what the next step finds
            self.seen = self.check(POSTERS)

    def teardown(self) -> None:
        if not hasattr(self, "jobs"):
            return
        self.is_mended()
        # Whatever happened, receivers that answer now get everything that is left, in order.
        for _ in range(400):
            let_time_pass(self.store, self.clock, 31)
            for poster in POSTERS:
                self.store.outbox.tick(poster)
                for taken in take(self.store, poster):
                    assert taken.event.job in self.jobs
                    done(self.store, taken, "ok", poster)
            if not View(self.store).busy:
                break
        let_time_pass(self.store, self.clock, 31)
        self.store.outbox.tick(POSTERS[0])
        mend(self.store)
        view = View(self.store)
        assert not view.busy, "something is stuck"
        assert not any(view.pending.values()), "something is stuck"
        assert not any(view.resending.values()), "something is stuck"
        ended = [job for job, model in self.jobs.items() if model.ended]
        view.check_that_nothing_is_left([*ended, *self.lost], KEPT_MS)


@pytest.mark.timeout(900)  # a model's thousands of steps, on a busy machine, too
def test_no_interleaving_loses_reorders_or_doubles_an_event(store, clock):
    run_machine(OutboxMachine, store, clock, most=90, steps=40)
