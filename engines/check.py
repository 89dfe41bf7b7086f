"""``limner engines check NAME``: make a small test drawing on an engine and report each step.

The command replaces itself by ``python -m engines.check``, since the core imports no driver. The drawing
bypasses the lanes: it takes up room on the engine that the gateway does not know about.
"""

from __future__ import annotations

import argparse
import io
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path

from PIL import Image

import engines
from engines.remote.stock import Stocked
from limner.engine import Brief, Capabilities, Engine, Finished, Preview, Progress, lacks
from limner.errors import ConfigError, EngineError
from limner.exits import exit_code
from limner.pictures.editing import check_cells
from limner.plural import counted
from limner.printing import Steps
from limner.settings import EngineSettings, Settings

PROMPT = "a lighthouse on a cliff at dusk"
SIDE_PX = 512
SEEDS = (1, 2, 3, 4)


class StepFailed(Exception):
    """A step failed, and that was reported already."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one configured engine; 0 if it drew four good pictures.

    Raises:
        ConfigError: there is no such engine, or its driver refuses a setting.
    """
    parser = argparse.ArgumentParser(prog="limner engines check")
    parser.add_argument("name")
    parser.add_argument("--limit", type=float, default=300.0, help="time limit in seconds (300)")
    parser.add_argument("--save", type=Path, help="folder for the four pictures")
    parser.add_argument("--json", action="store_true", help="one JSON object a step")
    options = parser.parse_args(arguments)
    try:
        steps = Steps(9, as_json=options.json)
        check(_settings_of(options.name), options.limit, options.save, steps)
    except StepFailed:
        return 1
    return 0


def check(settings: EngineSettings, limit_s: float, folder: Path | None, steps: Steps) -> None:
    """Go through all the steps.

    Raises:
        ConfigError: the driver refuses a setting.
        StepFailed: a step did not work.
    """
    with closing(engines.load(settings)) as engine:
        steps.say("settings", True, f"driver {settings.driver}")
        with _step(steps, "health"):
            health = engine.health()
        steps.say("health", health.state != "down", f"{health.state} {health.why}".strip())
        if isinstance(engine, Stocked):
            _take_stock(steps, engine)
        if health.state == "down":
            raise StepFailed
        with _step(steps, "abilities"):
            capabilities = engine.capabilities()
        _say_abilities(steps, capabilities)
        finished = _draw(steps, engine, limit_s, capabilities)
        with _step(steps, "pictures"):
            cells = check_cells(finished.cells, SIDE_PX, SIDE_PX)
        steps.say("pictures", True, f"4 of {SIDE_PX} x {SIDE_PX}, seeds {finished.seeds}")
        for name, note in finished.notes.items():
            steps.say("note", True, f"{name}: {note}")
        if folder:
            _save(steps, cells, settings.name, folder)


def _take_stock(steps: Steps, engine: Stocked) -> None:
    """Report all that the server has and lacks for this engine, not only what it lacks first."""
    with _step(steps, "server"):
        items = engine.stock()
    for item in items:
        steps.say("server", item.there, item.text)
    if not all(item.there for item in items):
        raise StepFailed


def _draw(steps: Steps, engine: Engine, limit_s: float, capabilities: Capabilities) -> Finished:
    brief = Brief(
        job_id="0" * 32,
        prompt=PROMPT,
        final_prompt=PROMPT,
        negative="",
        width=SIDE_PX,
        height=SIDE_PX,
        seeds=SEEDS,
    )
    began = time.monotonic()
    with _step(steps, "submit"):
        handle = engine.submit(brief)
    steps.say("submit", True, f"taken after {time.monotonic() - began:.1f} s")
    stop = threading.Event()
    timer = threading.Timer(limit_s, stop.set)
    timer.daemon = True
    timer.start()
    reports = previews = 0
    try:
        with _step(steps, "draw"):
            for step in engine.watch(handle, brief, stop):
                reports += isinstance(step, Progress)
                previews += isinstance(step, Preview)
                if isinstance(step, Finished):
                    took = f"{time.monotonic() - began:.1f} s"
                    seen = f"{counted(reports, 'progress report')}, {counted(previews, 'preview')}"
                    steps.say("draw", True, f"done after {took}, {seen}")
                    return step
    finally:
        timer.cancel()
    steps.say("draw", False, f"not done after {time.monotonic() - began:.0f} s")
    if capabilities.cancel:
        with _step(steps, "cancel"):
            engine.cancel(handle)
        steps.say("cancel", True, "told to stop")
    raise StepFailed


def _say_abilities(steps: Steps, capabilities: Capabilities) -> None:
    """Report how each parameter is supported, and what can be done with a running drawing."""
    levels: dict[str, list[str]] = {"exact": [], "near": [], "none": []}
    can: list[str] = []
    for ability in fields(capabilities):
        value = getattr(capabilities, ability.name)
        if isinstance(value, str):
            levels[value].append(ability.name)
        elif value:
            can.append(ability.name)
    for level, words in levels.items():
        if words:
            steps.say("abilities", True, f"{level}: {', '.join(words)}")
    steps.say("abilities", True, f"can: {', '.join(can) or 'nothing more'}")
    if missing := lacks(capabilities):
        steps.say("abilities", True, f"gets no job that needs: {', '.join(missing)}")


@contextmanager
def _step(steps: Steps, name: str) -> Iterator[None]:
    """Report what an engine raises, in its own words: this is for its operator."""
    try:
        yield
    except EngineError as error:
        kind = getattr(error, "kind", None)
        what = f"{type(error).__name__} ({kind})" if kind else type(error).__name__
        cause = f" [{error.__cause__}]" if error.__cause__ else ""
        steps.say(name, False, f"{what}: {error.message}{cause}")
        raise StepFailed from error


def _save(steps: Steps, cells: Sequence[Image.Image], name: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, cell in enumerate(cells, start=1):
        buffer = io.BytesIO()
        cell.save(buffer, "PNG")
        (folder / f"{name}-{number}.png").write_bytes(buffer.getvalue())
    steps.say("saved", True, str(folder))


def _settings_of(name: str) -> EngineSettings:
    settings = Settings.load()
    for engine in settings.engines:
        if engine.name == name:
            return engine
    known = ", ".join(engine.name for engine in settings.engines)
    raise ConfigError("engine", f"{name!r} is none of {known}")


if __name__ == "__main__":
    sys.exit(exit_code(main))
