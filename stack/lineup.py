"""Which processes run on one machine, by one reading of the settings; used by ``stack.stack`` and ``stack.reload``.

A process that dies is started again by the settings that were read, not by what the file says meanwhile: its
``limner.toml`` is a copy in the data folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from limner.settings import ENV_PREFIX, Settings
from stack import processes
from stack.supervised import Program

# Stopped in this order, all within 15 s: senders of work first, the server last.
WATCHERS, DOOR, HANDS, SERVER = range(4)
#: the API needs as long only for callers that are slow to send or to take
GRACE_S = {WATCHERS: 1.0, DOOR: 3.0, HANDS: 9.0, SERVER: 2.0}


@dataclass(frozen=True, slots=True)
class Lineup:
    """The settings of all processes but the server, and their programs."""

    settings: Settings
    #: what it was read from, besides the file
    environ: Mapping[str, str]
    #: the settings file as it was read; None: there is none that can be copied
    config: bytes | None
    #: distinguishes workers from those of others on the host, and from their own successors
    mark: str
    generation: int = 1
    flower: bool = True

    @classmethod
    def of(cls, settings: Settings, environ: Mapping[str, str], *, flower: bool) -> Self:
        """Return the first one of this process."""
        return cls(settings, environ, read_config(environ), str(os.getpid()), flower=flower)

    def next(self, settings: Settings, config: bytes | None) -> Self:
        """Return the one that succeeds this one."""
        return replace(self, settings=settings, config=config, generation=self.generation + 1)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process."""
        environment = processes.environment(self.settings, self.environ)
        if self.config is not None:
            environment[ENV_PREFIX + "CONFIG"] = str(self._copy)
        return environment

    def keep_config(self) -> None:
        """Write the copy of the settings file that the processes read.

        Raises:
            OSError: the data folder cannot be written.
        """
        if self.config is not None:
            self._copy.touch(mode=0o600)
            self._copy.write_bytes(self.config)

    def drop_config(self) -> None:
        """Delete that copy: no process will read it any more."""
        if self.config is not None:
            self._copy.unlink(missing_ok=True)

    def drop_configs(self) -> None:
        """Delete the copies of all generations."""
        for copy in self.settings.data_dir.glob(f"settings-{self.mark}-*.toml"):
            copy.unlink(missing_ok=True)

    def programs(self, door: int) -> dict[str, Program]:
        """Return the programs by name; ``door`` is the descriptor of the socket that the API listens on.

        Raises:
            ConfigError: Flower cannot be started with these settings.
        """
        settings, environment = self.settings, self.environment
        mark = self.mark if self.generation == 1 else f"{self.mark}-{self.generation}"

        def program(
            name: str, stage: int, command: list[str], *, tells: bool = False, extra_s: float = 0
        ) -> Program:
            grace_s = GRACE_S[stage] + extra_s
            inherits = (door,) if stage == DOOR else ()
            return Program(
                name, command, stage, grace_s, environment, processes.HOME, inherits, tells
            )

        every = [
            program(name, HANDS, processes.worker(name, settings, mark), tells=True)
            for name in processes.QUEUES
        ]
        every.append(program("beat", WATCHERS, processes.beat(settings)))
        api = processes.api(settings, door)
        every.append(program("api", DOOR, api, tells=True, extra_s=settings.api_drain_s))
        if self.flower:
            every.append(program("flower", WATCHERS, processes.flower(settings)))
        return {each.name: each for each in every}

    @property
    def _copy(self) -> Path:
        return self.settings.data_dir / f"settings-{self.mark}-{self.generation}.toml"


def read_config(environ: Mapping[str, str]) -> bytes | None:
    """Return the settings file as it is now; None: there is none, or it can be read only once."""
    path = processes.config_path(environ)
    return path.read_bytes() if path.is_file() else None
