"""The dispatcher: takes jobs from the outbox, POSTs their events in order, records every attempt.

Started inside the Celery worker of queue ``callbacks``. There is no Celery task per callback: that
halves the rate and floods Flower (docs/decisions/0006-dispatcher-not-tasks.md). Everything that must
survive is in the outbox, so a dispatcher may be killed at any moment and another one continues.
"""

from __future__ import annotations

import logging
import queue
import random as random_numbers
import threading
import time
from collections.abc import Callable, Sequence

from limner import tracing
from limner.callback.policy import GiveUp, Health, Kind, Outcome, RetryIn, Verdict, classify
from limner.errors import StoreDown
from limner.ids import new_id
from limner.log import event
from limner.settings import Settings
from limner.store import Store
from limner.store.outbox import AttemptReport, Claim, Done, Fenced, Next, Poster, Released
from limner.tracing import JobTrace
from workers.clock import tell_clock
from workers.posting.letters import Letter, Letters, attempt_record

log = logging.getLogger(__name__)

#: a job gives up its thread after this many events or seconds, so that a chatty one does not keep it
YIELD_EVENTS = 8
YIELD_S = 5.0
#: how long the feeder blocks for a hint, and so how soon it notices ``stop``
WAIT_S = 1.0
#: most jobs taken at once
BATCH = 16
#: a lease must outlast the attempt's own deadline by this much
LEASE_SPARE_S = 2.0
#: how soon ``stop`` notices that it is to end earlier
STOP_LOOK_S = 0.2
TICK_S, TICK_LEAST_S = 1.0, 0.1
#: how often the dispatcher reports its host's clock
CLOCK_S = 5.0
#: backoff while Redis is down
PATIENCE_S = (0.1, 0.2, 0.5, 1.0, 2.0)


