"""The ``[[engine]]`` tables of ``limner.toml``: each engine's driver, slots and options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.errors import ConfigError
from limner.money import micros
from limner.settings import values
from limner.settings.lanes import LaneSettings
from limner.settings.setting import parsed

#: bounds of an engine's limits
SLOTS_MOST, GAP_MOST_S, WEIGHTS = 10_000, 86_400, (0.001, 1000)


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """A lane's limits on one engine: concurrent drawings, and seconds between two starts."""

    slots: int = 0
    gap_s: float = 0.0


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """One ``[[engine]]`` entry: its driver, each lane's limits, its options."""

    name: str
    driver: str
    fast: LaneLimits = LaneLimits()
    relaxed: LaneLimits = LaneLimits()
    #: with equal room, an engine of weight 2 is picked before one of weight 1
    weight: float = 1.0
    #: names of the clients whose jobs it draws; empty: all clients'
    clients: tuple[str, ...] = ()
    #: version that callers may ask for → the engine's own model
    versions: Mapping[str, str] = field(default_factory=dict)
    #: what a drawing costs, unless its host says; millionths of ``currency``; None: it is not counted
    price: int | None = None
    #: whether its words are translated; None: unless its driver says that it understands any language
    translate: bool | None = None
    #: what to do about a drawing that was lost after it had cost money
    on_lost: str = "retry"
    #: the driver's own settings, which it validates itself
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def slots(self) -> int:
        """Concurrent drawings over both lanes: fast may use every slot, relaxed only its share."""
        return max(self.fast.slots, self.relaxed.slots)


def engines_of(entries: Any, settings: LaneSettings) -> tuple[EngineSettings, ...]:
    """Return the engines of the ``[[engine]]`` tables; without any, the built-in one.

    Raises:
        ConfigError: a table is wrong, or no lane has a slot.
    """
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError("limner.toml: engine", "must be written as [[engine]] tables")
    if not entries:
        built_in = EngineSettings(
            name="sketch",
            driver="sketch",
            fast=LaneLimits(settings.fast_slots, settings.fast_gap_s),
            relaxed=LaneLimits(settings.relaxed_slots, settings.relaxed_gap_s),
        )
        if built_in.slots == 0:
            raise ConfigError("LIMNER_FAST_SLOTS", "at least one lane needs a slot")
        return (built_in,)
    engines = tuple(_engine(dict(entry)) for entry in entries)
    names = [engine.name for engine in engines]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError("limner.toml: engine", f"two engines are called {name!r}")
    return engines


def _engine(entry: dict[str, Any]) -> EngineSettings:
    name, driver = entry.pop("name", None), entry.pop("driver", None)
    if (
        not isinstance(name, str)
        or not name
        or not name.replace("-", "").replace("_", "").isalnum()
    ):
        raise ConfigError(
            "limner.toml: engine: name", "must be letters, digits, - and _ (it is required)"
        )
    where = f"limner.toml: engine {name}"
    if not isinstance(driver, str) or not driver:
        raise ConfigError(f"{where}: driver", "is required")
    engine = EngineSettings(
        name=name,
        driver=driver,
        fast=_lane(where, "fast", entry.pop("fast", {})),
        relaxed=_lane(where, "relaxed", entry.pop("relaxed", {})),
        weight=parsed(f"{where}: weight", values.seconds(*WEIGHTS), entry.pop("weight", 1.0)),
        clients=parsed(f"{where}: clients", values.words, entry.pop("clients", [])),
        versions=parsed(f"{where}: versions", values.versions, entry.pop("versions", {})),
        translate=_flag(where, "translate", entry.pop("translate", None)),
        price=_price(where, entry.pop("price", None)),
        on_lost=parsed(
            f"{where}: on_lost", values.one_of("retry", "fail"), entry.pop("on_lost", "retry")
        ),
        options=entry,
    )
    if engine.slots == 0:
        raise ConfigError(where, "needs slots in at least one lane: fast = { slots = 1 }")
    return engine


def _flag(where: str, name: str, raw: Any) -> bool | None:
    if raw is not None and not isinstance(raw, bool):
        raise ConfigError(f"{where}: {name}", "must be true or false")
    return raw


def _price(where: str, raw: Any) -> int | None:
    return None if raw is None else parsed(f"{where}: price", micros, raw)


def _lane(where: str, lane: str, raw: Any) -> LaneLimits:
    name = f"{where}: {lane}"
    if not isinstance(raw, dict) or not set(raw) <= {"slots", "gap_s"}:
        raise ConfigError(name, "must have the form { slots = 1, gap_s = 0 }")
    return LaneLimits(
        slots=parsed(f"{name}.slots", values.whole(0, SLOTS_MOST), raw.get("slots", 0)),
        gap_s=parsed(f"{name}.gap_s", values.seconds(0, GAP_MOST_S), raw.get("gap_s", 0.0)),
    )
