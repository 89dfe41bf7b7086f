"""The painting processes: started on first use, shared by all drawings, replaced when they die.

Used by ``engine.py``. A child is a plain ``subprocess`` that exchanges frames over its pipes, because
``multiprocessing`` trips over Celery's ``__main__`` and its patched process classes. A child exits by
itself when its pipe closes, so that a worker killed with -9 leaves none behind.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from engines.sketch import wire
from limner.errors import EngineDown

_ROOT = Path(__file__).resolve().parents[2]


class ChildDied(Exception):
    """A painting process ended before it replied."""


class Child:
    """One painting process and the two pipes to it. Used by one thread at a time."""

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        # BLAS would start a thread per core that the painter never uses
        environment = os.environ | {
            "PYTHONPATH": path,
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "engines.sketch.child", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                bufsize=0,
            )
        except OSError as error:
            raise EngineDown("A painting process cannot be started.") from error

    @property
    def pid(self) -> int:
        """Return the process id, for tests and logs."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Return whether the process still runs."""
        return self._process.poll() is None

    def fileno(self) -> int:
        """Return the descriptor that ``select`` waits on for this child's reply."""
        assert self._process.stdout
        return self._process.stdout.fileno()

    def send(self, header: dict[str, Any]) -> None:
        """Send one frame; the reply comes later.

        Raises:
            ChildDied: the process ended.
        """
        assert self._process.stdin
        try:
            self._process.stdin.write(wire.pack(header))
        except (OSError, ValueError) as error:
            raise ChildDied from error

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """Read the reply, which must have begun to arrive.

        Raises:
            ChildDied: the process ended first.
        """

        def read(count: int) -> bytes:
            parts = bytearray()
            while len(parts) < count:
                part = os.read(self.fileno(), count - len(parts))
                if not part:
                    raise EOFError
                parts += part
            return bytes(parts)

        try:
            return wire.unpack(read)
        except (EOFError, OSError, ValueError) as error:
            raise ChildDied from error

    def kill(self) -> None:
        """End the process at once and reap it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()
        self._process.wait()


class Children:
    """A limited number of painting processes, each lent to one thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = threading.Condition()
        self._idle: list[Child] = []
        self._lent: set[Child] = set()
        #: tickets waiting for a child, first come, first served
        self._waiting: list[object] = []
        self._closed = False

    def queue_position(self, ticket: object) -> int:
        """Return the position of ``ticket`` in the queue; 0 if it does not wait."""
        with self._changed:
            return self._waiting.index(ticket) + 1 if ticket in self._waiting else 0

    def join(self) -> object:
        """Join the queue for a child; pass what this returns to ``lend``."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
        return ticket

    def leave(self, ticket: object) -> None:
        """Leave the queue, whether or not a child was lent."""
        with self._changed, contextlib.suppress(ValueError):
            self._waiting.remove(ticket)
            self._changed.notify_all()

    def lend(self, ticket: object, wait_s: float) -> Child | None:
        """Lend a child to the holder of ``ticket`` once it is first in the queue; None after ``wait_s``."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._may_have(ticket), wait_s):
                return None
            self._waiting.remove(ticket)
            return self._take()

    def lend_spare(self) -> Child | None:
        """Lend a second child to a drawing that has one, if nobody else waits for it."""
        with self._changed:
            if self._closed or self._waiting or len(self._lent) >= self._most:
                return None
            return self._take()

    def give_back(self, child: Child, *, useful: bool) -> None:
        """Take a child back; a useless one is killed, and replaced when next needed."""
        with self._changed:
            self._lent.discard(child)
            if useful and not self._closed and child.alive:
                self._idle.append(child)
            else:
                child.kill()
            self._changed.notify_all()

    def replace(self, child: Child) -> Child:
        """Lend a new child for a dead one, without waiting in the queue."""
        with self._changed:
            self._lent.discard(child)
            child.kill()
            if self._closed:
                raise EngineDown("The engine is closed.")
            return self._take()

    def close(self) -> None:
        """Kill every child; reads from a lent one then fail."""
        with self._changed:
            self._closed = True
            for child in (*self._idle, *self._lent):
                child.kill()
            self._idle.clear()
            self._changed.notify_all()

    def _may_have(self, ticket: object) -> bool:
        if self._closed:
            raise EngineDown("The engine is closed.")
        return self._waiting[:1] == [ticket] and len(self._lent) < self._most

    def _take(self) -> Child:
        child = None
        while self._idle and child is None:
            idle = self._idle.pop()
            if idle.alive:
                child = idle
            else:
                idle.kill()
        child = child or Child()
        self._lent.add(child)
        return child
