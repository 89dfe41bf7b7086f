"""The engines: what their operators set of them, what was observed, and what each could take now.

Workers register what they have and say what they observed; what that makes of an engine's health is
decided in ``lib_health.lua``, and what it takes in ``lib_engines.lua``. Nothing of either is told again
here: operators are shown what the scripts reckon.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from redis import Redis

from limner.engine import Handle
from limner.fingerprint import fingerprint
from limner.request import Lane
from limner.settings import EngineSettings
from limner.store.connection import guarded
from limner.store.policy import to_ms
from limner.store.scripts import Scripts

#: the states an engine may be in
STATES = ("ok", "busy", "down", "refused", "failing")
#: those in which an engine is out of rotation: it is only tried now and then
OUT = ("down", "refused", "failing")

#: a drawing that is to be stopped is of no use to anybody after so long
CANCELS_KEPT_S = 86_400


@dataclass(frozen=True, slots=True)
class EngineNow:
    """One engine at this moment."""

    name: str
    driver: str
    state: str
    #: why it is not ``ok``; it may tell of the network, so it is for operators only
    why: str
    slots: Mapping[Lane, int]
    leased: Mapping[Lane, int]
    #: how many more drawings it would take now, whatever the gaps
    free: Mapping[Lane, int]
    gap_s: Mapping[Lane, float]
    #: seconds until it may start a drawing of the lane, by its gap and its pause
    opens_s: Mapping[Lane, float]
    #: seconds that it rests, after it was busy or out
    paused_s: float
    #: what it cannot do (``limner.engine.NEEDS``), and whose jobs it draws (empty: everyone's)
    lacks: tuple[str, ...]
    clients: tuple[str, ...]
    #: living workers that have it; none: its operator took it out of the settings, or all are dead
    workers: int

    @classmethod
    def of(cls, row: list[str]) -> EngineNow:
        """Return what a row of ``engines.lua`` says."""
        name, driver, state, why, lacks, clients, workers, paused_ms, *by_lane = row
        numbers = [int(number) for number in by_lane]

        def each(place: int) -> dict[Lane, int]:
            return {Lane.FAST: numbers[place], Lane.RELAXED: numbers[place + 5]}

        return cls(
            name=name,
            driver=driver,
            state=state,
            why=why,
            slots=each(0),
            leased=each(1),
            free=each(2),
            gap_s={lane: gap_ms / 1000 for lane, gap_ms in each(3).items()},
            opens_s={lane: opens_ms / 1000 for lane, opens_ms in each(4).items()},
            paused_s=int(paused_ms) / 1000,
            lacks=tuple(lacks.split()),
            clients=tuple(clients.split()),
            workers=int(workers),
        )


class Engines:
    """Everything that is known of engines."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts

    @guarded
    def register(self, engines: Iterable[EngineSettings]) -> None:
        """Write what operators set of these engines; the last worker to start is right.

        An engine that is new, or that is set otherwise than before (its secrets included), begins as a
        well one. The health of any other stays as it is, its rest included.
        """
        for engine in engines:
            fields: dict[str, str | int | float] = {
                "driver": engine.driver,
                "fast_slots": engine.fast.slots,
                "fast_gap_ms": to_ms(engine.fast.gap_s),
                "relaxed_slots": engine.relaxed.slots,
                "relaxed_gap_ms": to_ms(engine.relaxed.gap_s),
                "weight": engine.weight,
                "clients": " ".join(engine.clients),
                "mark": fingerprint(engine),
            }
            flat = (part for item in fields.items() for part in item)
            self._scripts("register", engine.name, *flat)

    @guarded
    def lacks(self, engine: str, lacks: Iterable[str]) -> None:
        """Say which of ``limner.engine.NEEDS`` an engine cannot do."""
        self._scripts("lacks", engine, " ".join(lacks))

    @guarded
    def probed(self, engine: str, well: bool, why: str, rest_s: float) -> None:
        """Say what a probe of an engine that is down has found; nothing else is changed by it."""
        self._scripts("probed", engine, int(well), why, to_ms(rest_s))

    @guarded
    def retry(self, engine: str) -> Literal["tried", "open", "unknown"]:
        """Have an engine that rests tried now, as its operator asks; ``open``: it does not rest.

        It is shown as it was, and draws one job at a time, until it has drawn.
        """
        answer: Literal["tried", "open", "unknown"] = self._scripts("retry", engine)
        return answer

    @guarded
    def all(self) -> tuple[EngineNow, ...]:
        """Return the engines there are, by name; former ones are forgotten after a while."""
        return tuple(EngineNow.of(row) for row in self._scripts("engines"))

    @guarded
    def states_of(self, engines: Iterable[str]) -> dict[str, str]:
        """Return the state of each engine: ``ok busy down refused failing``."""
        return {
            name: self._redis.hget(f"{self._prefix}engine:{name}", "state") or "ok"
            for name in engines
        }

    @guarded
    def cancelled_on(self, engine: str) -> Handle | None:
        """Take the handle of one drawing that is to be stopped on an engine, if there is any."""
        text = self._redis.lpop(f"{self._prefix}cancels:{engine}")
        return json.loads(text) if text else None

    @guarded
    def cancel_later(self, engine: str, handle: Handle) -> None:
        """Put back the handle of a drawing that could not be stopped now; kept for a day."""
        key = f"{self._prefix}cancels:{engine}"
        self._redis.rpush(key, json.dumps(handle))
        self._redis.expire(key, CANCELS_KEPT_S)
