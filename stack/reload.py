"""Reload: put processes with new settings in the place of those that run, and drop nothing.

``limner up`` asks ``Reload.look`` whether somebody wants that: SIGHUP, or a command at the socket in the data
folder. The new settings are checked first, by a process of its own that builds every engine. Then the API and the
workers are started beside those that run, and only once all of them are ready do they take their places: the
former API finishes its requests on the same socket, the former workers finish their drawings, and the former
poster its POSTs. Beat and Flower follow one after the other. Until that moment a failure changes nothing.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from limner.errors import StoreDown
from limner.log import event
from limner.settings import ENV_PREFIX, Settings
from limner.settings.changes import changes, fixed_changes
from stack import processes
from stack.control import Control, answer
from stack.door import open_door
from stack.lineup import HANDS, WATCHERS, Lineup, read_config
from stack.not_reloaded import NotReloaded, tell_not_reloaded
from stack.own_store import check_own_store
from stack.processes import API_GRACE_S
from stack.stack import Stack, check_flower_port
from stack.supervised import Program, describe_exit, kill_group
from stack.supervisor import LOOK_S

log = logging.getLogger(__name__)

CHECK_S = 60.0
READY_S = 60.0
#: what a drawing may take beyond its limit: to be prepared, and for its pictures to be stored
FINISH_S = 60.0
#: how long an answer waits for former processes that have little or nothing to finish
SETTLE_S = 10.0
#: a refusal tells the last lines of the process that refused, within this
WHY_BYTES = 2_000


class Reload:
    """Reloads a running stack when asked to. ``load()`` reads the settings as at the start."""

    def __init__(self, stack: Stack, load: Callable[[], Settings], control: Control) -> None:
        self._stack = stack
        self._load = load
        self._control = control
        self._former: Lineup | None = None

    def look(self) -> None:
        """Reload if somebody asks for it, and tell how that ended."""
        supervisor = self._stack.supervisor
        link = self._control.asked()
        if link is None and not supervisor.reload_asked:
            return
        supervisor.reload_asked = False
        body = self._tried()
        if link is not None:
            answer(link, body)

    def _tried(self) -> Mapping[str, Any]:
        try:
            changed = self._reload()
        # Nobody's mistake may end `limner up`, and everything that runs with it: not a driver's, and not ours.
        except Exception as error:  # noqa: BLE001
            return {"reloaded": False, "why": tell_not_reloaded(log, error)}
        event(log, "gateway.reloaded", changed="; ".join(changed) or "nothing")
        return {"reloaded": True, "changed": changed, "finishing": self._settled()}

    def _settled(self) -> tuple[str, ...]:
        """Give the former processes a moment to end; return the names of those that have more to finish."""
        supervisor = self._stack.supervisor
        ends = time.monotonic() + SETTLE_S
        while supervisor.leaving() and not supervisor.stopping and time.monotonic() < ends:
            supervisor.look()
            time.sleep(LOOK_S)
        return supervisor.leaving()

    def _reload(self) -> tuple[str, ...]:
        stack = self._stack
        before = stack.lineup
        after = self._read(before)
        with ExitStack() as undo:
            after.keep_config()
            undo.callback(after.drop_config)
            door = stack.door
            assert door is not None
            moved = (before.settings.host, before.settings.port) != (
                after.settings.host,
                after.settings.port,
            )
            if moved:
                door = open_door(after.settings.host, after.settings.port)
                undo.callback(door.close)
            programs = after.programs(door.fileno())
            self._check_flower(before.settings, after)
            self._check_engines(after)
            check_own_store(after.settings, stack.store)
            # Before anything is started: a full memory may be the reason for this reload.
            undo.callback(self._bound_as_before, before.settings)
            stack.bound_memory(after.settings)
            undo.callback(self._withdraw)
            self._start_heirs(programs)
            # From here on nothing can be refused any more.
            undo.pop_all()
        former, stack.door, stack.lineup = stack.door, door, after
        self._take_places(before, programs, moved=moved)
        if moved and former:
            former.close()
        logging.getLogger().setLevel(after.settings.log_level.upper())
        # What leaves may still start a process that reads the copy before this one.
        if self._former:
            self._former.drop_config()
        self._former = before
        return changes(before.settings, after.settings)

    def _read(self, before: Lineup) -> Lineup:
        """Return the line-up of the settings as they are now.

        Raises:
            ConfigError: they are wrong.
            NotReloaded: they are being written, or cannot be changed while Limner runs.
        """
        config = read_config(before.environ)
        settings = self._load()
        if read_config(before.environ) != config:
            raise NotReloaded("the settings file is being written: try again")
        if fixed := fixed_changes(before.settings, settings):
            names = ", ".join(f"{ENV_PREFIX}{name.upper()}" for name in fixed)
            raise NotReloaded(f"{names}: to change this, stop `limner up` and start it again")
        return before.next(settings, config)

    def _check_flower(self, before: Settings, after: Lineup) -> None:
        was, now = before, after.settings
        if (was.flower_host, was.flower_port) != (now.flower_host, now.flower_port):
            check_flower_port(now)

    def _check_engines(self, after: Lineup) -> None:
        """Have a process of its own build every engine: a driver may refuse its options, or crash."""
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                processes.python("stack.engines_check"),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=after.environment,
                cwd=processes.HOME,
                start_new_session=True,
            )
            try:
                self._wait(lambda: process.poll() is not None, CHECK_S, "the check did not end")
            finally:
                kill_group(process.pid)
                process.wait()
            if process.returncode == 0:
                return
            said.seek(0)
            words = said.read().decode(errors="replace")[-WHY_BYTES:].strip()
        raise NotReloaded(words.splitlines()[-1] if words else "the engines cannot be built")

    def _start_heirs(self, programs: Mapping[str, Program]) -> None:
        supervisor = self._stack.supervisor
        heirs = [program for program in programs.values() if program.stage != WATCHERS]
        for program in heirs:
            supervisor.start_heir(program)
        self._wait(supervisor.heirs_ready, READY_S, "the new processes were not ready")

    def _wait(self, holds: Callable[[], bool], limit_s: float, otherwise: str) -> None:
        """Wait, while everything that runs is looked after.

        Raises:
            NotReloaded: it took too long, a new process ended, or everything is to stop.
        """
        supervisor = self._stack.supervisor
        ends = time.monotonic() + limit_s
        while not holds():
            supervisor.look()
            if supervisor.stopping:
                raise NotReloaded("everything stops")
            if dead := supervisor.dead_heir():
                name, code = dead
                raise NotReloaded(f"the new {name} ended with exit code {describe_exit(code)}")
            if time.monotonic() > ends:
                raise NotReloaded(f"{otherwise} within {limit_s:g} s")
            time.sleep(LOOK_S)

    def _withdraw(self) -> None:
        """End the new processes; what they have told the store of their engines is told anew."""
        self._stack.supervisor.disinherit()
        try:
            self._stack.store.engines.register(self._stack.settings.engines)
        except StoreDown as error:
            event(log, "store.missed", level=logging.WARNING, why=error.message)

    def _bound_as_before(self, settings: Settings) -> None:
        try:
            self._stack.bound_memory(settings)
        except StoreDown as error:
            event(log, "store.missed", level=logging.WARNING, why=error.message)

    def _take_places(self, before: Lineup, programs: Mapping[str, Program], *, moved: bool) -> None:
        supervisor, after = self._stack.supervisor, self._stack.lineup
        # POSTs have to be finished as well, which takes no longer than their leases (workers/posting/dispatcher.py).
        finish_s = FINISH_S + max(
            before.settings.drawing_limit_s, 2 * before.settings.callback_limit_s
        )
        for name, program in programs.items():
            if program.stage == HANDS:
                supervisor.succeed(name, signal.SIGUSR2, finish_s)
        # At another address nobody follows: the former API gives its own up, as at a stop.
        ending = signal.SIGTERM if moved else signal.SIGUSR2
        patience_s = before.settings.api_drain_s + API_GRACE_S
        supervisor.succeed("api", ending, patience_s)
        for program in programs.values():
            # Settings that it does not read are no reason to forget what it has seen.
            if program.stage == WATCHERS and _differ(before, after, program):
                supervisor.restart(program)


def _differ(before: Lineup, after: Lineup, program: Program) -> bool:
    """Return whether a process would be told anything else than before, but for where the copy is."""

    def told(lineup: Lineup) -> Mapping[str, str]:
        return {k: v for k, v in lineup.environment.items() if k != ENV_PREFIX + "CONFIG"}

    commands = [lineup.programs(0)[program.name].command for lineup in (before, after)]
    return told(before) != told(after) or commands[0] != commands[1]
