"""What failures mean once money was spent on a drawing: nothing is paid for again without its operator's word.

Used by the drivers whose answers are the drawing itself, and by the seam of hosted engines. An engine that is
busy, down or refuses gets its job again later, as often as it takes; so such an error must not end a
drawing of which a part was drawn. ``JobLost(charged=True)`` may: ``on_lost`` decides.
"""

from __future__ import annotations

from collections.abc import Callable

from engines.remote.session import Answer, NoAnswer
from limner.errors import BadResult, EngineBusy, EngineDown, EngineError, JobLost, Refused

#: most tries of a request that is turned away, and the longest pause between two of them
TRIES = 4
PAUSE_S, PAUSE_MAX_S = 1.0, 60.0
#: the pauses before a picture is fetched again
FETCH_PAUSES_S = (0.5, 1.5)
#: a proxy on the way gave up: what it passed on may well have been started
_UNKNOWN_OUTCOME = (408, 504, 524)


def lost_on_the_way(answer: Answer) -> NoAnswer | None:
    """Return the error if a response to what costs money does not tell whether it was drawn."""
    if answer.status in _UNKNOWN_OUTCOME:
        return NoAnswer("a proxy on the way gave up")
    return None


def pause_before_again(error: Exception, tries: int, *, drawn: bool, under_way: bool) -> float:
    """Return how long to wait until one request of several, which was turned away, is made again.

    ``tries``: how often it was made; ``drawn``: others have their pictures; ``under_way``: others run.

    Raises:
        Exception: it is not to be made again: ``error``, or what that amounts to.
    """
    turned_away = isinstance(error, EngineBusy | EngineDown) and not isinstance(error, NoAnswer)
    if turned_away and (drawn or under_way) and tries < TRIES:
        pause_s = error.retry_after_s if isinstance(error, EngineBusy) else PAUSE_S
        if pause_s <= PAUSE_MAX_S:
            return pause_s
    if isinstance(error, EngineError):
        raise amounting_to(error, spent=drawn)
    raise error


def amounting_to(error: EngineError, *, spent: bool) -> EngineError:
    """Return what a failure amounts to; ``spent``: another part of the drawing was paid for."""
    if spent and isinstance(error, EngineBusy | EngineDown | Refused):
        lost = JobLost("A part of it was drawn, and cost money.", charged=True)
        # Its operator reads in the log what kept the rest from being drawn.
        lost.__cause__ = error
        return lost
    return error


def fetched(fetch: Callable[[], bytes], wait: Callable[[float], object]) -> bytes:
    """Return a picture that was paid for, by ``fetch``, which is tried again after a ``wait`` of some seconds.

    Raises:
        JobLost: it cannot be had.
    """
    for pause_s in (*FETCH_PAUSES_S, None):
        try:
            return fetch()
        except (EngineDown, BadResult):
            if pause_s is not None:
                wait(pause_s)
    raise JobLost("The engine's picture cannot be fetched.", charged=True)
