"""What posters and watchers get in ``test_outbox_machine.py``, held against the model.

Each thing that is handed out or shown is compared with what the model says of it, and the model is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.errors import JobNotFound
from limner.store import Store
from limner.store.outbox import Claim, Next, Poster, Released
from tests.callback_doubles import a_job
from tests.conftest import MovingClock
from tests.contract.outbox_model import Fate, JobModel
from tests.contract.outbox_view import View

#: job → client and host: two clients behind one host, and a client with two
JOBS = {
    "a": ("ann", "one"),
    "b": ("ann", "one"),
    "c": ("ann", "one"),
    "d": ("bob", "one"),
    "e": ("bob", "two"),
    "f": ("eve", "three"),
}


class OutboxHands:
    """The store, the clock, and what the model knows of jobs."""

    store: Store
    clock: MovingClock
    jobs: dict[str, JobModel]
    #: jobs whose records are lost
    lost: set[str]
    #: what is kept of callbacks since the last step
    seen: View
    #: job and seq → the status and the progress that anybody was told under it
    told: dict[tuple[str, int], tuple[str, str]]

    def accept(self, wanted: Mapping[str, str | None]) -> None:
        """Begin with all jobs; ``wanted``: the statuses that each one's caller wants to be told of."""
        fates: dict[str, Fate] = {}
        self.jobs, self.lost, self.told = {}, set(), {}
        for place, (job, (client, host)) in enumerate(JOBS.items(), 1):
            a_job(self.store, job, f"http://{host}:80/", client)
            model = JobModel(client, f"http://{host}:80", Fate(), wanted[job])
            model.fate = fates.setdefault(model.fate_name, model.fate)
            self.jobs[job] = model
            # As one that is accepted has it: mend.lua looks at no other.
            fields = {"place": place} | ({} if wanted[job] is None else {"tells": wanted[job]})
            self.store.redis.hset(f"limner:job:{job}", mapping=fields)

    def watch(self, job: str, seen: int) -> int:
        """A watcher that has seen so much looks at a job; returns what it has seen then."""
        if job in self.lost:
            try:
                self.store.stories.after(job, seen)
            except JobNotFound:
                return seen
            raise AssertionError("a story of a job without a record")
        events = self.store.stories.after(job, seen).events
        expected = [(e.seq, e.progress) for e in self.jobs[job].show(seen)]
        assert [(e.seq, str(e.progress)) for e in events] == expected
        for event in events:
            self.tell(job, event.seq, event.status.value, str(event.progress))
        return events[-1].seq if events else seen

    def tell(self, job: str, seq: int, status: str, progress: str) -> None:
        """Somebody, poster or watcher, was told this."""
        said = (status, progress)
        assert self.told.setdefault((job, seq), said) == said, "one seq told two things"

    def handed(self, taken: Claim, base: str = "") -> None:
        """A poster got the job; ``base``: the prefix under which it had asked for it before."""
        job, now = taken.event.job, self.clock.now_ms
        assert job in self.jobs, "a job without a record was handed out"
        model = self.jobs[job]
        is_again = base and model.token.startswith(base + ":")
        assert is_again or model.until <= now, "two live leases of one job"
        assert not self.seen.is_parked(job)
        assert model.rests <= now, "tried before its time"
        assert model.fate.open_until <= now, "the breaker is open"
        self.is_next(taken)
        assert dict(taken.record)["dest"] == model.dest
        model.hand(taken, now + 30_000)

    def is_next(self, taken: Claim) -> None:
        """What was handed out is what comes next."""
        model, event = self.jobs[taken.event.job], taken.event
        assert (event.seq, event.resent) == model.head()
        assert taken.tried == (model.retried if event.resent else model.tried)
        said = model.said[event.seq]
        assert (event.kind, event.fields["progress"]) == (said.kind, said.progress)
        assert event.id.startswith(f"msg_{event.job}_{event.seq}_")
        assert event.at_ms == said.at_ms
        self.tell(event.job, event.seq, event.fields["status"], event.fields["progress"])

    def place_kept(self, job: str) -> float:
        """Until when a job has its place, or one is kept for it; ms."""
        name = self.jobs[job].fate_name
        return self.store.redis.zscore(f"limner:flights:{name}", job) or 0

    def reported(
        self, taken: Claim, verdict: str, report: dict[str, Any], result, kept_until: float
    ) -> Claim | None:
        """Have the model do what the outbox has done; return what it goes on with.

        ``kept_until``: until when the job had its place.
        """
        assert isinstance(result, (Next, Released))
        job, now = taken.event.job, self.clock.now_ms
        model = self.jobs[job]
        health = {"ok": "ok", "retry": "bad", "dead": "bad", "drop": "bad"}.get(verdict, "none")
        opened = model.fate.learn(health, report["took_ms"], now)
        assert result.notes == (("opened",) if opened else ())
        model.log = [*model.log, report["attempt"]["n"]][-100:]
        delay, quiet = round(report["delay_s"] * 1000), round(report["quiet_s"] * 1000)
        may_go_on = model.done(taken.event.seq, verdict, report["why"], delay, quiet, now)
        may_go_on = may_go_on and report["go_on"] and model.fate.open_until <= now
        # A place that ended with its lease may be another job's by now, or be kept for this one.
        if may_go_on and kept_until > now:
            assert isinstance(result, Next)
            assert result.taken.token == taken.token
            self.is_next(result.taken)
            model.hand(result.taken, now + 30_000)
            return result.taken
        assert isinstance(result, Released)
        model.give_back()
        return None

    def note_what_was_too_old(self) -> None:
        """Have the model give up what a poster's look has given up."""
        found = View(self.store)
        for job, model in self.jobs.items():
            if found.pending[job] != self.seen.pending[job]:
                model.expire(self.clock.now_ms)

    def leases_end(self) -> None:
        """Some time has passed."""
        for model in self.jobs.values():
            model.lapsed |= bool(model.flying) and model.until <= self.clock.now_ms

    def check_what_is_given_again(self, held: list[str], rows: list[Claim]) -> None:
        """A poster asked again, and got ``rows``: what it ``held`` still is among them, if it may be tried."""
        given, view = {taken.event.job for taken in rows}, View(self.store)
        for job in held:
            model = self.jobs[job]
            is_tried_later = view.is_parked(job) or model.rests > self.clock.now_ms
            assert job in given or is_tried_later or not model.head(), "nobody knows of its lease"
            # Nobody waits for the end of that lease: it has another time, or a place to wait for.
            model.lapsed |= job not in given

    def check(self, posters: tuple[Poster, ...]) -> View:
        """Everything is as the model says; returns what was found."""
        view = View(self.store)
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
        held = {job: model for job, model in self.jobs.items() if not model.lapsed}
        view.check_places(posters, held, self.clock.now_ms)
        return view

    def _the_promise_holds(self, model: JobModel) -> None:
        kinds = [event.kind for event in model.queue]
        assert "X" not in kinds[:-1]
        assert len(kinds) <= 6
        assert model.acked == sorted(set(model.acked)), "acknowledged out of order or twice"
        assert not (model.gone and model.queue)
        told = {*model.acked, *model.resent, *(seq for seq, _ in model.dead), *model.unwanted}
        told |= {event.seq for event in model.queue}
        # Nothing is lost but progress.
        assert {s for s, event in model.said.items() if event.kind != "P"} <= told
