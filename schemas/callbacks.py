"""What callers see of a job's callbacks, and what ``resend`` takes; used by ``api/callbacks.py``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any

from marshmallow import ValidationError

from limner.callback import Event, Told
from limner.job import Status, from_ms
from schemas.fields import Integer, Strict
from schemas.job import STATUS_CODE, rfc3339
from schemas.wire import Wire

KINDS = {"T": "transition", "P": "progress", "X": "terminal"}
#: where an event may be
STATES = ("pending", "delivered", "dead", "resending", "dropped")
#: of an event behind another one of its job: order is strict
BEHIND = "order"
#: what is told of an attempt; the address dialled is the operators' business
_ATTEMPT = ("attempt", "status", "error", "ms", "answer", "location")
SEQ_MOST = 10**9
IDS_MOST = 100
#: job, seq and epoch; events kept from before there were epochs have none
_EVENT_ID = re.compile(r"msg_([0-9a-f]{32})_([0-9]{1,9})(?:_[0-9a-f]{10})?")


@dataclass(frozen=True, slots=True)
class Resend:
    """Which events to post again, by webhook-id or by seq; both None: every dead letter."""

    ids: tuple[tuple[str, int], ...] | None
    seq: int | None

    def seqs(self, job_id: str) -> list[int | None]:
        """Return the seqs that are meant of that job; None stands for all."""
        if self.ids is not None:
            return [seq for job, seq in self.ids if job == job_id]
        return [self.seq]


class EventIds(Strict[tuple[tuple[str, int], ...]]):
    """A list of webhook-ids, read into job and seq."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[tuple[str, int], ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= IDS_MOST:
            raise ValidationError(f"Must be a list of 1 to {IDS_MOST} webhook-ids.")
        matches = [_EVENT_ID.fullmatch(one) if isinstance(one, str) else None for one in value]
        found = [(match[1], int(match[2])) for match in matches if match]
        if len(found) < len(value):
            raise ValidationError("Must hold webhook-ids of this job, as they were sent.")
        return tuple(found)


class ResendSchema(Wire):
    """The body of ``POST …/callbacks/resend``."""

    ids = EventIds()
    seq = Integer(1, SEQ_MOST)

    def read(self, body: Mapping[str, Any]) -> Resend:
        """Return what is to be posted again.

        Raises:
            InvalidRequest: a field is wrong or unknown.
        """
        return Resend(**self.fields_of(body))


def callbacks_body(told: Told) -> dict[str, Any]:
    """Return every event that is still known, by seq, each with its attempts."""
    events = {int(one["seq"]): _from_attempt(one) for one in told.attempts}
    waits = _waits(told)
    for event in told.pending:
        events[event.seq] = _event(event, "pending", next(waits))
    for letter in told.dead:
        gone = {"why": letter.why, "givenUpAt": rfc3339(from_ms(letter.dead_ms))}
        events[letter.event.seq] = _event(letter.event, "dead") | gone
    for event in told.resending:
        events[event.seq] = _event(event, "resending", next(waits))
    for seq, shown in events.items():
        shown["attempts"] = [_attempt(one) for one in told.attempts if one["seq"] == seq]
    return {
        "data": [events[seq] for seq in sorted(events)],
        "nextTryAt": _moment(told.due_ms),
        "parked": told.parked,
    }


def _waits(told: Told) -> Iterator[str | None]:
    """Yield what each event waits for that is still to be posted, in their order."""
    yield told.waits_for
    yield from repeat(BEHIND)


def _event(event: Event, state: str, why: str | None = None) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "id": event.id,
        "kind": KINDS[event.kind],
        "status": STATUS_CODE[Status(event.fields["status"])],
        "state": state,
        "at": rfc3339(from_ms(event.at_ms)),
        "why": why,
        "givenUpAt": None,
    }


def _from_attempt(attempt: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event of which only its last attempt is left: it was delivered, or not worth more."""
    return {
        "seq": attempt["seq"],
        "id": attempt["id"],
        "kind": KINDS[attempt["kind"]],
        "status": None,
        "state": "dropped" if attempt.get("error") else "delivered",
        "at": None,
        "why": None,
        "givenUpAt": None,
    }


def _attempt(attempt: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "at": _moment(attempt["at"]),
        **{name: attempt.get(name) for name in _ATTEMPT},
        "resent": bool(attempt.get("resent")),
        "nextTryAt": _moment(attempt.get("next")),
    }


def _moment(ms: float | None) -> str | None:
    moment: datetime | None = None if ms is None else from_ms(ms)
    return rfc3339(moment) if moment else None
