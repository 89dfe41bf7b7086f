"""Callbacks: where they go, how often one is tried, and what an answer means.

The API asks for ``destination``; the poster turns each attempt's ``Outcome`` into a verdict with
``classify``. Nothing here posts, waits or keeps anything, and a failed attempt is a value, no error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from limner.job import Job
from limner.retry_after import asked_s
from limner.target import parse_target

MINUTE_S, HOUR_S = 60.0, 3600.0
#: a receiver cannot ask for a longer pause than this
RETRY_AFTER_MAX_S = HOUR_S
#: each pause is up to so much shorter or longer, lest receivers are hit by all retries at once
JITTER = 0.2

Health = Literal["ok", "bad", "none"]


class Kind(StrEnum):
    """What an event tells, and so how hard it is tried."""

    TRANSITION = "T"
    PROGRESS = "P"
    TERMINAL = "X"


#: what of a job's record may differ between two of its events (CHANGING of lib_outbox.lua)
CHANGING = frozenset(
    {
        *("status", "progress", "url", "width", "height", "cells", "marks", "engine"),
        *("reason", "reason_code", "notes", "started_ms", "finished_ms", "attempts"),
    }
)

#: seconds before each attempt, counted from the one before it
BUDGETS: Mapping[Kind, tuple[float, ...]] = {
    Kind.TERMINAL: (
        *(0.0, 5.0, 30.0, 5 * MINUTE_S, 30 * MINUTE_S, 2 * HOUR_S, 5 * HOUR_S),
        *(10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S),
    ),
    # Strict order keeps the end behind a failing transition, hence the short budget.
    Kind.TRANSITION: (0.0, 5.0, 30.0, 5 * MINUTE_S),
    # The second try happens only if nothing newer has come meanwhile.
    Kind.PROGRESS: (0.0, 5.0),
}
#: an event posted again by command has a person watching, so it has the short budget
RESEND_BUDGET = BUDGETS[Kind.TRANSITION]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing to tell the caller of a job."""

    job: str
    #: 1, 2, 3 … per job
    seq: int
    kind: Kind
    #: the ``webhook-id`` of every attempt
    id: str
    #: when it happened, ms since 1970
    at_ms: int
    #: the record's changing fields as they were then
    fields: Mapping[str, str]
    #: posted again by command, outside the live order
    resent: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event given up, and why: exhausted rejected gone expired superseded disabled."""

    event: Event
    why: str
    dead_ms: int


class Wait(StrEnum):
    """What the next try of a job's callbacks waits for."""

    #: it is being posted
    SENDING = "sending"
    #: its last try failed: the pause before the next one
    RETRY = "retry"
    #: the same, and the receiver asked for it with ``Retry-After``
    QUIET = "quiet"
    #: the client's last tries at this receiver all failed: nothing is sent there for a while
    BREAKER = "breaker"
    #: the host has answered nobody lately: one try a second from all clients together
    HOST = "host"
    #: as many callbacks as may be are in flight
    TURN = "turn"


@dataclass(frozen=True, slots=True)
class Told:
    """Everything there is to know about one job's callbacks."""

    #: not delivered yet, oldest first
    pending: tuple[Event, ...]
    resending: tuple[Event, ...]
    dead: tuple[DeadLetter, ...]
    #: newest last; keys as ``workers.callbacks`` writes them, with ``at`` and ``next`` in ms
    attempts: tuple[Mapping[str, Any], ...]
    #: what the next try waits for; None: nothing is left to try
    waits_for: Wait | None
    #: when it may be made at the soonest, ms; None: as soon as there is a place, or nothing to try
    due_ms: int | None
    #: it waits behind others of its receiver
    parked: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt went: a status, or an error word if no status came."""

    status: int | None = None
    #: ``timeout dns refused unreachable reset tls proxy not_allowed protocol url``: never more
    #: about the network
    error: str | None = None
    retry_after: str | None = None
    location: str | None = None
    #: the start of the answer's body, as it came
    answer: bytes = b""
    took_ms: int = 0
    #: the address dialled, None if none was
    address: str | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver has taken the event: 2xx and nothing else."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def health(self) -> Health:
        """What this says about the receiver as such: a 404 says that it lives."""
        if self.delivered:
            return "ok"
        return "bad" if self.status in (None, 429, 502, 503, 504) else "none"

    @property
    def error_class(self) -> str | None:
        """One word for what went wrong, None if nothing did."""
        if self.delivered:
            return None
        if self.status is None:
            return self.error
        return "redirect" if 300 <= self.status < 400 else f"http_{self.status // 100}xx"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Try again after a pause; what comes behind it waits."""

    delay_s: float
    #: the receiver asked not to be called for so long; news of the job may cut the rest short
    quiet_s: float = 0.0


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Try no more: a dead letter, or nothing if it was progress."""

    why: str
    #: so is everything else of this job
    all_of_it: bool = False


Verdict = Delivered | RetryIn | GiveUp


def job_at(record: Mapping[str, str], fields: Mapping[str, str], seq: int) -> Job:
    """Return the job of ``record`` as it was when an event kept ``fields`` of it."""
    then = {name: text for name, text in record.items() if name not in CHANGING}
    then |= fields
    position = then.pop("position", None)
    then["seq"] = str(seq)
    return Job.from_record(then, position=int(position) if position else None)


def destination(url: str) -> str:
    """Return the key under which a client's callbacks to ``url`` share their fate: ``https://host:443``.

    Raises:
        UrlRefused: the URL is wrong by its text (a ValueError whose message is fit for the caller).
    """
    return parse_target(url).destination


def classify(
    event: Event, outcome: Outcome, tried: int, random: Callable[[], float], now_s: float
) -> Verdict:
    """Say what follows from one attempt.

    ``tried`` is how many attempts came before it, ``random`` gives a number from 0 to 1 and ``now_s``
    is the time since 1970, for a ``Retry-After`` that is a date.
    """
    if outcome.delivered:
        return Delivered()
    if outcome.status == 410:
        return GiveUp("gone", all_of_it=True)
    rejected = (
        outcome.status is not None
        and 400 <= outcome.status < 500
        and outcome.status not in (408, 425, 429)
    )
    if rejected and event.kind is not Kind.TERMINAL and not event.resent:
        return GiveUp("rejected")
    budget = RESEND_BUDGET if event.resent else BUDGETS[event.kind]
    if tried + 1 >= len(budget):
        return GiveUp("exhausted")
    delay_s = budget[tried + 1] * (1 - JITTER + 2 * JITTER * random())
    if outcome.status not in (429, 503):
        return RetryIn(delay_s)
    quiet_s = retry_after_s(outcome.retry_after, now_s)
    return RetryIn(max(delay_s, quiet_s), quiet_s)


def retry_after_s(header: str | None, now_s: float) -> float:
    """Return the pause a ``Retry-After`` asks for, from 0 to an hour; 0 if it cannot be read."""
    return min(max(asked_s(header, now_s) or 0.0, 0.0), RETRY_AFTER_MAX_S)
