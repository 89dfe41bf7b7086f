"""The list of a job's callbacks, and the body of ``resend``; used by ``api/faces/limner/callbacks.py``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from marshmallow import ValidationError, fields

from limner.callback.policy import Event, Told
from limner.job import Status
from schemas.fields import Integer, Strict
from schemas.limner.job import StatusCode
from schemas.shape import AnswerSchema, Rfc3339FromMs, maybe, told
from schemas.status import STATUS_OF
from schemas.wire import Wire

KINDS = {"T": "transition", "P": "progress", "X": "terminal"}
#: the states of an event
STATES = ("pending", "delivered", "dead", "resending", "dropped")
#: the ``why`` of an event that waits for the one before it: order is strict
BEHIND = "order"
SEQ_MOST = 10**9
IDS_MOST = 100
#: job, seq and epoch; events stored by releases without epochs have none
_EVENT_ID = re.compile(r"msg_([0-9a-f]{32})_([0-9]{1,9})(?:_[0-9a-f]{10})?")


@dataclass(frozen=True, slots=True)
class Resend:
    """Which events to resend, by webhook-id or by seq; both None: every dead letter."""

    ids: tuple[tuple[str, int], ...] | None
    seq: int | None

    def seqs(self, job_id: str) -> list[int | None]:
        """Return the seqs to resend of that job; None stands for all."""
        if self.ids is not None:
            return [seq for job, seq in self.ids if job == job_id]
        return [self.seq]


class KindInWords(fields.String):
    """The kind of an event, spelled out."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str:
        return KINDS[value]


class EventIds(Strict[tuple[tuple[str, int], ...]]):
    """A list of webhook-ids, parsed into job and seq."""

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
        """Return which events to resend.

        Raises:
            InvalidRequest: a field is wrong or unknown.
        """
        return Resend(**self.fields_of(body))


class AttemptSchema(AnswerSchema):
    """One attempt to post an event, as the outbox stores it."""

    # The address that was dialled is stored as well, but shown to operators only.
    at = Rfc3339FromMs(**told())
    attempt = fields.Integer(**told("1 = the first", minimum=1))
    status = fields.Integer(**maybe("what the receiver answered"))
    error = fields.String(**maybe("one word for what went wrong; null: delivered"))
    ms = fields.Integer(**maybe("how long it took"))
    answer = fields.String(**maybe("the beginning of the receiver's answer"))
    location = fields.String(**maybe("the redirect that the receiver answered with; not followed"))
    resent = fields.Boolean(**told("by command") | {"dump_default": False})
    next_try_at = Rfc3339FromMs(attribute="next", **maybe())


class EventSchema(AnswerSchema):
    """One event with its attempts; a finished one is known only from its last attempt."""

    seq = fields.Integer(**told(minimum=1))
    id = fields.String(**told("the webhook-id"))
    kind = KindInWords(**told(enum=[*KINDS.values()]))
    status = StatusCode(**maybe("of the job at the event", enum=[*sorted(STATUS_OF), None]))
    state = fields.String(**told("dropped: progress that newer events replaced", enum=[*STATES]))
    at = Rfc3339FromMs(**maybe("when it happened"))
    why = fields.String(
        **maybe("why it is a dead letter, or what it waits for: see docs/callbacks.md")
    )
    given_up_at = Rfc3339FromMs(**maybe())
    attempts = fields.Nested(AttemptSchema, many=True, **told())


class CallbacksSchema(AnswerSchema):
    """Every event of a job that is still stored, by seq."""

    data = fields.Nested(EventSchema, many=True, **told())
    next_try_at = Rfc3339FromMs(
        attribute="due_ms", **maybe("the earliest time of the next attempt")
    )
    parked = fields.Boolean(**told("waits for its turn at the receiver"))


class TrialSchema(AnswerSchema):
    """What came of a test event."""

    delivered = fields.Boolean(**told("whether the receiver accepted it"))
    status = fields.Integer(**maybe("what the receiver answered"))
    error = fields.String(
        **maybe("one word for what went wrong; no_worker: nobody posts callbacks now")
    )
    ms = fields.Integer(**maybe("how long it took"))
    answer = fields.String(**maybe("the beginning of the receiver's answer"))


_TRIAL = TrialSchema()
_CALLBACKS = CallbacksSchema()


def trial_body(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Return what came of a test event."""
    body: dict[str, Any] = _TRIAL.dump({**dict.fromkeys(_TRIAL.fields), **outcome})
    return body


def callbacks_body(about: Told) -> dict[str, Any]:
    """Return every event that is still stored, by seq, each with its attempts."""
    events = {int(one["seq"]): _over(one) for one in about.attempts}
    waits = _waits(about)
    for event in about.pending:
        events[event.seq] = _event(event, "pending", next(waits))
    for letter in about.dead:
        gone = {"why": letter.why, "given_up_at": letter.dead_ms}
        events[letter.event.seq] = _event(letter.event, "dead") | gone
    for event in about.resending:
        events[event.seq] = _event(event, "resending", next(waits))
    for seq, shown in events.items():
        shown["attempts"] = [one for one in about.attempts if one["seq"] == seq]
    body: dict[str, Any] = _CALLBACKS.dump(
        {
            "data": [events[seq] for seq in sorted(events)],
            "due_ms": about.due_ms,
            "parked": about.parked,
        }
    )
    return body


def _waits(about: Told) -> Iterator[str | None]:
    """Yield what each undelivered event waits for, in order."""
    yield about.waits_for
    yield from repeat(BEHIND)


def _event(event: Event, state: str, why: str | None = None) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "id": event.id,
        "kind": event.kind,
        "status": Status(event.fields["status"]),
        "state": state,
        "at": event.at_ms,
        "why": why,
    }


def _over(attempt: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event of which only the last attempt is stored: it was delivered, or dropped."""
    state = "dropped" if attempt.get("error") else "delivered"
    return {"seq": attempt["seq"], "id": attempt["id"], "kind": attempt["kind"], "state": state}
