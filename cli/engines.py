"""``limner engines``: list the engines and their states, test one, and end one's pause early."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cli import show
from cli.processes import become
from limner.errors import StoreDown
from limner.request import Lane
from limner.settings import EngineSettings, Settings
from limner.store import Store
from limner.store.engines import EngineNow
from stack import processes


def listing(options: argparse.Namespace) -> int:
    """Print one line per configured engine, with its state if Redis is up."""
    settings = Settings.load()
    now, trouble = _seen(settings)
    rows: list[tuple[str, ...]] = [
        ("NAME", "DRIVER", "FAST", "GAP", "RELAXED", "GAP", "STATE", "WHY")
    ]
    rows += [_row(engine, now.get(engine.name)) for engine in settings.engines]
    show.table(rows)
    if trouble:
        print(f"Their states are unknown: {trouble}")
    return 0


def retry(options: argparse.Namespace) -> int:
    """Let a paused engine draw one job as a trial at once, because its operator has repaired it."""
    match show.open_store().engines.retry(options.name):
        case "unknown":
            print(f"{options.name}: no worker has registered such an engine", file=sys.stderr)
            return 1
        case "open":
            print(f"{options.name} is not paused.")
        case "tried":
            print(f"{options.name} will be tried with the next job.")
    return 0


def check(options: argparse.Namespace) -> int:
    """Replace this process by the command that draws one small picture on an engine, step by step."""
    arguments = [options.name, "--limit", f"{options.limit:g}"]
    if options.save:
        arguments += ["--save", str(Path(options.save).absolute())]
    command = processes.python("engines.check", *arguments)
    return become(command, processes.environment(Settings.load()))


def _seen(settings: Settings) -> tuple[dict[str, EngineNow], str]:
    store = Store.of(settings)
    try:
        return {engine.name: engine for engine in store.numbers.read().engines}, ""
    except StoreDown as error:
        return {}, error.message
    finally:
        store.close()


def _row(engine: EngineSettings, now: EngineNow | None) -> tuple[str, ...]:
    def slots(lane: Lane, allowed: int) -> str:
        return f"{now.leased[lane]}/{allowed}" if now else str(allowed)

    return (
        engine.name,
        engine.driver,
        slots(Lane.FAST, engine.fast.slots),
        f"{engine.fast.gap_s:g} s",
        slots(Lane.RELAXED, engine.relaxed.slots),
        f"{engine.relaxed.gap_s:g} s",
        *_state(now),
    )


def _state(now: EngineNow | None) -> tuple[str, str]:
    if now is None:
        return "-", ""
    if not now.workers:
        return "-", "no running worker has it"
    why = now.why
    if now.paused_s:
        rest = f"tried again in {show.duration(now.paused_s)}"
        why = f"{why}; {rest}" if why else rest
    return now.state, why
