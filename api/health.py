"""GET ``/healthz`` and ``/readyz``: for whoever starts, restarts and balances API processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response

from api.answer import answer
from api.errors import STORE_RETRY_AFTER_S, refusal
from api.house import house
from api.insight import may_look
from limner.job import Lane
from limner.store.numbers import EngineNow, Numbers
from limner.store.server import server_facts

health = Blueprint("health", __name__)

#: callbacks overdue for so long are not merely slow: nobody posts them
OVERDUE_S = 30.0


@health.get("/healthz")
def alive() -> Response:
    """Answer; the process lives, whatever else is down."""
    return answer({"status": "alive"})


@health.get("/readyz")
def ready() -> Response:
    """Answer 200 if jobs are accepted and drawn: Redis is up, and every lane has a worker.

    ``warnings`` says what else is wrong; what of it is for operators only stays out of it elsewhere.
    """
    here = house()
    facts = server_facts(here.store.redis)
    here.messages()
    numbers = here.store.numbers.read()
    missing = [f"No worker of the lane {lane} is running." for lane in _without_workers(numbers)]
    if missing:
        return refusal(503, " ".join(missing), {"workers": missing}, STORE_RETRY_AFTER_S)
    body: dict[str, Any] = {
        "status": "ready",
        "warnings": [*facts.warnings(), *_warnings(numbers, openly=may_look())],
        "workers": {lane.value: now.workers for lane, now in numbers.lanes.items()},
        "engines": {engine.name: engine.state for engine in _carried(numbers)},
    }
    return answer(body)


def _without_workers(numbers: Numbers) -> Iterator[Lane]:
    """Yield the lanes that engines have slots for and nobody works on."""
    engines = _carried(numbers) or numbers.engines
    for lane, now in numbers.lanes.items():
        drawn = not engines or any(engine.slots[lane] for engine in engines)
        if drawn and not now.workers:
            yield lane


def _carried(numbers: Numbers) -> tuple[EngineNow, ...]:
    """Return the engines that living workers have; Redis remembers former ones, too."""
    return tuple(engine for engine in numbers.engines if engine.workers)


def _warnings(numbers: Numbers, *, openly: bool) -> Iterator[str]:
    engines = _carried(numbers)
    for engine in engines:
        if engine.state in ("down", "refused"):
            why = f": {engine.why}" if openly and engine.why else ""
            yield f"The engine {engine.name} is out of rotation ({engine.state}){why}."
    if all(engine.state in ("down", "refused") for engine in engines):
        yield "No engine is up: jobs are accepted and wait."
    if numbers.callbacks_overdue_s > OVERDUE_S:
        yield (
            f"Callbacks are overdue by {numbers.callbacks_overdue_s:.0f} s: is a callback worker running?"
        )
