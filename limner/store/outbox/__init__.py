"""Events to deliver: leased to posters, returned with the outcome, listed and resent.

Used by ``workers/posting/dispatcher.py`` (take, done, tick), the API and the CLI (told, dead, resend,
endpoint). Every change is one script; ``limner/store/outbox/lib_outbox.lua`` lists the keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from redis import Redis

from limner.callback.policy import DeadLetter, Event, Health, Kind, Told, Wait
from limner.compact_json import compact_json
from limner.store.connection import guarded
from limner.store.scripts import Scripts

#: longer than an attempt's deadline, so a live poster never loses its lease
LEASE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Poster:
    """One process that posts: its name and how much it may hold at once."""

    name: str
    #: most callbacks in flight to one destination for a client; twice that for all clients
    cap: int
    #: places for receivers that are not proven
    places: int
    kept_ms: int
    lease_ms: int = LEASE_MS

    @classmethod
    def of(cls, name: str, threads: int, kept_ms: int, lease_ms: int = LEASE_MS) -> Poster:
        """Return a poster that gives a quarter of its threads to one destination, or to unproven receivers."""
        share = max(1, threads // 4)
        return cls(name, cap=share, places=share, kept_ms=kept_ms, lease_ms=lease_ms)

    @property
    def arguments(self) -> tuple[str | int, ...]:
        """The first arguments of every poster's script (lib_posting.lua)."""
        return (self.name, self.cap, self.places, self.lease_ms, self.kept_ms)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job whose next event is leased to a poster."""

    event: Event
    token: str
    #: attempts before this one
    tried: int
    #: the job's record at that time
    record: Mapping[str, str]


Done = Literal["ok", "retry", "dead", "drop", "gone", "later"]


@dataclass(frozen=True, slots=True)
class AttemptReport:
    """The outcome of one attempt, for the outbox."""

    verdict: Done
    delay_s: float = 0.0
    health: Health = "none"
    took_ms: int = 0
    #: the pause that the receiver asked for: nothing shortens the delay below it
    quiet_s: float = 0.0
    #: the attempt as stored in the log
    attempt: Mapping[str, Any] | None = None
    why: str = ""
    #: the client whose default URL was tried
    default_of: str = ""


@dataclass(frozen=True, slots=True)
class Fenced:
    """The lease was lost, so the report changed nothing."""


@dataclass(frozen=True, slots=True)
class Next:
    """Continue with the same job: its next event, under a renewed lease."""

    taken: Claim
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Released:
    """The job was given back."""

    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """The result of a tick; ``next_due_s`` is None if nothing is scheduled."""

    hinted: int
    next_due_s: float | None
    parked: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The state of a client's default URL; all None while it works."""

    failing_since_ms: int | None
    fails: int
    disabled_ms: int | None


