"""``limner engines``: list the engines and their states, test one, change one's limits, try one early."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cli import show
from cli.clients import NONE
from cli.processes import a_child, become
from limner.errors import ConfigError, LimnerError, StoreDown
from limner.exits import complain, store_trouble
from limner.money import shown, units
from limner.printing import document, line
from limner.request import Lane
from limner.settings import EngineSettings, LaneLimits, Settings, values
from limner.settings.engines import GAP_MOST_S, SLOTS_MOST, WEIGHTS
from limner.settings.setting import parsed
from limner.store import Store
from limner.store.engines import EngineNow
from limner.store.jobs.spending import by_engine
from limner.store.levers import OVERRIDES
from schemas.names import camel
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
    """Print one line per configured engine, with its state; exit code 1 if Redis cannot tell it."""
    settings = Settings.load()
    now, spent, trouble = _seen(settings)
    if options.json:
        found = [_body(engine, now.get(engine.name), spent) for engine in settings.engines]
        document({"data": found, "trouble": trouble or None})
        return 1 if trouble else 0
    rows: list[tuple[str, ...]] = [
        ("NAME", "DRIVER", "FAST", "GAP", "RELAXED", "GAP", "STATE", "WHY")
    ]
    rows += [_row(engine, now.get(engine.name)) for engine in settings.engines]
    show.table(rows)
    for engine in settings.engines:
        if engine.name in now and now[engine.name].overridden:
            line(_overridden(now[engine.name]))
    for name, amount in sorted(spent.items()):
        line(f"{name}: drawings that have cost {shown(amount, settings.currency)}")
    if trouble:
        return complain(f"their states are unknown: {trouble}", 1)
    return 0


def retry(options: argparse.Namespace) -> int:
    """Let a paused engine draw one job as a trial at once, because its operator has repaired it."""
    found = show.open_store().engines.retry(options.name, show.actor())
    if found == "unknown":
        raise LimnerError(f"{options.name}: no running worker has registered such an engine")
    paused = found == "tried"
    what = "will be tried with the next job" if paused else "is not paused"
    return show.outcome(
        options, f"{options.name} {what}.", {"engine": options.name, "wasPaused": paused}
    )


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
    names = [name for name, limit in LIMITS.items() if limit.field in changed]
    words = ", ".join(LIMITS[name].words for name in names)
    what = f"{words} changed. It counts from the next start on" if names else "nothing has changed"
    body = {"engine": options.name, "changed": [camel(name) for name in names]}
    return show.outcome(options, f"{options.name}: {what}.", body)


def check(options: argparse.Namespace) -> int:
    """Replace this process by the command that draws one small picture on an engine, step by step."""
    arguments = [options.name, "--limit", f"{options.limit:g}"]
    if options.save:
        arguments += ["--save", str(Path(options.save).absolute())]
    if options.json:
        arguments.append("--json")
    command = a_child("engines.check", *arguments)
    return become(command, processes.environment(Settings.load()))


def _seen(settings: Settings) -> tuple[dict[str, EngineNow], dict[str, int], str]:
    store = Store.of(settings)
    try:
        numbers = store.numbers.read()
        return {engine.name: engine for engine in numbers.engines}, by_engine(numbers.counts), ""
    except StoreDown as error:
        return {}, {}, store_trouble(error)
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
        *show.engine_state(now),
    )


def _body(
    engine: EngineSettings, now: EngineNow | None, spent: Mapping[str, int]
) -> dict[str, object]:
    def lane(which: Lane, limits: LaneLimits) -> dict[str, object]:
        set_live = now.overridden if now else {}
        slots = now.slots[which] if now and f"{which}_slots" in set_live else limits.slots
        gap_s = now.gap_s[which] if now and f"{which}_gap_ms" in set_live else limits.gap_s
        return {"slots": slots, "busy": now.leased[which] if now else None, "gapS": gap_s}

    return {
        "name": engine.name,
        "driver": engine.driver,
        "fast": lane(Lane.FAST, engine.fast),
        "relaxed": lane(Lane.RELAXED, engine.relaxed),
        "price": None if engine.price is None else units(engine.price),
        "cost": units(spent.get(engine.name, 0)),
        **_state_body(now),
    }


def body(now: EngineNow, spent: Mapping[str, int]) -> dict[str, object]:
    """Return an engine as JSON, as far as Redis knows it, with the limits in force; ``spent``: by engine."""
    lanes = {
        lane.value: {"slots": now.slots[lane], "busy": now.leased[lane], "gapS": now.gap_s[lane]}
        for lane in Lane
    }
    names = {"name": now.name, "driver": now.driver}
    more = {"weight": now.weight, "cost": units(spent.get(now.name, 0))}
    return names | lanes | more | _state_body(now)


def _state_body(now: EngineNow | None) -> dict[str, object]:
    return {
        "state": now.state if now and now.workers else None,
        "why": (now.why if now else "") or None,
        "halt": (now.halt if now else "") or None,
        "setByOperators": [
            camel(name) for name, limit in LIMITS.items() if now and limit.field in now.overridden
        ],
        "pausedS": now.paused_s if now else None,
        "workers": now.workers if now else None,
    }


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
