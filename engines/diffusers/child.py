"""The drawing process: reads orders from its pipe, replies with progress and pictures.

``process.py`` starts it as ``python -m engines.diffusers.child <parent's pid> <file descriptor>``. It
exits when the pipe closes or its parent changes, even in the middle of a step: a thread watches both.
It also exits after a long time without work, which frees its memory.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any

from engines.diffusers.config import PipelineConfig
from engines.diffusers.process import receive, send

#: how often to check for the parent, in case a forked copy of it keeps the pipe open
LOOK_S = 1.0

#: without a GPU, use only the CPU time that the gateway leaves over
NICENESS = 5


class PipeListener:
    """The thread that reads the pipe, and ends the process when it closes."""

    def __init__(self, parent: int, pipe: Connection) -> None:
        self._parent = parent
        self._pipe = pipe
        self.said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.left: set[int] = set()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            while True:
                while not self._pipe.poll(LOOK_S):
                    if os.getppid() != self._parent:
                        return
                header = receive(self._pipe).header
                if "stop" in header:
                    self.left.add(header["stop"])
                else:
                    self.said.put(header)
        except (EOFError, OSError, ValueError):
            return
        finally:
            os._exit(0)


def main(parent: int, descriptor: int) -> None:
    """Draw orders until the parent is gone, or until there has been no work for a long time."""
    # Ctrl-C reaches the whole process group; only the parent decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    pipe = Connection(descriptor)
    listener = PipeListener(parent, pipe)
    config = PipelineConfig.from_json(listener.said.get()["config"])
    desk = Desk(config, pipe, listener)
    while True:
        try:
            said = listener.said.get(timeout=config.idle_s or None)
        except queue.Empty:
            os._exit(0)
        try:
            desk.draw(said["draw"], said["order"])
        except OSError:
            # nobody is listening any more
            os._exit(0)


class Desk:
    """Draws one order after the other, and reports the results."""

    def __init__(self, config: PipelineConfig, pipe: Connection, listener: PipeListener) -> None:
        self._config = config
        self._pipe = pipe
        self._listener = listener
        self._painter: Any = None

    def draw(self, number: int, values: dict[str, Any]) -> None:
        """Draw one order; a failure is a reply too, which the parent interprets."""

        def tell(event: str, *parts: bytes, **more: Any) -> None:
            send(self._pipe, {"order": number, "event": event, **more}, parts)

        def ends() -> bool:
            return number in self._listener.left

        if ends():
            return
        tell("taken")
        try:
            if self._painter is None:
                from engines.diffusers.painter import Painter

                self._painter = Painter(self._config)
            if "described" in values:
                tell("finished", prompts=self._painter.describe(values, tell, ends))
            else:
                tell("finished", *self._painter.draw(values, tell, ends))
        except OSError:
            raise
        except ImportError as error:
            tell("failed", kind="setup", why=f"torch or diffusers cannot be imported: {error}")
        # No single picture may end the process.
        except Exception as error:  # noqa: BLE001
            tell("failed", kind=getattr(error, "kind", "failed"), why=_place(error))


def _place(error: Exception) -> str:
    """Return what failed and where; a foreign message may contain the prompt, so only ours are passed on."""
    if hasattr(error, "kind"):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {os.path.basename(last.filename)}:{last.lineno}"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
