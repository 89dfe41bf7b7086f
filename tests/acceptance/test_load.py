"""Many jobs: the slots stay busy, none is lost, and memory stays where it is."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from limner.request import Lane
from tests.acceptance.house import House, assert_told_in_order, most_at_once
from tests.acceptance.load import accept_many, rss_bytes, stage, wait_for_all
from tests.acceptance.receiver import Receiver
from tests.conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

#: how many jobs wait at once; each costs some 60 ms of a core, most of it for its five PNGs
JOBS = int(os.environ.get("LOAD_JOBS", "400"))
LANES = (Lane.RELAXED, Lane.FAST, Lane.FAST, Lane.FAST)
#: what others may use of the machine while a ratio of times is measured
FOREIGN_MAX = 0.2


@pytest.fixture
def say(capsys) -> Iterator:
    """Print a figure for whoever runs the tests, past pytest's capture."""

    def say(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n    {text}")

    return say


def ready(house: House) -> bool:
    """Whether every worker of the house has said that it is."""
    return all(
        "ready" in house.log(name)
        for name in house.running
        if name.startswith(("fast", "relaxed", "callbacks"))
    )


class Quiet:
    """How much of the machine went to others than the house and this test, from 0 to 1."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._began, self._all, self._own = time.monotonic(), self._busy_s(), self._own_s()

    def foreign(self) -> float:
        capacity = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return (self._busy_s() - self._all - (self._own_s() - self._own)) / capacity

    def _busy_s(self) -> float:
        times = psutil.cpu_times()
        return times.user + times.system + times.nice + times.steal

    def _own_s(self) -> float:
        mine = [psutil.Process(), *psutil.Process().children(recursive=True)]
        return sum(sum(process.cpu_times()[:2]) for process in mine)


def resident_mb(house: House) -> dict[str, float]:
    """The memory of each worker, with what it started."""
    sizes = {}
    for name, process in house.running.items():
        if name.startswith(("fast", "relaxed", "callbacks")):
            sizes[name] = rss_bytes(process.pid) / 1e6
    return sizes


def redis_mb(house: House) -> float:
    return house.store.redis.info("memory")["used_memory"] / 1e6


def test_the_slots_of_an_engine_stay_busy_and_never_draw_more_than_they_are(say):
    with Receiver() as receiver, House(stage(fast=4, relaxed=4)) as house:
        house.start_all()
        wait_until(lambda: ready(house), what="the workers' start")
        lanes = [True] * 28 + [False] * 12
        random.Random(7).shuffle(lanes)

        quiet = Quiet(house)
        ids = [house.imagine(fast=fast, callBackUrl=receiver.url)["id"] for fast in lanes]
        wait_until(lambda: all(map(receiver.ended, ids)), 60, "the end of all forty")

        ledger = house.drawn()
        starts = [line["at"] for line in ledger if line["what"] == "start"]
        ends = [line["at"] for line in ledger if line["what"] == "end"]
        assert (len(starts), len(ends)) == (40, 40)
        assert most_at_once(ledger) <= 4
        busy = (40 * 1.0 / 4) / (max(ends) - min(starts))
        for job_id in ids:
            assert_told_in_order(receiver.told(job_id))
        foreign = quiet.foreign()
        say(f"slots busy: {busy:.3f} of the ideal; {foreign:.0%} of the machine went to others")
        assert busy >= 0.9 or foreign > FOREIGN_MAX


@pytest.mark.timeout(600)
def test_many_waiting_jobs_all_end_and_leave_memory_as_it_was(say):
    with Receiver() as receiver, House(stage(seconds=0, steps=0, fast=8, relaxed=8)) as house:
        # The first jobs pay for what every process loads once.
        for queue in ("fast", "relaxed", "callbacks"):
            house.start_worker(queue)
        wait_until(lambda: ready(house), what="the workers' start")
        first = accept_many(house, 100, callback_url=receiver.url, lanes=LANES)
        wait_for_all(house)
        wait_until(lambda: all(map(receiver.ended, first)), what="the first callbacks")
        redis_before = redis_mb(house)

        began = time.monotonic()
        ids = accept_many(house, JOBS, callback_url=receiver.url, lanes=LANES)
        accepted_s = time.monotonic() - began
        wait_for_all(house, JOBS // 2)
        half = resident_mb(house)
        wait_for_all(house)
        drawn_s = time.monotonic() - began
        for job_id in ids:
            wait_until(lambda job_id=job_id: receiver.ended(job_id), what="the last callback")
        told_s = time.monotonic() - began
        end, redis_after = resident_mb(house), redis_mb(house)

        assert {house.store.jobs.get(job_id).status for job_id in ids} == {"done"}
        ledger = house.drawn()
        starts = [line["job"] for line in ledger if line["what"] == "start"]
        assert sorted(starts) == sorted([*first, *ids]), "drawn once each"
        assert most_at_once(ledger) <= 8
        for job_id in ids:
            assert_told_in_order(receiver.told(job_id))

        kb_a_job = (redis_after - redis_before) * 1000 / JOBS
        sizes = ", ".join(f"{name} {half[name]:.0f} → {end[name]:.0f}" for name in end)
        say(
            f"{JOBS} jobs: accepted in {accepted_s:.1f} s, drawn in {drawn_s:.1f} s "
            f"({JOBS / drawn_s:.0f} a second), told in {told_s:.1f} s; "
            f"Redis keeps {kb_a_job:.1f} kB a job; MB from half to end: {sizes}"
        )
        assert kb_a_job < 12
        for name, size in end.items():
            assert size < half[name] * 1.3, name
        # Nothing is left but the records of what was drawn and told.
        left = {key.split(":")[1] for key in house.store.redis.keys("limner:*")}
        assert not left & {"waiting", "ready", "holds", "leases", "slots", "waits", "runs", "due"}
        assert not left & {"outq", "grant", "dead", "parked"}
