"""Starts processes, restarts them when they die, and stops them in order; used by ``limner up``.

Each process leads a process group of its own, so that Ctrl-C on the terminal reaches only us, and no
children of a process are left behind. If we are killed with -9 ourselves, a watchdog
(``stack/watchdog.py``) ends the groups. Everything happens in the caller's thread, in ``look``,
``stop`` and ``kill``; threads only copy output.

A running process can be succeeded: the next one is started beside it, and takes its place once it is ready.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import FrameType

from limner.log import event
from stack import watchdog
from stack.supervised import Program, Supervised, describe_exit, kill_group

__all__ = ["Program", "Supervisor", "describe_exit"]

log = logging.getLogger(__name__)

LOOK_S = 0.1
RESTART_MAX_S = 30.0
#: a process that lived this long is healthy: its backoff starts over
HEALTHY_S = 60.0
#: how many former processes of one name may finish what they have begun; older ones hand it over
FORMER_MOST = 3


@dataclass(slots=True)
class Supervisor:
    """Keeps programs running until told to stop. ``say(name, line)`` receives their output."""

    say: Callable[[str, str], None]
    first_restart_s: float = 1.0
    #: whether SIGHUP asks to reload; otherwise it asks to stop
    hangup_reloads: bool = False
    #: set by SIGINT, SIGTERM and SIGHUP within ``signals``
    stopping: bool = False
    #: set by SIGHUP within ``signals``, if that is what it means
    reload_asked: bool = False
    #: the processes that have died so far, with their exit codes, in order
    deaths: list[tuple[str, int]] = field(default_factory=list)
    _children: dict[str, Supervised] = field(default_factory=dict)
    #: those that are to succeed the children of their names
    _heirs: dict[str, Supervised] = field(default_factory=dict)
    #: those that were succeeded, and finish what they have begun
    _leaving: list[Supervised] = field(default_factory=list)
    _watchdog: subprocess.Popen[bytes] | None = None

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Within this block the first signal asks to stop, and the second kills every process.

        After the second, ``stop`` has nothing left to wait for. A third ends us at once.
        """
        asked = 0

        def ask(number: int, frame: FrameType | None) -> None:
            nonlocal asked
            if number == signal.SIGHUP and self.hangup_reloads:
                self.reload_asked = True
                return
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
        child = self._children[program.name] = Supervised(program)
        self._spawn(child)

    def pids(self) -> dict[str, int]:
        """Return the process ids of the running programs, by name."""
        return {name: c.process.pid for name, c in self._children.items() if c.process}

    def ready(self, names: Iterable[str]) -> bool:
        """Return whether these programs are ready."""
        return all(self._children[name].is_ready() for name in names)

    # -- succession ---------------------------------------------------------------------------

    def start_heir(self, program: Program) -> None:
        """Start ``program`` beside the one of its name, which goes on; nobody restarts it yet."""
        heir = self._heirs[program.name] = Supervised(program)
        self._spawn(heir)

    def heirs_ready(self) -> bool:
        """Return whether every heir is ready."""
        return all(heir.is_ready() for heir in self._heirs.values())

    def dead_heir(self) -> tuple[str, int] | None:
        """Return the name and the exit code of an heir that has ended, if there is one."""
        for name, heir in self._heirs.items():
            if heir.process and (code := heir.process.poll()) is not None:
                return name, code
        return None

    def succeed(self, name: str, number: int, patience_s: float) -> None:
        """Put an heir in place, and send the former one ``number``, which asks it to finish what it has begun.

        After ``patience_s`` it gets SIGTERM, and is killed after its grace period.
        """
        former = self._children[name]
        former.hurried_at = time.monotonic() + patience_s
        if former.process:
            self._leaving.append(former)
        self._children[name] = self._heirs[name]
        del self._heirs[name]
        namesakes = [child for child in self._leaving if child.program.name == name]
        for older in namesakes[:-FORMER_MOST]:
            self._hurry(older, time.monotonic())
        former.send(number)

    def disinherit(self) -> None:
        """End every heir: those that are in place go on."""
        self._end(list(self._heirs.values()))
        self._heirs.clear()

    def restart(self, program: Program) -> None:
        """Stop the program of that name, and then start this one: they cannot run side by side."""
        if program.name in self._children:
            self._end([self._children[program.name]])
        self._children[program.name] = Supervised(program)
        self.look()

    def leaving(self) -> tuple[str, ...]:
        """Return the names of the former programs that finish what they have begun."""
        return tuple(child.program.name for child in self._leaving)

    # -- watching -----------------------------------------------------------------------------

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
        self._look_after_leaving(now)
        if self._watchdog and self._watchdog.poll() is not None:
            self._close_watchdog()
            self._tell_watchdog(*(f"+{c.group}" for c in self._all() if c.group))

    def run(self, between: Callable[[], None] = lambda: None) -> None:
        """Keep the programs running until a signal asks to stop; call ``between()`` after each look."""
        while not self.stopping:
            self.look()
            between()
            time.sleep(LOOK_S)

    def stop(self) -> None:
        """Stop everything, stage by stage: SIGTERM, grace period, SIGKILL to the group."""
        for stage in sorted({child.program.stage for child in self._all()}):
            self._end([child for child in self._all() if child.program.stage == stage])
        self._children.clear()
        self._heirs.clear()
        self._leaving.clear()
        self._close_watchdog()

    def kill(self) -> None:
        """Kill every group at once. Safe in a signal handler."""
        for child in self._all():
            if child.group:
                kill_group(child.group)

    def _all(self) -> list[Supervised]:
        return [*self._children.values(), *self._heirs.values(), *self._leaving]

    def _look_after_leaving(self, now: float) -> None:
        for child in list(self._leaving):
            if child.process and child.process.poll() is None:
                if now >= child.killed_at:
                    _tell_of_kill(child)
                    child.send(signal.SIGKILL)
                elif now >= child.hurried_at:
                    self._hurry(child, now)
                continue
            code = child.process.returncode if child.process else 0
            if child.process:
                self._bury(child)
            self._leaving.remove(child)
            event(log, "process.left", process=child.program.name, exit=describe_exit(code))

    def _hurry(self, child: Supervised, now: float) -> None:
        """Have a process that leaves hand over what it has not finished."""
        if child.killed_at == float("inf"):
            child.hurried_at, child.killed_at = float("inf"), now + child.program.grace_s
            child.send(signal.SIGTERM)

    def _end(self, children: list[Supervised]) -> None:
        """SIGTERM, grace period, SIGKILL to the group."""
        for child in children:
            child.send(signal.SIGTERM)
        asked_at = time.monotonic()
        for child in children:
            if not child.process:
                continue
            left_s = max(0.0, asked_at + child.program.grace_s - time.monotonic())
            try:
                child.process.wait(left_s)
            except subprocess.TimeoutExpired:
                _tell_of_kill(child)
            self._bury(child)

    def _spawn(self, child: Supervised) -> None:
        child.spawn(self.say)
        self._tell_watchdog(f"+{child.group}")

    def _bury(self, child: Supervised) -> None:
        self._tell_watchdog(f"-{child.bury()}")

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


def _tell_of_kill(child: Supervised) -> None:
    event(
        log,
        "process.killed",
        level=logging.WARNING,
        process=child.program.name,
        after_s=child.program.grace_s,
    )
