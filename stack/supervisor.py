"""Starts processes, restarts them when they die, and stops them in order; used by ``limner up``.

Each process leads a process group of its own, so that Ctrl-C on the terminal reaches only us, and no
children of a process are left behind. If we are killed with -9 ourselves, a watchdog
(``stack/watchdog.py``) ends the groups. Everything happens in the caller's thread, in ``look``,
``stop`` and ``kill``; threads only copy output.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from limner.log import event
from stack import watchdog

log = logging.getLogger(__name__)

LOOK_S = 0.1
RESTART_MAX_S = 30.0
#: a process that lived this long is healthy: its backoff starts over
HEALTHY_S = 60.0


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


@dataclass(slots=True)
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    reader: threading.Thread | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    failures: int = 0

    @property
    def group(self) -> int | None:
        return self.process.pid if self.process else None


@dataclass(slots=True)
class Supervisor:
    """Keeps programs running until told to stop. ``say(name, line)`` receives their output."""

    say: Callable[[str, str], None]
    first_restart_s: float = 1.0
    #: set by SIGINT, SIGTERM and SIGHUP within ``signals``
    stopping: bool = False
    #: the processes that have died so far, with their exit codes, in order
    deaths: list[tuple[str, int]] = field(default_factory=list)
    _children: dict[str, _Child] = field(default_factory=dict)
    _watchdog: subprocess.Popen[bytes] | None = None

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Within this block the first signal asks to stop, and the second kills every process.

        After the second, ``stop`` has nothing left to wait for. A third ends us at once.
        """
        asked = 0

        def ask(number: int, frame: FrameType | None) -> None:
            nonlocal asked
            asked += 1
            self.stopping = True
            if asked > 1:
                self.kill()
            if asked > 2:
                os._exit(128 + number)

        # What `nohup` ignores stays ignored: we continue without the terminal.
        numbers = [
            number
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
        ]
        before = [signal.signal(number, ask) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def start(self, program: Program) -> None:
        """Start ``program`` and keep it running from now on."""
        child = self._children[program.name] = _Child(program)
        self._spawn(child)

    def pids(self) -> dict[str, int]:
        """Return the process ids of the running programs, by name."""
        return {name: c.process.pid for name, c in self._children.items() if c.process}

    def look(self) -> None:
        """Notice processes that died, and restart those whose backoff is over."""
        now = time.monotonic()
        for child in self._children.values():
            if child.process and (code := child.process.poll()) is not None:
                self._bury(child)
                if now - child.started_at >= HEALTHY_S:
                    child.failures = 0
                delay_s = min(self.first_restart_s * 2.0**child.failures, RESTART_MAX_S)
                child.failures += 1
                child.start_at = now + delay_s
                self.deaths.append((child.program.name, code))
                event(
                    log,
                    "process.died",
                    level=logging.WARNING,
                    process=child.program.name,
                    exit=describe_exit(code),
                    restart_in_s=delay_s,
                )
            elif not child.process and now >= child.start_at:
                try:
                    self._spawn(child)
                    event(log, "process.restarted", process=child.program.name)
                except OSError as error:  # no memory or no descriptors: try again later
                    child.start_at = now + RESTART_MAX_S
                    event(
                        log,
                        "process.not_restarted",
                        level=logging.ERROR,
                        process=child.program.name,
                        why=error.strerror,
                        again_in_s=RESTART_MAX_S,
                    )
        if self._watchdog and self._watchdog.poll() is not None:
            self._close_watchdog()
            self._tell_watchdog(*(f"+{c.group}" for c in self._children.values() if c.group))

    def run(self) -> None:
        """Keep the programs running until a signal asks to stop."""
        while not self.stopping:
            self.look()
            time.sleep(LOOK_S)

    def stop(self) -> None:
        """Stop everything, stage by stage: SIGTERM, grace period, SIGKILL to the group."""
        for stage in sorted({child.program.stage for child in self._children.values()}):
            children = [c for c in self._children.values() if c.program.stage == stage]
            for child in children:
                if child.process:
                    with contextlib.suppress(ProcessLookupError):
                        child.process.send_signal(signal.SIGTERM)
            asked_at = time.monotonic()
            for child in children:
                if not child.process:
                    continue
                left_s = max(0.0, asked_at + child.program.grace_s - time.monotonic())
                try:
                    child.process.wait(left_s)
                except subprocess.TimeoutExpired:
                    event(
                        log,
                        "process.killed",
                        level=logging.WARNING,
                        process=child.program.name,
                        after_s=child.program.grace_s,
                    )
                self._bury(child)
        self._children.clear()
        self._close_watchdog()

    def kill(self) -> None:
        """Kill every group at once. Safe in a signal handler."""
        for child in self._children.values():
            if child.group:
                _kill_group(child.group)

    def _spawn(self, child: _Child) -> None:
        program = child.program
        child.process = subprocess.Popen(
            list(program.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=program.environment,
            cwd=program.folder,
            pass_fds=program.inherits,
            start_new_session=True,
        )
        self._tell_watchdog(f"+{child.process.pid}")
        child.started_at = time.monotonic()
        child.reader = threading.Thread(
            target=self._copy, args=(child.process, program.name), daemon=True
        )
        child.reader.start()

    def _copy(self, process: subprocess.Popen[bytes], name: str) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self.say(name, line.decode(errors="replace").rstrip())

    def _bury(self, child: _Child) -> None:
        """Kill what is left of the group, and wait for the process and its last lines."""
        assert child.process is not None
        _kill_group(child.process.pid)
        child.process.wait()
        if child.reader:
            child.reader.join(2)
        self._tell_watchdog(f"-{child.process.pid}")
        child.process = None

    def _tell_watchdog(self, *lines: str) -> None:
        if self._watchdog is None:
            # Isolated and without site-packages: it needs a few modules of the standard library.
            self._watchdog = subprocess.Popen(
                [sys.executable, "-ISs", watchdog.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        assert self._watchdog.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died: ``look`` starts another
            self._watchdog.stdin.write("".join(f"{line}\n" for line in lines).encode())
            self._watchdog.stdin.flush()

    def _close_watchdog(self) -> None:
        if self._watchdog and self._watchdog.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.stdin.close()
            self._watchdog.wait()
            self._watchdog = None


def _kill_group(group: int) -> None:
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
