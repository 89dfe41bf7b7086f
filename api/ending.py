"""Whether this process is about to end, and what then has to know; ``api/server/worker.py`` says when."""

from __future__ import annotations

from collections.abc import Callable


class Ending:
    """The steps of an end: first ``/readyz`` says so, then nothing new is accepted, then all is answered."""

    def __init__(self) -> None:
        #: how long load balancers have to notice, seconds
        self.drain_s = 0.0
        #: whether it has begun
        self.begun = False
        self._at_last: list[Callable[[], None]] = []
        #: called once every request is answered
        self.leave: Callable[[], None] = lambda: None

    def call(self, function: Callable[[], None]) -> None:
        """Have ``function`` called once nothing new is accepted."""
        self._at_last.append(function)

    def begin(self) -> None:
        """Say that this process will end."""
        self.begun = True

    def finish(self) -> None:
        """Release everything that waits."""
        for function in self._at_last:
            function()


#: of this process; the server and the application are made apart
ENDING = Ending()
