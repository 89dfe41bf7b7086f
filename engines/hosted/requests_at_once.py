"""Requests whose answer is the drawing, each in a thread of its own; used by ``engines.hosted.at_once``.

A request that was turned away (busy, or briefly down) is made again for itself, so that what the others
drew is not paid for twice.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextvars import copy_context

from engines.hosted.host import HostedLook
from engines.remote.session import NoAnswer
from engines.remote.spent import Turns
from limner.errors import JobLost
from net.cut import Cut

#: how soon a stop is noticed
LOOK_S = 0.5
HANG_UP_S = 1.0

#: makes the request of this number, until it is cut
Draw = Callable[[int, Cut], HostedLook]


class RequestsAtOnce:
    """The requests of one drawing: which wait, which run, and their results."""

    def __init__(self, draw: Draw, count: int, at_once: int) -> None:
        self._draw, self._turns = draw, Turns(count, at_once)
        self.count = count
        self.done: dict[int, HostedLook] = {}
        self._results: queue.SimpleQueue[tuple[int, HostedLook | Exception]] = queue.SimpleQueue()
        self._running: dict[int, tuple[threading.Thread, Cut]] = {}

    @property
    def over(self) -> bool:
        """Whether all have their results."""
        return len(self.done) == self.count

    @property
    def under_way(self) -> bool:
        """Whether one runs: it may have been paid for."""
        return bool(self._running)

    def next_done(self) -> int | None:
        """Start what may start, and return the number of the request that ends next; None: none for a while.

        Raises:
            EngineError: one failed.
        """
        for number in self._turns.due(len(self._running)):
            self._start(number)
        try:
            number, result = self._results.get(timeout=LOOK_S)
        except queue.Empty:
            return None
        self._running.pop(number)
        if isinstance(result, HostedLook) and result.state != "done" and result.error:
            result = result.error
        if isinstance(result, Exception):
            self._turns.failed(number, result, drawn=bool(self.done), under_way=self.under_way)
            return None
        self.done[number] = result
        self._turns.ended(drawn=True, under_way=self.under_way)
        return number

    def hang_up(self) -> None:
        """Close every connection that is still open."""
        for _, cut in self._running.values():
            cut()
        for thread, _ in self._running.values():
            thread.join(HANG_UP_S / len(self._running))

    def _start(self, number: int) -> None:
        cut = Cut()
        # The job that the thread works for is known by its context.
        thread = threading.Thread(
            target=copy_context().run,
            args=(self._run, number, cut),
            name="hosted",
            daemon=True,
        )
        self._running[number] = thread, cut
        thread.start()

    def _run(self, number: int, cut: Cut) -> None:
        try:
            self._results.put((number, self._draw(number, cut)))
        except NoAnswer:
            # It may have been drawn and paid for: nobody can tell.
            self._results.put((number, JobLost("The answer was lost.", charged=True)))
        # Whatever it is, the thread that waits raises it.
        except Exception as error:  # noqa: BLE001
            self._results.put((number, error))
