"""Build every engine of the settings once, as a worker does at its start; with ``--health``, ask them, too.

Run by ``stack.reload``, and by ``stack.engines_asked``. In a process of its own: drivers import what they need, and a
third party's may do anything.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing

import engines
from limner.errors import ConfigError, LimnerError
from limner.printing import record
from limner.settings import EngineSettings, Settings
from stack.engines_asked import SILENT, WRONG


def main(arguments: Sequence[str]) -> int:
    """Return 0, or 2 after one line that says what is wrong; ``--health SECONDS``: tell of each engine."""
    try:
        settings = Settings.load()
        if arguments[:1] == ["--health"]:
            ask(settings.engines, float(arguments[1]))
            return 0
        for engine in [engines.load(each) for each in settings.engines]:
            engine.close()
    except ConfigError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    return 0


def ask(settings: Sequence[EngineSettings], limit_s: float) -> None:
    """Print each engine's answer as it comes, all asked at once; one that takes longer than the limit is silent."""
    left = {engine.name for engine in settings}
    lock = threading.Lock()

    def tell(name: str, state: str, why: str = "", setting: str = "") -> None:
        answer = {"engine": name, "state": state, "why": why, "setting": setting}
        with lock:
            if name in left:
                left.remove(name)
                record(answer)

    threads = [
        threading.Thread(target=lambda each=each: tell(each.name, *_answer_of(each)), daemon=True)
        for each in settings
    ]
    for thread in threads:
        thread.start()
    ends_s = time.monotonic() + limit_s
    for thread in threads:
        thread.join(max(0.0, ends_s - time.monotonic()))
    for name in sorted(left):
        tell(name, SILENT, f"it has not answered within {limit_s:g} s")


def _answer_of(settings: EngineSettings) -> tuple[str, ...]:
    try:
        built = engines.load(settings)
    except ConfigError as error:
        return WRONG, error.message.removeprefix(f"{error.setting}: "), error.setting
    # A driver that cannot be imported, or a bug in it.
    except Exception as error:  # noqa: BLE001
        return WRONG, _in_words(error), f"limner.toml: engine {settings.name}: driver"
    try:
        with closing(built):
            health = built.health()
    except Exception as error:  # noqa: BLE001
        return "down", _in_words(error)
    return health.state, health.why


def _in_words(error: Exception) -> str:
    if isinstance(error, LimnerError):
        return error.message
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # Whatever a driver has left running would keep this process.
    os._exit(code)
