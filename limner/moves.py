"""A job's moves: from which status to which, by what cause, by whom, why, and what its caller is told.

The only table of them. The store's scripts get it when they are loaded (``limner/store/domain.py``);
``lib_moves.lua``, which alone writes a status, refuses what is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from limner.callback.policy import Kind
from limner.job import Status
from limner.reasons import PAID_FOR, Reason


class Cause(StrEnum):
    """What makes a job move, or changes it where it is."""

    #: a caller's POST was taken
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
    #: its worker is about to hand it to the engine
    BEGUN = "begun"
    #: the engine took it, and gave a handle
    HANDED_OVER = "handed_over"
    #: the engine draws, and says how far it is
    PROGRESSED = "progressed"
    #: the engine is done with it: its slot is free, its pictures are still to be kept
    DRAWN = "drawn"
    #: the pictures are kept
    FINISHED = "finished"
    #: the drawing cannot be had
    FAILED = "failed"
    #: the worker stops, or another try is worth it
    GIVEN_BACK = "given_back"
    #: the worker that drew it fell silent
    LOST = "lost"
    #: so it did, and the drawing must not be paid for twice
    LOST_PAID = "lost_paid"
    #: so it did, once too often
    ABANDONED = "abandoned"
    #: it has waited for as long as any job may
    OVERDUE = "overdue"
    #: no engine can draw it
    UNDRAWABLE = "undrawable"
    #: its caller wants no more of it
    CANCELLED = "cancelled"


class Who(StrEnum):
    """Who may move a job. What is not in the table, nobody may."""

    CALLER = "caller"
    #: any worker that has its message
    WORKER = "worker"
    #: the worker whose token the record carries
    HOLDER = "holder"
    #: the store itself, whichever script looks after the lanes, and whoever runs it
    STORE = "store"


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table. Where ``before`` is ``after``, the job changes but not its status."""

    #: None: there is no such job yet
    before: Status | None
    cause: Cause
    after: Status
    who: Who
    #: the kind of event that tells it; None: nothing does, or the answer to the POST
    told: Kind | None = None
    #: why it failed, where the cause says so; else whoever moves it says why
    reason: Reason | None = None
    #: in other words than the reason's own
    sentence: str | None = None


def _of_waiting() -> Iterator[Move]:
    waiting, failed, end = Status.WAITING, Status.FAILED, Kind.TERMINAL
    yield Move(waiting, Cause.HELD, waiting, Who.WORKER)
    yield Move(waiting, Cause.LET_GO, waiting, Who.HOLDER)
    yield Move(waiting, Cause.HOLD_LOST, waiting, Who.STORE)
    yield Move(waiting, Cause.GRANTED, Status.SUBMITTED, Who.STORE, Kind.TRANSITION)
    yield Move(waiting, Cause.OVERDUE, failed, Who.STORE, end, Reason.WAITED_TOO_LONG)
    yield Move(waiting, Cause.UNDRAWABLE, failed, Who.STORE, end, Reason.NO_ENGINE)
    yield Move(waiting, Cause.CANCELLED, failed, Who.CALLER, end, Reason.CANCELLED)


def _of_running(status: Status) -> Iterator[Move]:
    failed, end = Status.FAILED, Kind.TERMINAL
    # Progress is told when it is news.
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
    yield Move(status, Cause.CANCELLED, failed, Who.CALLER, end, Reason.CANCELLED)


MOVES = (
    Move(None, Cause.ACCEPTED, Status.WAITING, Who.CALLER),
    Move(None, Cause.PICKED, Status.DONE, Who.CALLER, Kind.TERMINAL),
    *_of_waiting(),
    *_of_running(Status.SUBMITTED),
    *_of_running(Status.DRAWING),
    Move(Status.DONE, Cause.FOLLOWED_UP, Status.DONE, Who.CALLER),
)
