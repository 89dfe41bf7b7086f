"""The outbox under every interleaving that hypothesis finds, against a model that reckons exactly.

Its clock only goes on; ``test_outbox_clock_machine.py`` sets it.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from limner.store import Store
from limner.store.outbox import Claim, Fenced, Next, Poster, Released
from tests.callback_doubles import KEPT_MS, a_job, a_poster, done, emit, let_time_pass, take
from tests.conftest import MovingClock, examples
from tests.contract.outbox_model import AGE_MAX_MS, Fate, JobModel
from tests.contract.outbox_view import View, everything

#: job → client and host: two clients behind one host, and a client with two
JOBS = {
    "a": ("ann", "one"),
    "b": ("ann", "one"),
    "c": ("ann", "one"),
    "d": ("bob", "one"),
    "e": ("bob", "two"),
    "f": ("eve", "three"),
}
ANY_JOB = st.sampled_from(sorted(JOBS))
POSTERS = (a_poster("p1", cap=2, places=2), a_poster("p2", cap=2, places=2))
ANY_POSTER = st.sampled_from(POSTERS)
ANY_VERDICT = st.sampled_from(["ok", "ok", "ok", "retry", "retry", "dead", "gone", "later"])
Lease = tuple[Poster, Claim]


class OutboxMachine(RuleBasedStateMachine):
    """Events, tries and their ends, lost replies and wrong tokens, in any order."""

    store: Store
    clock: MovingClock
    leases = Bundle("leases")

    @initialize()
    def start(self) -> None:
        self.store.redis.flushall()
        fates: dict[str, Fate] = {}
        self.jobs: dict[str, JobModel] = {}
        for job, (client, host) in JOBS.items():
            a_job(self.store, job, f"http://{host}:80/", client)
            model = JobModel(client, f"http://{host}:80", Fate())
            model.fate = fates.setdefault(model.fate_name, model.fate)
            self.jobs[job] = model
        self.numbers = itertools.count(1)
        self.aged = False

    # -- steps --------------------------------------------------------------------------------

    @rule(job=ANY_JOB, kind=st.sampled_from("TTPPPX"))
    def happens(self, job: str, kind: str) -> None:
        progress = next(self.numbers)
        seq = emit(self.store, job, kind, progress=progress)
        parked, due = self.seen.is_parked(job), job in self.seen.due
        now = self.clock.now_ms
        assert seq == self.jobs[job].emit(kind, str(progress), now, parked=parked, due=due)

    @rule(target=leases, poster=ANY_POSTER, lost=st.sampled_from([False, False, False, True]))
    def takes(self, poster: Poster, lost: bool):
        rows = take(self.store, poster, 2)
        self._note_what_was_too_old(View(self.store))
        for taken in rows:
            self._handed(taken)
        # A reply that is lost leaves leases that nobody knows of.
        return multiple(*(() if lost else [(poster, taken) for taken in rows]))

    @rule(
        target=leases,
        lease=consumes(leases),
        verdict=ANY_VERDICT,
        go_on=st.booleans(),
        quiet_s=st.sampled_from([0, 0, 20]),
        took_ms=st.sampled_from([5, 5, 9000]),
        lost=st.sampled_from([False, False, False, True]),
    )
    def answers(self, lease: Lease, verdict, go_on, quiet_s, took_ms, lost):
        poster, taken = lease
        model = self.jobs[taken.event.job]
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
        fenced = model.fences(taken)
        result = done(self.store, taken, verdict, poster, **report)
        assert isinstance(result, Fenced) is fenced
        if fenced:
            return multiple()
        following = self._reported(taken, verdict, report, result)
        if not lost:
            return multiple(*([(poster, following)] if following else []))
        # The caller saw an error and says it again: that changes nothing any more.
        before = everything(self.store)
        assert isinstance(done(self.store, taken, verdict, poster, **report), Fenced)
        assert everything(self.store) == before
        return multiple()

    @rule(lease=leases, verdict=ANY_VERDICT, wrong=st.sampled_from(["token", "seq", "none"]))
    def a_stranger_reports(self, lease: Lease, verdict, wrong) -> None:
        poster, taken = lease
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

    @rule(seconds=st.sampled_from([0.5, 3, 31, 400]))
    def time_passes(self, seconds: float) -> None:
        let_time_pass(self.store, self.clock, seconds)
        self._leases_end()

    @precondition(lambda self: not self.aged)
    @rule()
    def days_pass(self) -> None:
        self.aged = True
        let_time_pass(self.store, self.clock, AGE_MAX_MS / 1000 - 30)
        self._leases_end()

    @rule(poster=ANY_POSTER)
    def ticks(self, poster: Poster) -> None:
        self.store.outbox.tick(poster)

    @rule()
    def a_hint_is_lost(self) -> None:
        self.store.redis.lpop("limner:wake")

    @rule(job=ANY_JOB, only=st.sampled_from([0, 0, 1, 2]))
    def resends(self, job: str, only: int) -> None:
        asked = self.store.outbox.resend(job, only or None)
        assert asked == self.jobs[job].resend(only, self.clock.now_ms)

    # -- what follows -------------------------------------------------------------------------

    def _handed(self, taken: Claim) -> None:
        job, now = taken.event.job, self.clock.now_ms
        model = self.jobs[job]
        assert model.until <= now, "two live leases of one job"
        assert not self.seen.is_parked(job)
        assert model.rests <= now, "tried before its time"
        assert model.fate.open_until <= now, "the breaker is open"
        self._is_next(taken)
        assert dict(taken.record)["dest"] == model.dest
        model.hand(taken, now + 30_000)

    def _is_next(self, taken: Claim) -> None:
        model, event = self.jobs[taken.event.job], taken.event
        assert (event.seq, event.resent) == model.head()
        assert taken.tried == (model.retried if event.resent else model.tried)
        said = model.said[event.seq]
        assert (event.kind, event.fields["progress"]) == (said.kind, said.progress)
        assert event.id.startswith(f"msg_{event.job}_{event.seq}_")
        assert event.at_ms == said.at_ms

    def _reported(self, taken: Claim, verdict, report, result) -> Claim | None:
        """Have the model do what the outbox has done; return what it goes on with."""
        assert isinstance(result, (Next, Released))
        job, now = taken.event.job, self.clock.now_ms
        model = self.jobs[job]
        health = {"ok": "ok", "retry": "bad", "dead": "bad", "drop": "bad"}.get(verdict, "none")
        opened = model.fate.learn(health, report["took_ms"], now)
        assert result.notes == (("opened",) if opened else ())
        model.log = [*model.log, report["attempt"]["n"]][-100:]
        delay, quiet = round(report["delay_s"] * 1000), round(report["quiet_s"] * 1000)
        may_go_on = model.done(taken.event.seq, verdict, report["why"], delay, quiet, now)
        if report["go_on"] and may_go_on and model.fate.open_until <= now:
            assert isinstance(result, Next)
            assert result.taken.token == taken.token
            self._is_next(result.taken)
            model.hand(result.taken, now + 30_000)
            return result.taken
        assert isinstance(result, Released)
        model.give_back()
        return None

    def _note_what_was_too_old(self, now_seen: View) -> None:
        for job, model in self.jobs.items():
            if now_seen.pending[job] != self.seen.pending[job]:
                model.expire(self.clock.now_ms)

    def _leases_end(self) -> None:
        for model in self.jobs.values():
            model.lapsed |= bool(model.flying) and model.until <= self.clock.now_ms

    # -- what holds after every step ----------------------------------------------------------

    @invariant()
    def the_outbox_is_what_the_model_says(self) -> None:
        if not hasattr(self, "jobs"):
            return
        view, now = View(self.store), self.clock.now_ms
        #: what the next step finds
        self.seen = view
        for job, model in self.jobs.items():
            said = [(e.seq, e.kind, e.progress) for e in model.queue]
            assert view.pending[job] == said
            assert view.resending[job] == model.resending
            assert view.dead[job] == model.dead
            assert view.attempts[job] == model.log
            assert view.seqs[job] == model.seq
            self._the_promise_holds(model)
            view.check_lease(job, model)
            view.check_that_it_will_be_looked_at(job)
        view.check_dead_letters()
        view.check_places(POSTERS, {j: m for j, m in self.jobs.items() if not m.lapsed}, now)

    def _the_promise_holds(self, model: JobModel) -> None:
        kinds = [event.kind for event in model.queue]
        assert "X" not in kinds[:-1]
        assert len(kinds) <= 6
        assert model.acked == sorted(set(model.acked)), "acknowledged out of order or twice"
        assert not (model.gone and model.queue)
        told = {*model.acked, *model.resent, *(seq for seq, _ in model.dead)}
        told |= {event.seq for event in model.queue}
        # Nothing is lost but progress.
        assert {s for s, event in model.said.items() if event.kind != "P"} <= told

    def teardown(self) -> None:
        if not hasattr(self, "jobs"):
            return
        # Whatever happened, receivers that answer now get everything that is left, in order.
        for _ in range(400):
            let_time_pass(self.store, self.clock, 31)
            for poster in POSTERS:
                self.store.outbox.tick(poster)
                for taken in take(self.store, poster):
                    done(self.store, taken, "ok", poster)
            if not View(self.store).busy:
                break
        let_time_pass(self.store, self.clock, 31)
        self.store.outbox.tick(POSTERS[0])
        view = View(self.store)
        assert not any(view.pending.values()), "something is stuck"
        assert not any(view.resending.values()), "something is stuck"
        view.check_that_nothing_is_left(
            [job for job, model in self.jobs.items() if model.ended], KEPT_MS
        )


@pytest.mark.timeout(900)  # a model's thousands of steps, on a busy machine, too
def test_no_interleaving_loses_reorders_or_doubles_an_event(store, clock):
    class Machine(OutboxMachine):
        pass

    Machine.store, Machine.clock = store, clock
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples(90),
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