class Dispatcher:
    """One process's poster threads, the feeder that gives them jobs, and the ticker."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        lease_s: float | None = None,
        total_s: float | None = None,
        random: Callable[[], float] = random_numbers.random,
        clock: Callable[[], float] = time.time,
    ) -> None:
        total_s = total_s or settings.callback_limit_s
        # A live poster must never lose its lease, and a dead one's jobs must not wait long.
        lease_s = lease_s or max(total_s * 1.5, total_s + LEASE_SPARE_S + 1)
        self._store = store
        self._threads_wanted = settings.callback_threads
        self._poster = Poster.of(
            new_id(),
            settings.callback_threads,
            kept_ms=round(settings.keep_days * 86_400_000),
            lease_ms=round(lease_s * 1000),
        )
        self._letters = Letters(store, settings, clock)
        self._total_s = total_s
        self._random = random
        self._clock = clock
        #: leased jobs, with the time their leases began; None ends a poster thread
        self._jobs: queue.SimpleQueue[tuple[Claim, float] | None] = queue.SimpleQueue()
        self._clock_next_s = 0.0
        self._idle = threading.Semaphore(settings.callback_threads)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        #: when ``stop`` returns at the latest, monotonic seconds
        self._ends_s = float("inf")

    def start(self, alive: Callable[[], None] = lambda: None) -> None:
        """Start posting; return at once. ``alive()`` is called in each round, also while Redis is away."""

        def tick() -> None:
            alive()
            self._tick()

        bodies: list[tuple[str, Callable[[], None]]] = [
            ("feeder", lambda: self._repeat(self._feed)),
            ("ticker", lambda: self._repeat(tick)),
        ]
        bodies += [(f"poster-{n}", self._post) for n in range(self._threads_wanted)]
        for name, body in bodies:
            thread = threading.Thread(target=body, name=f"callbacks-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()
        event(log, "dispatcher.started", threads=self._threads_wanted)

    def retire(self) -> None:
        """Take no more jobs; return at once, also in a signal's handler."""
        self._stopping.set()

    def stop(self, timeout_s: float | None = None) -> None:
        """Take no more jobs, let attempts in flight finish, and return within ``timeout_s``, or when they have.

        An attempt still in flight then is repeated by whoever takes its job once the lease has expired. A signal's
        handler may call this while it waits: of several the earliest end counts.
        """
        self.retire()
        for _ in range(self._threads_wanted):
            self._jobs.put(None)
        # Beyond its lease nothing that a thread does counts.
        patience_s = self._poster.lease_ms / 1000 if timeout_s is None else timeout_s
        self._ends_s = min(self._ends_s, time.monotonic() + patience_s)
        for thread in self._threads:
            while thread.is_alive() and (left_s := self._ends_s - time.monotonic()) > 0:
                thread.join(min(left_s, STOP_LOOK_S))
        self._letters.close()
        left = sum(thread.is_alive() for thread in self._threads)
        event(log, "dispatcher.stopped", unfinished=left)

    # -- finding jobs -------------------------------------------------------------------------

    def _feed(self) -> None:
        """Take one job for each idle thread."""
        if not self._idle.acquire(timeout=WAIT_S):
            return
        free = 1
        while free < BATCH and self._idle.acquire(blocking=False):
            free += 1
        try:
            free -= self._give(free)
        finally:
            if free:
                self._idle.release(free)

    def _give(self, free: int) -> int:
        hint = self._store.outbox.wait(WAIT_S)
        if hint is None or self._stopping.is_set():
            # The next tick finds a job whose hint is dropped here.
            return 0
        leased = time.monotonic()
        jobs = self._store.outbox.take(self._poster, free, new_id(), hint)
        for taken in jobs:
            self._jobs.put((taken, leased))
        return len(jobs)

    def _tick(self) -> None:
        if time.monotonic() >= self._clock_next_s:
            self._clock_next_s = time.monotonic() + CLOCK_S
            tell_clock(self._store)
        found = self._store.outbox.tick(self._poster)
        soon_s = TICK_S if found.next_due_s is None else found.next_due_s
        self._stopping.wait(min(TICK_S, max(TICK_LEAST_S, soon_s)))

    def _repeat(self, step: Callable[[], None]) -> None:
        """Run ``step`` until told to stop, despite Redis outages and our own bugs."""
        failures = 0
        while not self._stopping.is_set():
            try:
                step()
                failures = 0
            except StoreDown as error:
                if failures == 0:
                    event(log, "store.lost", level=logging.WARNING, why=str(error))
                self._stopping.wait(_patience_s(failures))
                failures += 1
            except Exception:  # noqa: BLE001 - no bug may end the loop
                event(log, "dispatcher.broken", level=logging.ERROR, error=True)
                self._stopping.wait(_patience_s(failures))
                failures += 1

    # -- posting ------------------------------------------------------------------------------

    def _post(self) -> None:
        while (given := self._jobs.get()) is not None:
            try:
                self._serve(*given)
            except Exception:  # noqa: BLE001 - a thread less would go unnoticed for ever
                event(
                    log,
                    "callback.broken",
                    level=logging.ERROR,
                    error=True,
                    job=given[0].event.job,
                )
            finally:
                self._idle.release()

    def _serve(self, taken: Claim, leased: float) -> None:
        """Post the job's events in order until there are no more, or other jobs need the thread."""
        started, posted = time.monotonic(), 0
        while True:
            report = self._attempt(taken, leased)
            posted += 1
            go_on = (
                posted < YIELD_EVENTS
                and time.monotonic() - started < YIELD_S
                and not self._stopping.is_set()
            )
            renewed = time.monotonic()
            result = self._record(taken, report, leased, go_on=go_on)
            if isinstance(result, (Next, Released)):
                self._tell_operator(taken, result.notes)
            if not isinstance(result, Next):
                return
            taken, leased = result.taken, renewed

    def _attempt(self, taken: Claim, leased: float) -> AttemptReport:
        """Make one attempt, unless the lease might expire before it ends."""
        left_s = self._poster.lease_ms / 1000 - (time.monotonic() - leased)
        if self._stopping.is_set() or left_s < self._total_s + LEASE_SPARE_S:
            return AttemptReport("later")
        told = taken.event
        try:
            letter = self._letters.write(taken)
        except StoreDown:
            return AttemptReport("later", delay_s=1.0)
        if isinstance(letter, GiveUp):
            outcome = Outcome(error=letter.why)
            return self._report(taken, outcome, letter, default_of="", health="none")
        outcome = self._post_letter(taken, letter)
        verdict = classify(told, outcome, taken.tried, self._random, self._clock())
        return self._report(taken, outcome, verdict, letter.default_of, outcome.health)

    def _post_letter(self, taken: Claim, letter: Letter) -> Outcome:
        told, trace = taken.event, JobTrace.of(taken.record)
        facts = {"job": told.job, "client": taken.record["client"], "kind": told.kind.name.lower()}
        facts["server"] = taken.record["dest"]
        attempt = tracing.of_job(
            "callback", trace, "client", **facts, seq=told.seq, attempt=taken.tried + 1
        )
        with attempt as span:
            carried = span.carried.headers if span.carried else {}
            headers = {**letter.headers, **carried}
            outcome = letter.outgoing.post(letter.url, letter.body, headers, self._total_s)
            if outcome.status is not None:
                span.note(status=outcome.status)
            if not outcome.delivered:
                span.broke(outcome.error_class or "unknown")
        return outcome

    def _report(
        self, taken: Claim, outcome: Outcome, verdict: Verdict, default_of: str, health: Health
    ) -> AttemptReport:
        told = taken.event
        word: Done = "ok"
        delay_s, quiet_s, why = 0.0, 0.0, ""
        match verdict:
            case RetryIn(delay_s, quiet_s):
                word = "retry"
            case GiveUp(reason, all_of_it):
                why = reason
                word = "gone" if all_of_it else "drop" if told.kind is Kind.PROGRESS else "dead"
        event(
            log,
            "callback.attempted",
            job=told.job,
            seq=told.seq,
            kind=told.kind.value,
            attempt=taken.tried + 1,
            destination=taken.record.get("dest"),
            status=outcome.status,
            fault=outcome.error_class,
            ms=outcome.took_ms,
            outcome=word,
            retry_in_s=round(delay_s, 1) if word == "retry" else None,
        )
        if word in ("dead", "gone"):
            event(
                log,
                "callback.dead",
                level=logging.ERROR,
                job=told.job,
                seq=told.seq,
                kind=told.kind.value,
                client=taken.record.get("client"),
                destination=taken.record.get("dest"),
                why=why,
            )
        return AttemptReport(
            verdict=word,
            delay_s=delay_s,
            quiet_s=quiet_s,
            health=health,
            took_ms=outcome.took_ms,
            attempt=attempt_record(taken, outcome),
            why=why,
            default_of=default_of,
        )

    def _record(
        self, taken: Claim, report: AttemptReport, leased: float, *, go_on: bool
    ) -> Next | Released | Fenced:
        """Record the outcome in the outbox; while Redis is down, retry until the lease expires."""
        tries = 0
        while True:
            try:
                return self._store.outbox.done(self._poster, taken, report, go_on=go_on)
            except StoreDown:
                if time.monotonic() - leased > self._poster.lease_ms / 1000:
                    # The event will be posted again, with the same webhook-id.
                    return Fenced()
                time.sleep(_patience_s(tries))
                tries += 1

    def _tell_operator(self, taken: Claim, notes: Sequence[str]) -> None:
        for note in notes:
            client, dest = taken.record.get("client"), taken.record.get("dest")
            match note:
                case "opened":
                    event(
                        log,
                        "breaker.opened",
                        level=logging.WARNING,
                        client=client,
                        destination=dest,
                    )
                case "disabled":
                    event(
                        log,
                        "callback.disabled",
                        level=logging.ERROR,
                        client=client,
                        destination=dest,
                    )
                    self._letters.forget(str(client))
                case _:
                    hours = note.removeprefix("failing")
                    event(
                        log,
                        "callback.failing",
                        level=logging.ERROR,
                        client=client,
                        destination=dest,
                        hours=hours,
                    )


def _patience_s(failures: int) -> float:
    return PATIENCE_S[min(failures, len(PATIENCE_S) - 1)]
