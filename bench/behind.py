"""How long a lane stands still when a worker ends with full slots and jobs waiting behind them."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.place import Figure, accept_many, figure, limner, say
from tests.acceptance.house import House
from tests.acceptance.load import stage
from tests.conftest import wait_until
from tests.standins.comfyui import Comfy

SLOTS, BEHIND = 2, 6
LEASE_S = 4.0
#: of a drawing, where it can be said: much longer than any recovery
DRAWING_S = 40.0

SKETCH = """
[[engine]]
name = "sketch"
driver = "sketch"
fast = {{ slots = {slots} }}
"""
COMFY = """
[[engine]]
name = "comfy"
driver = "comfyui"
url = "{url}"
checkpoint = "sd15.safetensors"
fast = {{ slots = {slots} }}
"""


def measure() -> list[Figure]:
    """Measure both ways to end, for engines that re-attach and one that does not, alone and beside another."""
    ends: dict[str, Callable[[House, str], Any]] = {
        "SIGTERM": House.terminate,
        "kill -9": House.kill,
    }
    took_s: dict[str, list[float]] = {end: [] for end in ends}
    for end, workers, engine in itertools.product(ends, (1, 2), ENGINES):
        with ENGINES[engine]() as tables:
            took_s[end].append(_still(tables, workers, ends[end]))
        say(f"{engine}, {workers} worker(s), {end}: {took_s[end][-1]:.1f} s until a drawing moves")
    note = "rehearsal, sketch, comfyui's stand-in; one worker, and two"
    return [
        figure("recovery_behind_s", took_s["SIGTERM"], "<= 3", note),
        figure(
            "recovery_behind_killed_s",
            took_s["kill -9"],
            f"<= {LEASE_S + 5:g}",
            f"lease {LEASE_S:g} s",
        ),
    ]


@contextlib.contextmanager
def _rehearsal() -> Iterator[str]:
    yield stage(DRAWING_S, 200, fast=SLOTS, relaxed=1)


@contextlib.contextmanager
def _sketch() -> Iterator[str]:
    yield SKETCH.format(slots=SLOTS)


@contextlib.contextmanager
def _comfyui() -> Iterator[str]:
    with Comfy(seconds=DRAWING_S, steps=200) as server:
        yield COMFY.format(url=server.url, slots=SLOTS)


ENGINES = {"rehearsal": _rehearsal, "sketch": _sketch, "comfyui": _comfyui}


def _still(tables: str, workers: int, end: Callable[[House, str], Any]) -> float:
    """Return the seconds until another worker's drawing moves.

    From the start of the next worker, if there was only one, or else from the end of the first.
    """
    with limner(engines=tables, lease_s=LEASE_S, tick_s=1, log_level="info") as house:
        house.start_beat()
        first = house.start_worker("fast")
        accept_many(house, SLOTS + BEHIND)
        # With a share of the waiting jobs read, too: they are what stood in the way.
        wait_until(lambda: _full(house, first), 60, "full slots")
        others = [house.start_worker("fast")] if workers > 1 else []
        if others:
            wait_until(lambda: "ready" in house.log(others[0]), 60, "the second worker")
            wait_until(lambda: _held_by(house, first, "drawing"), 60, "a drawing at the first one")
        known = {job: record["seq"] for job, record in _records(house)}
        began = time.monotonic()
        end(house, first)
        if not others:
            began = time.monotonic()
            others = [house.start_worker("fast")]
        wait_until(
            lambda: any(
                record["seq"] != known[job] for job, record in _held_by(house, others[0], "drawing")
            ),
            120,
            "a drawing that moves",
        )
        return time.monotonic() - began


def _full(house: House, name: str) -> bool:
    """Whether this worker has a drawing in each slot, of which one at least moves."""
    return bool(_held_by(house, name, "drawing")) and (
        len(_held_by(house, name, "submitted", "drawing")) == SLOTS
    )


def _held_by(house: House, name: str, *statuses: str) -> list[tuple[str, dict[str, str]]]:
    """Return the jobs in these statuses that this worker has at an engine, with their records."""
    pid = str(house.running[name].pid)
    return [
        (job, record)
        for job, record in _records(house)
        if record["status"] in statuses and record["worker"].split("-")[-2] == pid
    ]


def _records(house: House) -> list[tuple[str, dict[str, str]]]:
    redis: Any = house.store.redis
    jobs = [job.id for job in house.store.jobs.page("ann").jobs]
    return [(job, redis.hgetall(f"limner:job:{job}")) for job in jobs]
