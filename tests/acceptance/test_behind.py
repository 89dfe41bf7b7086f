"""A worker ends with full slots and jobs waiting behind them: what it drew goes on first, once, and so all ends."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.acceptance.house import House, assert_told_in_order, most_at_once
from tests.acceptance.load import accept_many, comfy_table, stage, unfinished
from tests.acceptance.receiver import Receiver
from tests.conftest import wait_until
from tests.standins.comfyui import Comfy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SLOTS, BEHIND = 2, 6
#: of a drawing that is left, by how many workers there are: longer than a second one takes to start
DRAWING_S = {1: 8, 2: 20}


@dataclass
class Drawn:
    """An engine that outlives its workers: its table, and what it drew."""

    tables: str
    comfy: Comfy | None = None

    def hurry(self) -> None:
        """Have what is drawn next take no time."""
        if self.comfy:
            self.comfy.seconds = 0.2

    def assert_each_once(self, house: House, ids: list[str]) -> None:
        if self.comfy:
            assert len(self.comfy.ledger) == len(self.comfy.prompts) == len(ids)
            return
        ledger = house.drawn()
        assert sorted(line["job"] for line in ledger if line["what"] == "start") == sorted(ids)
        assert most_at_once(ledger) <= SLOTS


@contextlib.contextmanager
def engine_of(name: str, drawing_s: float) -> Iterator[Drawn]:
    if name == "rehearsal":
        yield Drawn(stage(drawing_s, 20, fast=SLOTS))
    else:
        with Comfy(seconds=drawing_s, steps=10) as comfy:
            yield Drawn(comfy_table(comfy.url, SLOTS), comfy)


def logged(house: House, worker: str, event: str) -> list[str]:
    """The jobs of which a worker's log tells this, in order."""
    lines = (line for line in house.log(worker).splitlines() if line.startswith("{"))
    told: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [line["job"] for line in told if line["event"] == event]


def is_full(house: House, first: list[str]) -> bool:
    """Whether every slot has a drawing that can be found again, and one at least moves."""
    records = [house.store.redis.hgetall(f"limner:job:{job}") for job in first]
    moves = any(record["status"] == "drawing" for record in records)
    return moves and all(record.get("attach") == "1" for record in records)


@pytest.mark.parametrize("end", ["SIGTERM", "kill -9"])
@pytest.mark.parametrize(
    ("engine", "workers"), [("rehearsal", 1), ("rehearsal", 2), ("comfyui", 1)]
)
def test_what_a_worker_left_goes_on_before_what_waits_behind_it(engine, workers, end):
    with (
        engine_of(engine, DRAWING_S[workers]) as drawn,
        Receiver() as receiver,
        House(drawn.tables, log_level="info", log_format="json") as house,
    ):
        house.start_worker("callbacks")
        house.start_beat()
        first = house.start_worker("fast")
        kept = accept_many(house, SLOTS, callback_url=receiver.url)
        wait_until(lambda: is_full(house, kept), what="full slots")
        drawn.hurry()
        behind = accept_many(house, BEHIND, "[[seconds 0.2]]", callback_url=receiver.url)
        ids = [*kept, *behind]
        # What a worker has read, too: it stands in the way of what comes back.
        held = 2 * workers
        others = [house.start_worker("fast") for _ in range(workers - 1)]
        wait_until(
            lambda: house.store.redis.zcard("limner:ready:fast") == held,
            what="as many jobs as workers take beside what they draw",
        )

        # The dead hold what they have read for a moment longer than what they draw, as they took it later: of a slot
        # that is free in that moment one of these may be the next, and come back as well.
        killed = end == "kill -9"
        in_its_hands = house.store.redis.zrange("limner:ready:fast", 0, -1) if killed else []
        (house.kill if killed else house.terminate)(first)
        second = others[0] if others else house.start_worker("fast")
        wait_until(lambda: all(receiver.ended(job) for job in ids), 120, "the end of all")

        granted = logged(house, second, "job.granted")
        assert sorted(granted[:SLOTS]) == sorted(kept), "what was left goes first"
        assert sorted(granted) == sorted(ids), "each is granted its slot once"
        assert sorted(logged(house, second, "job.attached")) == sorted(kept)
        if end == "SIGTERM" and workers == 1:
            # Not by the log: its lines are of several threads.
            starts = [int(house.store.redis.hget(f"limner:job:{job}", "started_ms")) for job in ids]
            assert starts == sorted(starts), "nothing has lost its place"
        drawn.assert_each_once(house, ids)
        for job in ids:
            told = receiver.told(job)
            assert_told_in_order(told)
            assert told[-1]["status"] == 1
            # Once, and none that waited: nobody waits for a lease twice.
            came_back = [event["status"] for event in told].count(-2)
            assert came_back == (job in kept) or (job in in_its_hands and came_back == 1)
            lost = house.store.redis.hget(f"limner:job:{job}", "lost")
            # What had not begun does not count as lost.
            assert lost == (("1" if job in kept else "0") if came_back and killed else None)
        assert unfinished(house) == 0
