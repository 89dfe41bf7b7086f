"""What failures mean once money was spent on a drawing: nothing is paid for again without its operator's word.

Used by the drivers whose answers are the drawing itself, and by the seam of hosted engines. An engine that is
busy, down or refuses gets its job again later, as often as it takes; so such an error must not end a
drawing of which a part was drawn. ``JobLost(charged=True)`` may: ``on_lost`` decides.
"""

from __future__ import annotations

import time
from collections import deque
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
#: a job that ends so is drawn again later, as often as it takes
_GIVES_BACK = (EngineBusy, EngineDown, Refused)


def lost_on_the_way(answer: Answer) -> NoAnswer | None:
    """Return the error if a response to what costs money does not tell whether it was drawn."""
    if answer.status in _UNKNOWN_OUTCOME:
        return NoAnswer("a proxy on the way gave up")
    return None


def amounting_to(error: EngineError, *, spent: bool) -> EngineError:
    """Return what a failure amounts to; ``spent``: another part of the drawing was paid for."""
    return lost_in_part(error, "drawn") if spent and isinstance(error, _GIVES_BACK) else error


def lost_in_part(error: EngineError, part_was: str) -> JobLost:
    """Return the loss of a drawing of which a part was paid for when ``error`` ended it."""
    lost = JobLost(f"A part of it was {part_was}, and cost money.", charged=True)
    # Its operator reads in the log what kept the rest from being drawn.
    lost.__cause__ = error
    return lost


def pause_of(error: EngineBusy | EngineDown) -> float:
    """Return how long to wait before what was turned away is tried again, seconds."""
    return error.retry_after_s if isinstance(error, EngineBusy) else PAUSE_S


def tell_cost(error: EngineError, told: float | None, *, drawn: bool) -> None:
    """Note on the error that ends a drawing what it cost all the same.

    ``told``: by the host, of the requests that ended; None: nothing. ``drawn``: one of them was.
    """
    error.cost, error.partly = told, drawn
    if isinstance(error, EngineDown) and not drawn:
        # What cannot be reached, or turns us away, draws nothing.
        error.cost = 0.0


def fetched(fetch: Callable[[], bytes], wait: Callable[[float], bool | None]) -> bytes:
    """Return a picture that was paid for, by ``fetch``, which is tried again after a ``wait`` of some seconds.

    ``wait`` returns true if there is no more time for that.

    Raises:
        JobLost: it cannot be had.
    """
    for pause_s in (*FETCH_PAUSES_S, None):
        try:
            return fetch()
        except (EngineDown, BadResult):
            if pause_s is None or wait(pause_s):
                break
    raise JobLost("The engine's picture cannot be fetched.", charged=True)


class Turns:
    """When each of a drawing's requests is made, and made again; they are known by their numbers."""

    def __init__(self, count: int, at_once: int) -> None:
        self._at_once = at_once
        self._waiting = deque((number, 0.0) for number in range(count))
        self._tries = dict.fromkeys(range(count), 0)
        self._refusal: EngineError | None = None

    def due(self, under_way: int) -> list[int]:
        """Return the requests that are to be made now; ``under_way``: how many are."""
        # Nothing more is spent on a drawing that will not be whole.
        room = 0 if self._refusal else self._at_once - under_way
        ready = [one for one in self._waiting if one[1] <= time.monotonic()][: max(room, 0)]
        for one in ready:
            self._waiting.remove(one)
            self._tries[one[0]] += 1
        return [number for number, _ in ready]

    def failed(self, number: int, error: Exception, *, drawn: bool, under_way: bool) -> None:
        """Have a request made again later if it was turned away and others cost money already; else raise.

        ``drawn``: others have their pictures; ``under_way``: others are. What has refused for good is raised once
        none is under way: hung up on, one may be drawn and paid for all the same, and nobody would know.

        Raises:
            Exception: ``error``, or what it amounts to.
        """
        pause_s = self._pause_s(number, error) if drawn or under_way else None
        if pause_s is not None and not self._refusal:
            self._waiting.append((number, time.monotonic() + pause_s))
        elif isinstance(error, _GIVES_BACK) and not isinstance(error, NoAnswer):
            self._refusal = self._refusal or error
            self.ended(drawn=drawn, under_way=under_way)
        else:
            raise error

    def ended(self, *, drawn: bool, under_way: bool) -> None:
        """Raise what has refused a request for good, if nothing is under way any more."""
        if self._refusal and not under_way:
            raise amounting_to(self._refusal, spent=drawn)

    def _pause_s(self, number: int, error: Exception) -> float | None:
        if not isinstance(error, EngineBusy | EngineDown) or isinstance(error, NoAnswer):
            return None
        within = self._tries[number] < TRIES and pause_of(error) <= PAUSE_MAX_S
        return pause_of(error) if within else None
