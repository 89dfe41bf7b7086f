"""How long a lane stands still when a worker ends with full slots and jobs waiting behind them."""

from __future__ import annotations

import contextlib
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bench.place import Figure, accept_many, figure, limner, say
from tests.acceptance.house import House
from tests.acceptance.load import comfy_table, stage
from tests.conftest import wait_until
from tests.standins.comfyui import Comfy

SLOTS, BEHIND = 2, 6
LEASE_S = 4.0
ROUNDS = 3
#: of a drawing, where it can be said: much longer than any recovery
DRAWING_S = 40.0

SKETCH = """
[[engine]]
name = "sketch"
driver = "sketch"
fast = {{ slots = {slots} }}
"""


def measure() -> list[Figure]:
    """Measure both ways to end, for engines that re-attach and one that does not, alone and beside another."""
    took_s: Took = {}
    for end, engine, workers in itertools.product(ENDS, ENGINES, (1, 2)):
        rounds = took_s[end, engine, workers] = []
        for _ in range(ROUNDS):
            with ENGINES[engine]() as tables:
                rounds.append(_still(tables, workers, ENDS[end]))
        each = ", ".join(f"{one:.1f}" for one in rounds)
        say(f"{engine}, {workers} worker(s), {end}: {each} s until a drawing moves")
    return figures(took_s)


def figures(took_s: Took) -> list[Figure]:
    """Judge the slowest case of the engines that re-attach; sketch, which begins anew, is only reported."""
    term, killed = (_Cases(took_s, end) for end in ENDS)
    alone = ("sketch",)
    return [
        figure("recovery_behind_s", term.slowest(REATTACH), "<= 3", term.told(REATTACH)),
        figure("recovery_behind_sketch_s", term.slowest(alone), "report", term.told(alone)),
        # One lease and 5 s.
        figure("recovery_behind_killed_s", killed.slowest(REATTACH), "<= 9", killed.told(REATTACH)),
        figure(
            "recovery_behind_killed_sketch_s", killed.slowest(alone), "report", killed.told(alone)
        ),
    ]


class _Cases:
    """The cases of one way to end."""

    def __init__(self, took_s: Took, end: str) -> None:
        self._took_s = {case[1:]: rounds for case, rounds in took_s.items() if case[0] == end}

    def slowest(self, engines: Sequence[str]) -> list[float]:
        """Return the rounds of the case with the longest median."""
        return max((self._took_s[case] for case in self._of(engines)), key=statistics.median)

    def told(self, engines: Sequence[str]) -> str:
        """Return each case's median, by engine and how many workers there were."""
        return ", ".join(
            f"{engine} {workers}: {statistics.median(self._took_s[engine, workers]):.1f}"
            for engine, workers in self._of(engines)
        )

    def _of(self, engines: Sequence[str]) -> list[tuple[str, int]]:
        return [case for case in self._took_s if case[0] in engines]


@contextlib.contextmanager
def _rehearsal() -> Iterator[str]:
    yield stage(DRAWING_S, 200, fast=SLOTS, relaxed=1)


@contextlib.contextmanager
def _sketch() -> Iterator[str]:
    yield SKETCH.format(slots=SLOTS)


@contextlib.contextmanager
def _comfyui() -> Iterator[str]:
    with Comfy(seconds=DRAWING_S, steps=200) as server:
        yield comfy_table(server.url, SLOTS)


ENDS: dict[str, Callable[[House, str], Any]] = {
    "SIGTERM": House.terminate,
    "kill -9": House.kill,
}
ENGINES = {"rehearsal": _rehearsal, "comfyui": _comfyui, "sketch": _sketch}
#: those whose drawings go on without a worker: the next one re-attaches
REATTACH = ("rehearsal", "comfyui")

#: (how the worker ended, engine, workers) → seconds in each round
Took = dict[tuple[str, str, int], list[float]]


def _still(tables: str, workers: int, end: Callable[[House, str], Any]) -> float:
    """Return the seconds until another worker's drawing moves.

    From the start of the next worker, if there was only one, or else from the end of the first.
    """
    with limner(engines=tables, lease_s=LEASE_S, tick_s=1, log_level="info") as house:
        # Or nobody looks after the lanes while there is no worker: then leases count anew once one does.
        house.start_worker("callbacks")
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
