"""Ask every engine of the settings how it is, before any job does: for ``limner up`` and ``limner doctor``.

``stack.engines_check`` builds and asks them, in a process of its own: drivers import what they need, and a third
party's may do anything. Its answers are one JSON object a line.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from limner.errors import ConfigError
from limner.settings import EngineSettings, Settings
from stack import processes
from stack.supervised import kill_group

#: how long all engines together have: an engine has 3 s for its answer, and building it may import much
LIMIT_S = 20.0
#: until that process has begun, on a busy machine
START_S = 40.0
#: the setting that is wrong is named, and the engine cannot be built
WRONG = "wrong"
#: it did not answer in time
SILENT = "silent"


@dataclass(frozen=True, slots=True)
class AskedEngine:
    """One engine's answer."""

    name: str
    driver: str
    #: as ``limner.engine.Health``: ok, degraded, down; or ``wrong`` or ``silent``
    state: str
    #: why it is not ``ok``, for operators
    why: str = ""
    #: the wrong setting; "" for any other state
    setting: str = ""

    @property
    def words(self) -> str:
        """The state, and why, for people."""
        return f"{self.state}: {self.why}" if self.why else self.state


def ask_engines(settings: Settings) -> tuple[AskedEngine, ...]:
    """Return each engine's answer, in the order of the settings, within ``START_S`` + ``LIMIT_S``."""
    process = subprocess.Popen(
        processes.python("stack.engines_check", "--health", f"{LIMIT_S:g}"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=processes.environment(settings),
        cwd=processes.HOME,
        start_new_session=True,
    )
    try:
        said, complaint = process.communicate(timeout=START_S + LIMIT_S)
    except subprocess.TimeoutExpired:
        kill_group(process.pid)
        said, complaint = process.communicate()
    finally:
        # A driver may have started processes, too.
        kill_group(process.pid)
    answers = {answer["engine"]: answer for answer in _answers(said)}
    lines = complaint.decode(errors="replace").strip().splitlines()
    otherwise = lines[-1] if lines else "it could not be asked"
    return tuple(_asked(engine, answers.get(engine.name), otherwise) for engine in settings.engines)


def check_engines(asked: Iterable[AskedEngine]) -> None:
    """Return if every engine could be built.

    Raises:
        ConfigError: one could not; it names its wrong setting.
    """
    wrong = [engine for engine in asked if engine.state == WRONG]
    if wrong:
        others = ", ".join(engine.name for engine in wrong[1:])
        more = f" (also wrong: {others}; `limner doctor` says why)" if others else ""
        raise ConfigError(wrong[0].setting, wrong[0].why + more)


def _answers(said: bytes) -> Iterator[dict[str, Any]]:
    for line in said.decode(errors="replace").splitlines():
        try:
            answer = json.loads(line)
        except ValueError:
            # Drivers' libraries print what they like.
            continue
        if isinstance(answer, dict) and "engine" in answer:
            yield answer


def _asked(engine: EngineSettings, answer: dict[str, Any] | None, otherwise: str) -> AskedEngine:
    if answer is None:
        return AskedEngine(engine.name, engine.driver, SILENT, otherwise)
    words = {name: str(answer.get(name, "")) for name in ("state", "why", "setting")}
    return AskedEngine(engine.name, engine.driver, **words)
