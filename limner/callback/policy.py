"""The policy of callbacks: where they go, how often each is tried, and what a response means.

The API uses ``destination``; the dispatcher turns each attempt's ``Outcome`` into a verdict with
``classify``. Nothing here posts, waits or stores anything; a failed attempt is a value, not an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from limner.callback.retry_after import asked_s
from limner.egress.target import parse_target
from limner.job import Job

MINUTE_S, HOUR_S = 60.0, 3600.0
#: the longest pause that a receiver can ask for
RETRY_AFTER_MAX_S = HOUR_S
#: jitter: each pause is up to this fraction shorter or longer, so that retries do not come all at once
JITTER = 0.2

Health = Literal["ok", "bad", "none"]


class Kind(StrEnum):
    """The kind of an event, which decides its retry budget."""

    TRANSITION = "T"
    PROGRESS = "P"
    TERMINAL = "X"


#: the fields of a job's record that may differ between its events (CHANGING in lib_outbox.lua)
CHANGING = frozenset(
    {
        *("status", "progress", "url", "width", "height", "cells", "marks", "engine"),
        *("reason", "reason_code", "notes", "started_ms", "finished_ms", "attempts"),
        *("applied", "drawn_seeds", "prompts", "can"),
    }
)

#: the pause before each attempt, seconds
BUDGETS: Mapping[Kind, tuple[float, ...]] = {
    Kind.TERMINAL: (
        *(0.0, 5.0, 30.0, 5 * MINUTE_S, 30 * MINUTE_S, 2 * HOUR_S, 5 * HOUR_S),
        *(10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S),
    ),
    # Events are posted in strict order, so a failing transition delays the end: hence the short budget.
    Kind.TRANSITION: (0.0, 5.0, 30.0, 5 * MINUTE_S),
    # The second attempt is made only if nothing newer has come meanwhile.
    Kind.PROGRESS: (0.0, 5.0),
}
#: someone is watching when an event is resent by command, so it has the short budget
RESEND_BUDGET = BUDGETS[Kind.TRANSITION]
#: errors of attempts that we do not make: an address that is not allowed, a URL that cannot be called.
#: Only an operator, or another URL, can change that.
REFUSED_BY_US = frozenset({"not_allowed", "url"})


@dataclass(frozen=True, slots=True)
class Event:
    """One thing to tell the caller about a job."""

    job: str
    #: 1, 2, 3 … per job
    seq: int
    kind: Kind
    #: the ``webhook-id``, the same for every attempt
    id: str
    #: when it happened, ms since 1970
    at_ms: int
    #: the record's changing fields at that time
    fields: Mapping[str, str]
    #: resent by command, outside the live order
    resent: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was given up, and why.

    ``exhausted rejected gone expired superseded disabled broken not_allowed``
    """

    event: Event
    why: str
    dead_ms: int


class Wait(StrEnum):
    """What a job's next attempt waits for."""

    #: it is being posted
    SENDING = "sending"
    #: the backoff after a failed attempt
    RETRY = "retry"
    #: the same, and the receiver asked for it with ``Retry-After``
    QUIET = "quiet"
    #: the breaker is open: the client's last attempts at this receiver all failed
    BREAKER = "breaker"
    #: the host has responded to nobody lately: one attempt a second for all clients together
    HOST = "host"
    #: the limit of callbacks in flight is reached
    TURN = "turn"


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that is stored about one job's callbacks."""

    #: undelivered, oldest first
    pending: tuple[Event, ...]
    resending: tuple[Event, ...]
    dead: tuple[DeadLetter, ...]
    #: attempts, newest last; keys as ``workers.posting.dispatcher`` writes them, ``at`` and ``next`` in ms
    attempts: tuple[Mapping[str, Any], ...]
    #: what the next attempt waits for; None: there is none
    waits_for: Wait | None
    #: its earliest time, ms; None: as soon as there is a place, or there is none
    due_ms: int | None
    #: it waits for its turn at its receiver
    parked: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one attempt: a status, or an error word if there was no status."""

    status: int | None = None
    #: ``timeout dns refused unreachable reset tls proxy not_allowed protocol url``: never more
    #: about the network
    error: str | None = None
    retry_after: str | None = None
    location: str | None = None
    #: the beginning of the response's body, as received
    answer: bytes = b""
    took_ms: int = 0
    #: the address dialled, None if none was
    address: str | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver accepted the event: 2xx and nothing else."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def health(self) -> Health:
        """What this says about the receiver itself: a 404 means that it is alive."""
        if self.delivered:
            return "ok"
        if self.error in REFUSED_BY_US:
            return "none"
        return "bad" if self.status in (None, 429, 502, 503, 504) else "none"

    @property
    def error_class(self) -> str | None:
        """One word for the error, None if there was none."""
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
    """Retry after a pause; later events wait."""

    delay_s: float
    #: the pause that the receiver asked for; a new event may end only the rest of the pause
    quiet_s: float = 0.0


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Give up: the event becomes a dead letter, or is dropped if it was progress."""

    why: str
    #: this applies to all other events of the job
    all_of_it: bool = False


Verdict = Delivered | RetryIn | GiveUp


def job_at(record: Mapping[str, str], fields: Mapping[str, str], seq: int) -> Job:
    """Return the job of ``record`` as it was at the event that stored ``fields``."""
    then = {name: text for name, text in record.items() if name not in CHANGING}
    then |= fields
    position, waits_for = then.pop("position", None), then.pop("waits_for", None)
    then["seq"] = str(seq)
    return Job.from_record(then, int(position) if position else None, waits_for)


def destination(url: str) -> str:
    """Return the key under which a client's callbacks to ``url`` share their fate: ``https://host:443``.

    Raises:
        UrlRefused: the URL is malformed (a ValueError with a message fit for the caller).
    """
    return parse_target(url).destination


def classify(
    event: Event, outcome: Outcome, tried: int, random: Callable[[], float], now_s: float
) -> Verdict:
    """Return the verdict on one attempt.

    ``tried`` is the number of attempts before it, ``random`` returns a number from 0 to 1, and ``now_s``
    is the time since 1970, for a ``Retry-After`` that is a date.
    """
    if outcome.delivered:
        return Delivered()
    if outcome.status == 410:
        return GiveUp("gone", all_of_it=True)
    if outcome.error in REFUSED_BY_US:
        return GiveUp("not_allowed")
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
    """Return the pause that a ``Retry-After`` asks for, 0 to an hour; 0 if it is malformed."""
    return min(max(asked_s(header, now_s) or 0.0, 0.0), RETRY_AFTER_MAX_S)
