"""How many drawings one worker process can hold, the memory of each, and the recovery time after a loss."""

from __future__ import annotations

import time
from typing import Any

import psutil

from bench.over_servers import over_servers
from bench.place import Figure, accept_many, figure, limner, say
from tests.acceptance.house import House
from tests.conftest import wait_until

WANTED = 520
LEASE_S, LOSSES = 4.0, 5


def measure() -> list[Figure]:
    """Measure drawings in flight, and recovery."""
    return [*_in_flight(), *over_servers(), _recovery()]


def _in_flight() -> list[Figure]:
    with limner(seconds=20.0, steps=2, slots=WANTED, worker_threads=WANTED) as house:
        name = house.start_worker("fast")
        accept_many(house, 1, "a lighthouse [[seconds 0]]")
        wait_until(lambda: any(e["what"] == "end" for e in house.drawn()), 60, "the warm-up")
        process = psutil.Process(house.running[name].pid)
        before = process.memory_info().rss
        accept_many(house, WANTED)
        most = 0
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and most < WANTED:
            most = max(most, house.store.jobs.running_count("ann"))
            time.sleep(0.1)
        each = (process.memory_info().rss - before) / max(most, 1)
    say(f"in flight: {most}, {each / 1024:.0f} KiB each")
    return [
        figure("inflight", [float(most)], ">= 500"),
        figure("bytes_per_inflight", [each], "report"),
    ]


def _recovery() -> Figure:
    took_s = []
    with limner(seconds=60.0, steps=10, slots=1, lease_s=LEASE_S, tick_s=1) as house:
        accept_many(house, 1)
        names = [house.start_worker("fast"), house.start_worker("fast")]
        for number in range(LOSSES):
            holder = _drawing(house, names)
            killed = time.monotonic()
            house.kill(holder)
            names.remove(holder)
            _drawing(house, names)
            took_s.append(time.monotonic() - killed)
            say(f"recovery {number + 1}/{LOSSES}: {took_s[-1]:.1f} s, lease {LEASE_S:g} s")
            # A job fails with its third lost worker, so each round has a job of its own.
            for left in house.store.jobs.page("ann").jobs:
                house.store.lanes.cancel(left.id)
            accept_many(house, 1)
            names.append(house.start_worker("fast"))
    return figure("recovery_s", took_s, "report", f"leases of {LEASE_S:g} s")


def _drawing(house: House, names: list[str]) -> str:
    """Wait until one of the workers draws the job, and return its name."""
    redis: Any = house.store.redis
    found = ""

    def drawn() -> bool:
        nonlocal found
        for job in house.store.jobs.page("ann").jobs:
            record = redis.hgetall(f"limner:job:{job.id}")
            if record.get("status") in ("submitted", "drawing"):
                pid = int(str(record["worker"]).split("-")[-2])
                found = next((n for n in names if house.running[n].pid == pid), "")
                return bool(found)
        return False

    wait_until(drawn, 60, "a drawing")
    return found
