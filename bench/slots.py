"""How busy the slots are kept, and how many waiting jobs are not in the queue."""

from __future__ import annotations

import threading

from bench.place import Figure, accept_many, figure, limner, say
from limner.request import Lane
from tests.acceptance.house import House
from tests.acceptance.load import wait_for_all
from tests.conftest import wait_until

JOBS, SECONDS, SLOTS = 304, 0.5, 8
ROUNDS = 5


def measure() -> list[Figure]:
    """Measure the lanes."""
    busy, depth = [], []
    with limner(seconds=SECONDS, steps=0, slots=SLOTS) as house:
        for _ in range(2):
            house.start_worker("fast")
        accept_many(house, SLOTS)
        wait_for_all(house)
        for number in range(ROUNDS):
            house.ledger.write_text("")
            accept_many(house, JOBS)
            off = _OffTheQueue(house)
            wait_until(lambda: house.store.jobs.waiting_count("ann") == 0, 120, "the last start")
            depth.append(off.mean())
            wait_for_all(house)
            ledger = house.drawn()
            took_s = ledger[-1]["at"] - ledger[0]["at"]
            busy.append(JOBS * SECONDS / SLOTS / took_s)
            say(f"slots {number + 1}/{ROUNDS}: busy {busy[-1]:.3f}, off the queue {depth[-1]:.1f}")
    return [
        figure("slots_busy", busy, ">= 0.98", f"{JOBS} jobs of {SECONDS} s on {SLOTS} slots"),
        figure("depth_error", depth, "<= 5"),
    ]


class _OffTheQueue(threading.Thread):
    """Samples how many waiting jobs have no message in the queue."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        self._house = house
        self._seen: list[int] = []
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        redis = self._house.store.redis
        while not self._ended.wait(0.05):
            # One transaction: a job taken between two reads would count as missing.
            with redis.pipeline(transaction=True) as pipe:
                pipe.zcard(f"limner:waiting:{Lane.FAST.value}")
                pipe.llen(Lane.FAST.value)
                waiting, queued = pipe.execute()
            if queued:
                self._seen.append(waiting - queued)

    def mean(self) -> float:
        """Stop sampling, and return the mean over the samples that found a queue."""
        self._ended.set()
        self.join()
        return sum(self._seen) / len(self._seen) if self._seen else 0.0
