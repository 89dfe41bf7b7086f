"""Room in memory for what is unpacked: whoever would take more than is left waits for its turn.

Used by ``limner.decoding``. Bounding each picture is not enough: a process decodes for as many jobs
as it has threads.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Room:
    """So many bytes for all threads of a process; who came first is served first."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._taken = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def take(self, wanted_bytes: int) -> Iterator[None]:
        """Hold ``wanted_bytes`` for the length of the block, once they are free.

        What is larger than the room gets all of it, and so is alone.
        """
        held = min(wanted_bytes, self._most)
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                # In order of arrival, or large pictures would wait for ever behind small ones.
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
