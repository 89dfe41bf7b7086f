"""One process that ``stack.supervisor`` runs: started, listened to, and buried with its whole group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stack.readiness import VARIABLE


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    #: programs of a lower stage are stopped together, before those of a higher one
    stage: int = 0
    #: seconds between SIGTERM and SIGKILL
    grace_s: float = 10.0
    environment: Mapping[str, str] | None = None
    folder: Path | None = None
    #: file descriptors that it inherits
    inherits: tuple[int, ...] = ()
    #: whether it tells when it is ready (``stack/readiness.py``)
    tells: bool = False


@dataclass(slots=True)
class Supervised:
    """A program and the process that runs it, if it lives."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    reader: threading.Thread | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    failures: int = 0
    #: for one that leaves: when it is told to hurry, and when it is killed
    hurried_at: float = float("inf")
    killed_at: float = float("inf")
    _ready: int | None = None
    _is_ready: bool = False

    @property
    def group(self) -> int | None:
        """The id of its process group."""
        return self.process.pid if self.process else None

    def spawn(self, say: Callable[[str, str], None]) -> None:
        """Start a process; ``say(name, line)`` receives its output, in a thread.

        Raises:
            OSError: there is no memory, or no descriptor.
        """
        program, environment, inherits = (
            self.program,
            self.program.environment,
            self.program.inherits,
        )
        self._forget_readiness()
        told: int | None = None
        if program.tells:
            self._ready, told = os.pipe()
            os.set_blocking(self._ready, False)
            environment = {
                **(os.environ if environment is None else environment),
                VARIABLE: str(told),
            }
            inherits = (*inherits, told)
        try:
            self.process = subprocess.Popen(
                list(program.command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=program.folder,
                pass_fds=inherits,
                start_new_session=True,
            )
        finally:
            if told is not None:
                os.close(told)
        self.started_at = time.monotonic()
        self.reader = threading.Thread(
            target=_copy, args=(self.process, program.name, say), daemon=True
        )
        self.reader.start()

    def is_ready(self) -> bool:
        """Return whether the process has said so; one that does not tell is ready when it runs."""
        if not self.program.tells:
            return self.process is not None
        if self._ready is not None:
            with contextlib.suppress(BlockingIOError):
                self._is_ready = os.read(self._ready, 1) != b""
                # Its last word, or its end.
                os.close(self._ready)
                self._ready = None
        return self._is_ready and self.process is not None

    def send(self, number: int) -> None:
        """Send a signal to the process, if it lives."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    def bury(self) -> int:
        """Kill what is left of the group, wait for the process and its last lines; return the group's id."""
        assert self.process is not None
        group = self.process.pid
        kill_group(group)
        self.process.wait()
        if self.reader:
            self.reader.join(2)
        self.process = None
        self._forget_readiness()
        return group

    def _forget_readiness(self) -> None:
        if self._ready is not None:
            os.close(self._ready)
        self._ready, self._is_ready = None, False


def _copy(process: subprocess.Popen[bytes], name: str, say: Callable[[str, str], None]) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            say(name, line.decode(errors="replace").rstrip())


def kill_group(group: int) -> None:
    """Kill a process group; one that is gone needs nothing."""
    # PermissionError: on macOS, a group with only zombies left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def describe_exit(code: int) -> str:
    """Return an exit code in readable form: ``1``, or ``SIGKILL`` for -9."""
    if code >= 0:
        return str(code)
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
