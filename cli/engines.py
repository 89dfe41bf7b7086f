"""``limner engines``: list the engines and their states, test one, change one's limits, try one early."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli import show
from cli.clients import NONE
from cli.processes import become
from limner.errors import ConfigError, StoreDown
from limner.request import Lane
from limner.settings import EngineSettings, Settings, values
from limner.settings.engines import GAP_MOST_S, SLOTS_MOST, WEIGHTS
from limner.settings.setting import parsed
from limner.store import Store
from limner.store.engines import EngineNow
from limner.store.levers import OVERRIDES
from stack import processes


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of an engine that can be set while it runs: its field in the store and its bounds."""

    field: str
    words: str
    parse: Callable[[str], float]
    #: how many of the store's units are one of the command line's
    scale: int = 1
    unit: str = ""

    def parsed(self, option: str, text: str) -> int | float | None:
        """Return what the command line says in the store's unit; None: as in the settings.

        Raises:
            ConfigError: it is wrong.
        """
        return None if text == NONE else parsed(option, self.parse, text) * self.scale


#: by the names of the options; the bounds are those of limner.toml
LIMITS = {
    "fast_slots": Limit("fast_slots", "fast slots", values.whole(0, SLOTS_MOST)),
    "fast_gap": Limit("fast_gap_ms", "fast gap", values.seconds(0, GAP_MOST_S), 1000, " s"),
    "relaxed_slots": Limit("relaxed_slots", "relaxed slots", values.whole(0, SLOTS_MOST)),
    "relaxed_gap": Limit(
        "relaxed_gap_ms", "relaxed gap", values.seconds(0, GAP_MOST_S), 1000, " s"
    ),
    "weight": Limit("weight", "weight", values.seconds(*WEIGHTS)),
}


def listing(options: argparse.Namespace) -> int:
    """Print one line per configured engine, with its state if Redis is up."""
    settings = Settings.load()
    now, trouble = _seen(settings)
    rows: list[tuple[str, ...]] = [
        ("NAME", "DRIVER", "FAST", "GAP", "RELAXED", "GAP", "STATE", "WHY")
    ]
    rows += [_row(engine, now.get(engine.name)) for engine in settings.engines]
    show.table(rows)
    for engine in settings.engines:
        if engine.name in now and now[engine.name].overridden:
            print(_overridden(now[engine.name]))
    if trouble:
        print(f"Their states are unknown: {trouble}")
    return 0


def retry(options: argparse.Namespace) -> int:
    """Let a paused engine draw one job as a trial at once, because its operator has repaired it."""
    match show.open_store().engines.retry(options.name, show.actor()):
        case "unknown":
            print(f"{options.name}: no worker has registered such an engine", file=sys.stderr)
            return 1
        case "open":
            print(f"{options.name} is not paused.")
        case "tried":
            print(f"{options.name} will be tried with the next job.")
    return 0


def change(options: argparse.Namespace) -> int:
    """Set an engine's slots, gaps and weight now, over limner.toml, or return to it.

    Raises:
        ConfigError: there is no such engine, or a value is wrong.
    """
    values: dict[str, int | float | None] = dict.fromkeys(OVERRIDES) if options.clear else {}
    for name, limit in LIMITS.items():
        given = getattr(options, name)
        if given is not None:
            values[limit.field] = limit.parsed(f"--{name.replace('_', '-')}", given)
    if not values:
        raise ConfigError("engines set", "name at least one option to change, or --clear")
    changed = show.open_store().levers.override(show.actor(), options.name, values)
    if not changed:
        print(f"{options.name}: nothing has changed.")
        return 0
    names = ", ".join(limit.words for limit in LIMITS.values() if limit.field in changed)
    print(f"{options.name}: {names} changed. It counts from the next start on.")
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
        if not now:
            return str(allowed)
        set_live = f"{lane}_slots" in now.overridden
        return f"{now.leased[lane]}/{now.slots[lane] if set_live else allowed}"

    def gap(lane: Lane, gap_s: float) -> str:
        set_live = now and f"{lane}_gap_ms" in now.overridden
        return f"{now.gap_s[lane] if now and set_live else gap_s:g} s"

    return (
        engine.name,
        engine.driver,
        slots(Lane.FAST, engine.fast.slots),
        gap(Lane.FAST, engine.fast.gap_s),
        slots(Lane.RELAXED, engine.relaxed.slots),
        gap(Lane.RELAXED, engine.relaxed.gap_s),
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
    if not now.halt:
        return now.state, why
    by = f"by an operator: `limner resume engine {now.name}`"
    drained = now.halt == "draining" and not any(now.leased.values())
    state = "drained" if drained else now.halt
    return state, by if now.state == "ok" else f"{by}; {now.state}: {why}"


def _overridden(now: EngineNow) -> str:
    """Return a sentence on what an operator has set over limner.toml."""
    current = {
        "fast_slots": now.slots[Lane.FAST],
        "relaxed_slots": now.slots[Lane.RELAXED],
        "fast_gap_ms": now.gap_s[Lane.FAST] * 1000,
        "relaxed_gap_ms": now.gap_s[Lane.RELAXED] * 1000,
        "weight": now.weight,
    }
    said = ", ".join(
        f"{limit.words} {current[limit.field] / limit.scale:g}{limit.unit}"
        f" (limner.toml: {now.overridden[limit.field] / limit.scale:g})"
        for limit in LIMITS.values()
        if limit.field in now.overridden
    )
    return f"{now.name}: an operator has set {said}; `limner engines set {now.name} --clear` ends that."
