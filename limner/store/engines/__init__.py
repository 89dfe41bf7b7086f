"""The engines: their settings, their observed health, and what each could accept now.

Workers register their engines and report what they observe; ``lib_health.lua`` decides what that means
for an engine's health, and ``lib_engines.lua`` what it accepts. Neither is repeated here: operators are
shown what the scripts compute.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from redis import Redis

from limner.engine import Handle
from limner.fingerprint import fingerprint
from limner.request import Lane
from limner.settings import EngineSettings
from limner.store.connection import guarded
from limner.store.policy import to_ms
from limner.store.scripts import Scripts

#: the states of an engine
STATES = ("ok", "busy", "down", "refused", "failing")
#: the states in which an engine is out of rotation and only tried now and then
OUT = ("down", "refused", "failing")

#: how long the handle of a drawing that should be stopped is kept
CANCELS_KEPT_S = 86_400


@dataclass(frozen=True, slots=True)
class EngineNow:
    """One engine at this moment."""

    name: str
    driver: str
    state: str
    #: why it is not ``ok``; it may reveal details of the network, so it is for operators only
    why: str
    slots: Mapping[Lane, int]
    leased: Mapping[Lane, int]
    #: how many more drawings it would accept now, regardless of gaps
    free: Mapping[Lane, int]
    gap_s: Mapping[Lane, float]
    #: seconds until it may start a drawing of the lane, by its gap and its pause
    opens_s: Mapping[Lane, float]
    #: slots whose drawings are done, and wait until their worker has room to store them
    storing: Mapping[Lane, int]
    #: seconds that it is still paused, after it was busy or out
    paused_s: float
    #: what it cannot do (``limner.engine.NEEDS``), and whose jobs it draws (empty: everyone's)
    lacks: tuple[str, ...]
    clients: tuple[str, ...]
    #: living workers that have it; none: its operator took it out of the settings, or all are dead
    workers: int
    #: by an operator: "", ``paused`` or ``draining``
    halt: str = ""
    weight: float = 1.0
    #: what an operator has set live: field → what the settings say (``limner.store.levers.OVERRIDES``)
    overridden: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, row: list[str]) -> EngineNow:
        """Parse a row of ``engines.lua``."""
        name, driver, state, why, lacks, clients, workers, paused_ms, *row = row
        halt, weight, under, *by_lane = row
        numbers = [int(number) for number in by_lane]

        def each(place: int) -> dict[Lane, int]:
            return {Lane.FAST: numbers[place], Lane.RELAXED: numbers[place + 6]}

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
            storing=each(5),
            paused_s=int(paused_ms) / 1000,
            lacks=tuple(lacks.split()),
            clients=tuple(clients.split()),
            workers=int(workers),
            halt=halt,
            weight=float(weight),
            overridden={
                name: float(value)
                for name, _, value in (word.partition("=") for word in under.split())
            },
        )


class Engines:
    """Everything that is known about engines."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts

    @guarded
    def register(self, engines: Iterable[EngineSettings]) -> None:
        """Store these engines' settings; the last worker to start wins.

        An engine that is new, or whose settings changed (its secrets included), starts as healthy. Any other
        keeps its health, including its pause.
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
                "versions": " ".join(engine.versions),
                "price": engine.price or 0,
                "mark": fingerprint(engine),
            }
            flat = (part for item in fields.items() for part in item)
            self._scripts("register", engine.name, *flat)

    @guarded
    def abilities(
        self, engine: str, lacks: Iterable[str], levels: Mapping[str, str] | None = None
    ) -> None:
        """Store which of ``limner.engine.NEEDS`` an engine lacks, and its levels (``limner.applied``)."""
        words = (f"{name}={level}" for name, level in (levels or {}).items())
        self._scripts("abilities", engine, " ".join(lacks), " ".join(words))

    @guarded
    def choices(self, client: str) -> dict[str, tuple[str, ...]]:
        """Return the engines that may draw a client's jobs, each with its versions."""
        with self._redis.pipeline(transaction=False) as pipe:
            names = sorted(self._redis.smembers(f"{self._prefix}engines"))
            for name in names:
                pipe.hmget(f"{self._prefix}settings:{name}", "clients", "versions")
            rows = pipe.execute()
        return {
            name: tuple((versions or "").split())
            for name, (clients, versions) in zip(names, rows, strict=True)
            if not clients or client in clients.split()
        }

    @guarded
    def probed(
        self, engine: str, well: bool, why: str, rest_s: float, *, first: bool = False
    ) -> None:
        """Store the result of probing an engine that is down; any other state stays unchanged.

        ``first``: it is asked for the first time, and one that seemed healthy may be down.
        """
        self._scripts("probed", engine, int(well), why, to_ms(rest_s), int(first))

    @guarded
    def retry(self, engine: str, who: str = "limner") -> Literal["tried", "open", "unknown"]:
        """Try a paused engine now, as its operator asks; ``open``: it is not paused.

        Until it has drawn, it is shown as before and gets one job at a time.
        """
        answer: Literal["tried", "open", "unknown"] = self._scripts("retry", engine, who)
        return answer

    @guarded
    def all(self) -> tuple[EngineNow, ...]:
        """Return all engines by name; former ones are forgotten after a while."""
        return tuple(EngineNow.of(row) for row in self._scripts("engines"))

    @guarded
    def has_forgotten(self, engines: Iterable[str]) -> bool:
        """Return whether any of these engines has to be registered: the store has lost what it was told of it."""
        with self._redis.pipeline(transaction=False) as pipe:
            for name in engines:
                pipe.hexists(f"{self._prefix}settings:{name}", "driver")
                pipe.hexists(f"{self._prefix}engine:{name}", "state")
                pipe.sismember(f"{self._prefix}engines", name)
            return not all(pipe.execute())

    @guarded
    def states_of(self, engines: Iterable[str]) -> dict[str, str]:
        """Return the state of each engine: ``ok busy down refused failing``."""
        return {
            name: self._redis.hget(f"{self._prefix}engine:{name}", "state") or "ok"
            for name in engines
        }

    @guarded
    def cancelled_on(self, engine: str) -> Handle | None:
        """Take the handle of a drawing that should be stopped on an engine, if there is one."""
        text = self._redis.lpop(f"{self._prefix}cancels:{engine}")
        return json.loads(text) if text else None

    @guarded
    def cancel_later(self, engine: str, handle: Handle) -> None:
        """Put back the handle of a drawing that could not be stopped now; kept for a day."""
        key = f"{self._prefix}cancels:{engine}"
        self._redis.rpush(key, json.dumps(handle))
        self._redis.expire(key, CANCELS_KEPT_S)
