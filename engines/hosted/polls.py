"""How often one process polls a host: each request not too often, all of them together neither."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Polls:
    """The polls of one engine in one process."""

    def __init__(self, poll_s: float, most_a_second: float) -> None:
        self._poll_s, self._most = poll_s, most_a_second
        self._lock = threading.Lock()
        self._under_way = 0

    @contextlib.contextmanager
    def counted(self, requests: int) -> Iterator[None]:
        """Count the requests of a drawing while the block runs."""
        with self._lock:
            self._under_way += requests
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= requests

    def pause_s(self, asked_s: float = 0.0) -> float:
        """Return how long to wait before the next round; ``asked_s``: as long as the host asked for."""
        return max(self._poll_s, self._under_way / self._most, asked_s)
