"""A memory budget for decoding: whoever needs more than is left waits for its turn.

Used by ``limner.pictures.decoding``, and by the drawing worker for what waits to be stored. Limiting each picture is
not enough: a process decodes for as many jobs at once as it has threads.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: how often who waits looks whether it still has to
LOOK_S = 0.1


class Room:
    """A number of bytes shared by all threads of a process, first come, first served."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._taken = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def take(
        self,
        wanted_bytes: int,
        on_wait: Callable[[], None] | None = None,
        hurried: Callable[[], bool] | None = None,
    ) -> Iterator[None]:
        """Reserve ``wanted_bytes`` for the duration of the block, once they are free.

        A request larger than the room gets all of it, and so runs alone. ``on_wait()`` is called once if they are not
        free. As soon as it is ``hurried()``, the block runs without having them.
        """
        held = min(wanted_bytes, self._most)
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
        try:
            held = self._waited_for(ticket, held, on_wait, hurried)
        finally:
            with self._changed:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._taken -= held
                self._changed.notify_all()

    def _waited_for(
        self,
        ticket: object,
        wanted: int,
        on_wait: Callable[[], None] | None,
        hurried: Callable[[], bool] | None,
    ) -> int:
        """Return how much was taken: what is wanted, or nothing in a hurry."""
        with self._changed:
            if self._fits(ticket, wanted):
                self._taken += wanted
                return wanted
        if on_wait:
            on_wait()
        with self._changed:
            while not self._fits(ticket, wanted):
                if hurried and hurried():
                    return 0
                self._changed.wait(LOOK_S if hurried else None)
            self._taken += wanted
            return wanted

    def _fits(self, ticket: object, wanted: int) -> bool:
        # In order of arrival, or small pictures could keep a large one waiting for ever.
        return self._waiting[0] is ticket and self._taken + wanted <= self._most
