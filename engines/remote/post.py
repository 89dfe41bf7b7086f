"""A request that takes as long as a drawing, in a thread of its own; used by the drivers."""

from __future__ import annotations

import math
import threading
from contextvars import copy_context

from engines.remote.session import Answer, Remote
from net.cut import Cut

HANG_UP_S = 0.5


class Post:
    """One such request: ``over`` is set at its end, then there is an answer or an error."""

    def __init__(
        self,
        remote: Remote,
        path: str,
        body: dict[str, object],
        most_bytes: int,
        *,
        method: str = "POST",
    ) -> None:
        self._most_bytes = most_bytes
        self._remote, self._method, self._path, self._body = remote, method, path, body
        self._cut = Cut()
        self.answer: Answer | None = None
        self.error: Exception | None = None
        self.over = threading.Event()
        # The job that the thread works for is known by its context.
        run = copy_context().run
        self._thread = threading.Thread(target=run, args=(self._run,), name="drawing", daemon=True)
        self._thread.start()

    def hang_up(self) -> None:
        """Close the connection if it is still open, and wait for the thread to notice."""
        if not self.over.is_set():
            self._cut()
            self._thread.join(HANG_UP_S)

    def _run(self) -> None:
        try:
            self.answer = self._remote.request(
                self._method,
                self._path,
                json=self._body,
                read_s=math.inf,
                cut=self._cut,
                most_bytes=self._most_bytes,
            )
        # Whatever it is, the thread that waits raises it.
        except Exception as error:  # noqa: BLE001
            self.error = error
        finally:
            self.over.set()
