"""The engine's side of the drawing process: started on first use, replaced when it dies.

Torch computes in a process of its own, because it blocks the interpreter for seconds and needs
gigabytes that an idle gateway should not hold. It is a plain ``subprocess``, because
``multiprocessing`` trips over Celery's ``__main__`` and its patched process classes; only the standard
library's ``Connection`` is used, for its framing. Used by ``engine``, one drawing at a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engines.diffusers.config import PipelineConfig
from limner.errors import EngineDown

_ROOT = Path(__file__).resolve().parents[2]


class ProcessDied(Exception):
    """The drawing process ended before it replied."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message between the two ends: JSON, then pictures."""

    header: dict[str, Any]
    parts: tuple[bytes, ...] = ()


def send(pipe: Connection, header: Mapping[str, Any], parts: Sequence[bytes] = ()) -> None:
    """Send one message."""
    pipe.send_bytes(json.dumps({"parts": len(parts), **header}).encode())
    for part in parts:
        pipe.send_bytes(part)


def receive(pipe: Connection) -> Message:
    """Read one message.

    Raises:
        EOFError: the other end is gone.
    """
    header: dict[str, Any] = json.loads(pipe.recv_bytes())
    return Message(header, tuple(pipe.recv_bytes() for _ in range(header.pop("parts"))))


class PainterProcess:
    """One drawing process and the pipe to it."""

    def __init__(self, config: PipelineConfig) -> None:
        ours, theirs = socket.socketpair()
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        environment = os.environ | {"PYTHONPATH": path, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        if config.offline:
            environment |= {"HF_HUB_OFFLINE": "1"}
        module = "engines.diffusers.child"
        arguments = [str(os.getpid()), str(theirs.fileno())]
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", module, *arguments],
                    stdin=subprocess.DEVNULL,
                    env=environment,
                    pass_fds=[theirs.fileno()],
                )
            except OSError as error:
                ours.close()
                raise EngineDown("The drawing process cannot be started.") from error
        self._pipe = Connection(ours.detach())
        self._numbers = 0
        self._sending = threading.Lock()
        with contextlib.suppress(OSError):
            send(self._pipe, {"config": config.to_json()})

    @property
    def alive(self) -> bool:
        """Return whether the process still runs."""
        return self._process.poll() is None

    def draw(self, order: Mapping[str, Any]) -> int:
        """Send an order and return its number, which every message about it carries.

        Raises:
            ProcessDied: the process ended.
        """
        self._numbers += 1
        self._send({"draw": self._numbers, "order": order})
        return self._numbers

    def stop(self, number: int) -> None:
        """Tell the process to abandon an order; it does so at the next step."""
        with contextlib.suppress(ProcessDied):
            self._send({"stop": number})

    def hear(self, number: int, wait_s: float) -> Message | None:
        """Return the next message about an order, or None if none comes in time.

        Raises:
            ProcessDied: the process ended.
        """
        try:
            if not self._pipe.poll(wait_s):
                return None
            message = receive(self._pipe)
        except (EOFError, OSError, ValueError) as error:
            # Its pipe closes a moment before the process is gone.
            self.kill()
            raise ProcessDied from error
        # A late message about an abandoned order is for nobody.
        return message if message.header.get("order") == number else None

    def kill(self) -> None:
        """End the process at once and reap it."""
        self._process.kill()
        self._process.wait()

    def _send(self, header: Mapping[str, Any]) -> None:
        try:
            with self._sending:
                send(self._pipe, header)
        except (OSError, ValueError) as error:
            self.kill()
            raise ProcessDied from error


class Turns:
    """A queue of drawings: first come, first served."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: list[object] = []

    def join(self) -> object:
        """Join the queue; pass what this returns to the other methods."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
        return ticket

    def leave(self, ticket: object) -> None:
        """Leave the queue, or end the turn."""
        with self._changed, contextlib.suppress(ValueError):
            self._queue.remove(ticket)
            self._changed.notify_all()

    def ahead(self, ticket: object, wait_s: float) -> int:
        """Wait a while for the turn; return how many are ahead, 0 once it is this one's turn."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue[0] is ticket, wait_s)
            return self._queue.index(ticket)
