"""What each engine error means: how often the job is retried, and how long the engine is paused.

The only such table; used by the drawing worker. Rejected prompts are not in it: they fail at once, and
say nothing about the engine.
"""

from __future__ import annotations

from limner.errors import (
    BadResult,
    EngineBusy,
    EngineDown,
    EngineError,
    EngineStuck,
    JobLost,
    OutOfMemory,
    PicturesNotKept,
    Refused,
)
from limner.money import micros_said
from limner.reasons import Reason
from limner.store.lanes import Trouble

DOWN_PAUSE_S, DOWN_PAUSE_MAX_S = 1.0, 60.0
BUSY_PAUSE_MAX_S = 30.0
REFUSED_PAUSE_S, REFUSED_PAUSE_MAX_S = 60.0, 600.0
#: for an engine that responds but fails one job after another
FAILING_PAUSE_S, FAILING_PAUSE_MAX_S = 10.0, 300.0
#: a job whose engine went down during it this often is given up
DOWNS_MAX = 5
LOSSES_MAX = 2
ONCE_MORE = 1


def handover() -> Trouble:
    """Return what to do when the worker stops; neither the job nor the engine is to blame."""
    return Trouble()


def crash() -> Trouble:
    """Return what to do after a bug of ours or in a driver."""
    return _failure(
        "crashes",
        ONCE_MORE,
        Reason.INTERNAL_ERROR,
        "the worker or the driver crashed, see the log",
    )


def too_late() -> Trouble:
    """Return what to do about a drawing that exceeded the time limit."""
    return _failure("late", 0, Reason.TIMED_OUT, "it took too long")


def trouble_of(error: EngineError, *, submitted: bool) -> Trouble:
    """Return what to do about ``error``; ``submitted``: the engine had accepted the job."""
    # A peer's message may contain paths and prompts: callers get our own words, the log gets the rest.
    reason, sentence = error.reason, error.summary()
    match error:
        case EngineBusy():
            return Trouble(
                engine_state="busy",
                engine_why=error.message,
                pause_s=error.retry_after_s,
                pause_max_s=max(BUSY_PAUSE_MAX_S, error.retry_after_s),
            )
        case EngineDown():
            # Before submit nothing was spent: the job goes to another engine, or waits, at no cost.
            return Trouble(
                counter="downs" if submitted else None,
                limit=DOWNS_MAX,
                reason=reason,
                sentence=sentence,
                engine_state="down",
                engine_why=error.message,
                pause_s=DOWN_PAUSE_S,
                pause_max_s=DOWN_PAUSE_MAX_S,
            )
        case Refused():
            return Trouble(
                engine_state="refused",
                engine_why=f"{error.kind}: {error.message}",
                pause_s=REFUSED_PAUSE_S,
                pause_max_s=REFUSED_PAUSE_MAX_S,
            )
        case JobLost():
            return _failure("losses", LOSSES_MAX, reason, error.message, sentence)
        case EngineStuck():
            return _failure("stuck", ONCE_MORE, reason, error.message, sentence)
        case OutOfMemory():
            return _failure("memory", ONCE_MORE, reason, error.message, sentence)
        case BadResult():
            return _failure("bad_results", ONCE_MORE, reason, error.message, sentence)
    return _failure("engine_errors", ONCE_MORE, reason, error.message, sentence)


def cost_of(error: EngineError, *, submitted: bool = True) -> int | None:
    """Return what a drawing that failed so cost all the same, millionths; None: its price.

    What its host says counts. If the engine told of the failure, and says no more, it is free, and so is what it never
    had (``submitted``); if nobody knows what became of the drawing, or it was drawn, it costs as any other.
    """
    if error.cost is not None:
        return micros_said(error.cost)
    if isinstance(error, JobLost):
        return None if error.charged or error.partly else 0
    unknown = isinstance(error, (EngineDown, EngineStuck, BadResult, PicturesNotKept))
    return None if error.partly or (submitted and unknown) else 0


def _failure(counter: str, limit: int, reason: Reason, why: str, sentence: str = "") -> Trouble:
    return Trouble(
        counter,
        limit,
        reason,
        engine_why=why,
        pause_s=FAILING_PAUSE_S,
        pause_max_s=FAILING_PAUSE_MAX_S,
        sentence=sentence,
    )
