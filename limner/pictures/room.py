"""A memory budget for decoding: whoever needs more than is left waits for its turn.

Used by ``limner.pictures.decoding``. Limiting each picture is not enough: a process decodes for as many jobs at
once as it has threads.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Room:
    """A number of bytes shared by all threads of a process, first come, first served."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._taken = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def take(self, wanted_bytes: int) -> Iterator[None]:
        """Reserve ``wanted_bytes`` for the duration of the block, once they are free.

        A request larger than the room gets all of it, and so runs alone.
        """
        held = min(wanted_bytes, self._most)
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                # In order of arrival, or small pictures could keep a large one waiting for ever.
                self._changed.wait_for(
                    lambda: self._waiting[0] is ticket and self._taken + held <= self._most
                )
                self._taken += held
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._taken -= held
                self._changed.notify_all()