class Outbox:
    """The undelivered events of all jobs."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts

    @guarded
    def wait(self, timeout_s: float) -> str | None:
        """Return a job to look at, as soon as there is one; pass it to ``take``.

        It may be lost between the two: ``tick`` finds it again.
        """
        hint = self._redis.blpop([self._prefix + "wake"], timeout_s)
        return hint[1] if hint else None

    @guarded
    def take(self, poster: Poster, count: int, token: str, hint: str | None = None) -> list[Claim]:
        """Lease up to ``count`` jobs with undelivered events, ``hint`` first.

        ``token`` must be new: it is the prefix of these leases' tokens.
        """
        rows = self._scripts("outbox_take", *poster.arguments, count, token, hint or "")
        return [
            Claim(
                event=_event(job, text, resent=bool(resent)),
                token=job_token,
                tried=tried,
                record=dict(zip(record[::2], record[1::2], strict=True)),
            )
            for job, job_token, text, tried, resent, record in rows
        ]

    @guarded
    def done(
        self, poster: Poster, taken: Claim, report: AttemptReport, *, go_on: bool
    ) -> Next | Released | Fenced:
        """Record an attempt; ``go_on`` asks for the job's next event under the same lease."""
        attempt = compact_json(report.attempt) if report.attempt else ""
        answer = self._scripts(
            "outbox_done",
            *poster.arguments,
            taken.event.job,
            taken.token,
            taken.event.seq,
            report.verdict,
            round(report.delay_s * 1000),
            int(go_on),
            report.health,
            report.took_ms,
            attempt,
            report.why,
            report.default_of,
            round(report.quiet_s * 1000),
        )
        match answer[0]:
            case "next":
                event = _event(taken.event.job, answer[1], resent=bool(answer[3]))
                following = Claim(event, taken.token, answer[2], taken.record)
                return Next(following, tuple(answer[4].split()))
            case "released":
                return Released(tuple(answer[1].split()))
        return Fenced()

    @guarded
    def tick(self, poster: Poster) -> Tick:
        """Put what is due on the list of hints, and repair what killed posters left behind."""
        hinted, next_ms, parked = self._scripts("outbox_tick", *poster.arguments)
        return Tick(hinted, None if next_ms < 0 else next_ms / 1000, parked)

    @guarded
    def told(self, job: str) -> Told:
        """Return everything about the callbacks of one job."""
        pending, resending, dead, log, waits_for, due, parked = self._scripts("outbox_told", job)
        return Told(
            pending=tuple(_event(job, text) for text in pending),
            resending=tuple(_event(job, text, resent=True) for text in resending),
            dead=tuple(_dead_letter(job, text) for text in dead),
            attempts=tuple(json.loads(text) for text in log),
            waits_for=Wait(waits_for) if waits_for else None,
            due_ms=int(due) if due else None,
            parked=bool(parked),
        )

    @guarded
    def dead(self, limit: int = 100) -> list[DeadLetter]:
        """Return dead letters of the jobs that have any, the jobs with the newest first."""
        jobs: Sequence[str] = self._redis.zrevrange(self._prefix + "dead", 0, limit - 1)
        with self._redis.pipeline(transaction=False) as pipe:
            for job in jobs:
                pipe.lrange(f"{self._prefix}dead:{job}", 0, -1)
            lists = pipe.execute()
        letters = [
            _dead_letter(job, text)
            for job, texts in zip(jobs, lists, strict=True)
            for text in texts
        ]
        return letters[:limit]

    @guarded
    def dead_jobs(self) -> int:
        """Return how many jobs have dead letters."""
        return int(self._redis.zcard(self._prefix + "dead"))

    @guarded
    def resend(self, job: str, seq: int | None = None) -> int:
        """Resend a job's dead letters, or its terminal event if it has none.

        Returns how many events will be posted; ``seq`` selects one.
        """
        return int(self._scripts("outbox_resend", job, seq or 0))

    @guarded
    def endpoint(self, client: str) -> Endpoint:
        """Return the state of the client's default URL."""
        kept = self._redis.hgetall(f"{self._prefix}endpoint:{client}")
        return Endpoint(
            failing_since_ms=int(kept["since"]) if "since" in kept else None,
            fails=int(kept.get("fails", 0)),
            disabled_ms=int(kept["disabled"]) if "disabled" in kept else None,
        )

    @guarded
    def enable(self, client: str) -> None:
        """Enable the client's default URL again, as if it had never failed."""
        self._redis.delete(f"{self._prefix}endpoint:{client}")


def _event(job: str, text: str, *, resent: bool = False) -> Event:
    stored = json.loads(text)
    # An empty Lua table may be encoded as a JSON object or a list.
    fields = stored["v"] or {}
    return Event(
        job, stored["s"], Kind(stored["c"]), stored["id"], int(stored["t"]), fields, resent
    )


def _dead_letter(job: str, text: str) -> DeadLetter:
    stored = json.loads(text)
    return DeadLetter(_event(job, text), stored["why"], int(stored["dead"]))
