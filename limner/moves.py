"""A job's moves: from which status to which, by what cause, by whom, why, and with which event.

The only table of them. The store's scripts get it when they are loaded (``limner/store/domain.py``);
``lib_moves.lua``, the only code that writes a status, refuses what is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from limner.callback.policy import Kind
from limner.job import Status
from limner.reasons import BY_OPERATOR, PAID_FOR, Reason


class Cause(StrEnum):
    """What moves a job, or changes it without moving it."""

    #: a caller's POST was accepted
    ACCEPTED = "accepted"
    #: a caller picked a cell of a job that is done: nothing is left to draw
    PICKED = "picked"
    #: another job follows it up, and leaves a mark on it
    FOLLOWED_UP = "followed_up"
    #: a worker took its message, and waits with it for a slot
    HELD = "held"
    #: the worker that holds it stops
    LET_GO = "let_go"
    #: the worker that holds it fell silent
    HOLD_LOST = "hold_lost"
    #: an engine has a free slot for it
    GRANTED = "granted"
    #: its worker is about to submit it to the engine
    BEGUN = "begun"
    #: the engine accepted it, and returned a handle
    HANDED_OVER = "handed_over"
    #: the engine is drawing, and reports progress
    PROGRESSED = "progressed"
    #: the engine is done with it: its slot is free, its pictures are still to be stored
    DRAWN = "drawn"
    #: the pictures are stored
    FINISHED = "finished"
    #: the drawing failed for good
    FAILED = "failed"
    #: the worker is stopping, or a retry makes sense
    GIVEN_BACK = "given_back"
    #: the worker that drew it fell silent
    LOST = "lost"
    #: the same, and the drawing must not be paid for twice
    LOST_PAID = "lost_paid"
    #: the same, once too often
    ABANDONED = "abandoned"
    #: it has reached the time limit for waiting
    OVERDUE = "overdue"
    #: the deadline that its caller set has passed
    TOO_LATE = "too_late"
    #: no engine can draw it
    UNDRAWABLE = "undrawable"
    #: its caller cancelled it
    CANCELLED = "cancelled"
    #: an operator cancelled it
    CALLED_OFF = "called_off"


class Who(StrEnum):
    """Who may move a job. What is not in the table is not allowed."""

    CALLER = "caller"
    OPERATOR = "operator"
    #: any worker that has its message
    WORKER = "worker"
    #: the worker whose token is in the record
    HOLDER = "holder"
    #: the store itself, whichever script looks after the lanes, and whoever runs it
    STORE = "store"


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table. If ``before`` is ``after``, the job changes but not its status."""

    #: None: there is no such job yet
    before: Status | None
    cause: Cause
    after: Status
    who: Who
    #: the kind of event that reports it; None: none, or only the response to the POST
    told: Kind | None = None
    #: why it failed, if the cause determines that; otherwise whoever moves it says why
    reason: Reason | None = None
    #: in other words than the reason's own
    sentence: str | None = None


def _called_off(status: Status) -> Move:
    who, end, why = Who.OPERATOR, Kind.TERMINAL, Reason.CANCELLED
    return Move(status, Cause.CALLED_OFF, Status.FAILED, who, end, why, BY_OPERATOR)


def _of_waiting() -> Iterator[Move]:
    waiting, failed, end = Status.WAITING, Status.FAILED, Kind.TERMINAL
    yield Move(waiting, Cause.HELD, waiting, Who.WORKER)
    yield Move(waiting, Cause.LET_GO, waiting, Who.HOLDER)
    yield Move(waiting, Cause.HOLD_LOST, waiting, Who.STORE)
    yield Move(waiting, Cause.GRANTED, Status.SUBMITTED, Who.STORE, Kind.TRANSITION)
    yield Move(waiting, Cause.OVERDUE, failed, Who.STORE, end, Reason.WAITED_TOO_LONG)
    yield Move(waiting, Cause.TOO_LATE, failed, Who.STORE, end, Reason.DEADLINE_PASSED)
    yield Move(waiting, Cause.UNDRAWABLE, failed, Who.STORE, end, Reason.NO_ENGINE)
    yield Move(waiting, Cause.CANCELLED, failed, Who.CALLER, end, Reason.CANCELLED)
    yield _called_off(waiting)


def _of_running(status: Status) -> Iterator[Move]:
    failed, end = Status.FAILED, Kind.TERMINAL
    # Progress is reported when it is news.
    told = Kind.TRANSITION if status is Status.SUBMITTED else Kind.PROGRESS
    yield Move(status, Cause.BEGUN, status, Who.HOLDER)
    yield Move(status, Cause.HANDED_OVER, status, Who.HOLDER)
    yield Move(status, Cause.PROGRESSED, Status.DRAWING, Who.HOLDER, told)
    yield Move(status, Cause.DRAWN, status, Who.HOLDER)
    yield Move(status, Cause.FINISHED, Status.DONE, Who.HOLDER, end)
    yield Move(status, Cause.FAILED, failed, Who.HOLDER, end)
    yield Move(status, Cause.GIVEN_BACK, Status.WAITING, Who.HOLDER, Kind.TRANSITION)
    yield Move(status, Cause.LOST, Status.WAITING, Who.STORE, Kind.TRANSITION)
    yield Move(status, Cause.LOST_PAID, failed, Who.STORE, end, Reason.DRAWING_LOST, PAID_FOR)
    yield Move(status, Cause.ABANDONED, failed, Who.STORE, end, Reason.WORKER_LOST)
    yield Move(status, Cause.TOO_LATE, failed, Who.STORE, end, Reason.DEADLINE_PASSED)
    yield Move(status, Cause.CANCELLED, failed, Who.CALLER, end, Reason.CANCELLED)
    yield _called_off(status)


MOVES = (
    Move(None, Cause.ACCEPTED, Status.WAITING, Who.CALLER),
    Move(None, Cause.PICKED, Status.DONE, Who.CALLER, Kind.TERMINAL),
    *_of_waiting(),
    *_of_running(Status.SUBMITTED),
    *_of_running(Status.DRAWING),
    Move(Status.DONE, Cause.FOLLOWED_UP, Status.DONE, Who.CALLER),
)
