"""The drawing process: takes orders from the workers of a machine, and replies with progress and pictures.

``process.py`` starts it as ``python -m engines.diffusers.child <listening descriptor> <folder> <key>``,
with the configuration on its standard input. It ends when no worker has been connected for a while, and
after a long time without work, which frees its memory. Drawings take turns: a GPU that draws two at once
draws both more slowly.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engines.diffusers.config import PipelineConfig
from engines.diffusers.counter import Counter, Ticket
from engines.diffusers.meeting import LockHeld, MeetingPoint

#: without a GPU, use only the CPU time that the gateway leaves over
NICENESS = 5
#: what libraries write may not fill the disk
LOG_MAX_BYTES = 1 << 20
#: how long to wait for work before looking who is there
LOOK_S = 0.25


def main(descriptor: int, point: MeetingPoint) -> None:
    """Draw orders until nobody is there, or until there has been no work for a long time."""
    # Ctrl-C is for workers; they decide what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    config = PipelineConfig.from_json(json.load(sys.stdin))
    counter = Counter(socket.socket(fileno=descriptor), config.linger_s, config.idle_s)
    serve(Desk(config), counter, lambda: _left(counter, point))


def serve(desk: Desk, counter: Counter, left: Callable[[], bool]) -> None:
    """Draw what is handed in at the counter, until ``left`` says that it is closed."""
    while True:
        ticket = counter.next(LOOK_S)
        if ticket:
            _shorten(sys.stderr.fileno() if desk.alone else None)
            desk.draw(ticket)
            counter.over(ticket)
        elif counter.unused() and left():
            return


def _left(counter: Counter, point: MeetingPoint) -> bool:
    """Leave, unless somebody comes or is just starting a process."""
    try:
        with point.locked(0.0):
            if not counter.close():
                return False
            point.leave()
            return True
    except LockHeld:
        return False


class Desk:
    """Draws one order after the other, and reports the results."""

    def __init__(self, config: PipelineConfig, *, alone: bool = True) -> None:
        """``alone``: it has a process of its own, with a log of its own."""
        self.alone = alone
        self._config = config
        self._painter: Any = None

    def draw(self, ticket: Ticket) -> None:
        """Draw one order; a failure is a reply too, which the worker interprets."""
        if ticket.left():
            return
        ticket.tell("taken")
        try:
            if self._painter is None:
                from engines.diffusers.painter import Painter

                self._painter = Painter(self._config)
            if "described" in ticket.order:
                prompts = self._painter.describe(ticket.order, ticket.tell, ticket.left)
                ticket.tell("finished", prompts=prompts)
            else:
                ticket.tell("finished", *self._painter.draw(ticket.order, ticket.tell, ticket.left))
        except ImportError as error:
            ticket.tell(
                "failed", kind="setup", why=f"torch or diffusers cannot be imported: {error}"
            )
        # No single picture may end the process.
        except Exception as error:  # noqa: BLE001
            ticket.tell("failed", kind=getattr(error, "kind", "failed"), why=_place(error))


def _place(error: Exception) -> str:
    """Return what failed and where; a foreign message may contain the prompt, so only ours are passed on."""
    if hasattr(error, "kind"):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {os.path.basename(last.filename)}:{last.lineno}"


def _shorten(log: int | None) -> None:
    if log is not None and os.fstat(log).st_size > LOG_MAX_BYTES:
        with contextlib.suppress(OSError):
            os.ftruncate(log, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), MeetingPoint(Path(sys.argv[2]), sys.argv[3]))
    # Torch's own threads would take their time.
    os._exit(0)
