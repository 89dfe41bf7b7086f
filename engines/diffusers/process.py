"""A worker's end of the drawing process, which all workers of a machine share; the first one starts it.

Torch computes in a process of its own, because it blocks the interpreter for seconds and needs gigabytes
that an idle gateway should not hold; and in one for all lanes, because a model should lie on a GPU once. It
is no child of any worker's: it goes on when one is killed, and ends when none is left. It is a plain
``subprocess``, because ``multiprocessing`` trips over Celery's ``__main__`` and its patched process classes.
Used by ``engine``.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engines.diffusers.config import PipelineConfig
from engines.diffusers.meeting import LockHeld, MeetingPoint, meeting_point
from engines.diffusers.wire import Message, connection_over, receive, send
from limner.errors import EngineDown

_ROOT = Path(__file__).resolve().parents[2]
#: how long the other end may keep us in the middle of a message
PEER_S = 20.0
#: the processes that this one has started; nobody waits for them, since they may outlive it
_STARTED: list[subprocess.Popen[bytes]] = []


class ProcessDied(Exception):
    """The drawing process ended before it replied."""


class Conversation:
    """One order, and what is said about it; closing it abandons the order."""

    def __init__(self, line: socket.socket) -> None:
        self._pipe: Connection = connection_over(line, PEER_S)

    def say(self, header: Mapping[str, Any]) -> None:
        """Send a message.

        Raises:
            ProcessDied: the process ended.
        """
        try:
            send(self._pipe, header)
        except (OSError, ValueError) as error:
            raise ProcessDied from error

    def hear(self, wait_s: float) -> Message | None:
        """Return the next message, or None if none comes in time.

        Raises:
            ProcessDied: the process ended.
        """
        try:
            return receive(self._pipe) if self._pipe.poll(wait_s) else None
        except (EOFError, OSError, ValueError) as error:
            raise ProcessDied from error

    def close(self) -> None:
        """Hang up."""
        self._pipe.close()


class PainterProcess:
    """The drawing process as one worker sees it."""

    def __init__(self, name: str, config: PipelineConfig) -> None:
        self._name = name
        self._config = config
        self._lock = threading.Lock()
        #: says that this worker lives, between two drawings
        self._presence: Conversation | None = None
        self._closed = False

    def draw(self, order: Mapping[str, Any]) -> Conversation:
        """Hand in an order, to a process that is started if there is none.

        Raises:
            ProcessDied: the process ended.
            EngineDown: it cannot be started.
        """
        point = self._point()
        with self._lock:
            if self._closed:
                raise EngineDown("The engine is closed.")
            self._attend(point)
            conversation = Conversation(self._line(point))
        try:
            conversation.say({"order": order})
        except ProcessDied:
            conversation.close()
            raise
        return conversation

    def kill(self) -> None:
        """End the process at once, for all workers: it hangs."""
        point = self._point()
        with self._locked(point), contextlib.suppress(ProcessLookupError, PermissionError):
            if pid := point.listener():
                os.kill(pid, signal.SIGKILL)
        _reap()

    def close(self) -> None:
        """Leave the process to those who still use it."""
        with self._lock:
            self._closed = True
            if self._presence:
                self._presence.close()

    def _point(self) -> MeetingPoint:
        return meeting_point(self._name, self._config)

    def _attend(self, point: MeetingPoint) -> None:
        """Be there, also while nothing is drawn."""
        if self._presence:
            try:
                # It is only ever greeted.
                while self._presence.hear(0):
                    pass
            except ProcessDied:
                self._presence.close()
                self._presence = None
        if not self._presence:
            self._presence = Conversation(self._line(point))

    def _line(self, point: MeetingPoint) -> socket.socket:
        # Nobody leaves while we hold the lock.
        with self._locked(point):
            line = point.call()
            if line is None:
                self._start(point)
                line = point.call()
        if line is None:
            raise ProcessDied
        return line

    def _start(self, point: MeetingPoint) -> None:
        _reap()
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        environment = os.environ | {"PYTHONPATH": path, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        if self._config.offline:
            environment |= {"HF_HUB_OFFLINE": "1"}
        config = json.dumps(self._config.to_json()).encode()
        try:
            # Not the worker's own output, which would not end with the worker.
            with point.listen() as listener, point.log.open("ab") as log:
                log.truncate(0)
                arguments = [str(listener.fileno()), str(point.socket.parent), point.key]
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "engines.diffusers.child", *arguments],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    pass_fds=[listener.fileno()],
                    start_new_session=True,
                )
            point.note(process.pid)
            _STARTED.append(process)
            with process.stdin as stdin:  # type: ignore[union-attr]
                stdin.write(config)
        except OSError as error:
            raise EngineDown("The drawing process cannot be started.") from error

    @staticmethod
    @contextlib.contextmanager
    def _locked(point: MeetingPoint) -> Any:
        try:
            with point.locked():
                yield
        except LockHeld:
            raise EngineDown("The drawing process is being started or stopped.") from None


def _reap() -> None:
    """Let go of the processes that this one has started and that have ended."""
    _STARTED[:] = [process for process in _STARTED if process.poll() is None]
