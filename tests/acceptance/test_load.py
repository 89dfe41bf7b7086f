"""Many jobs: the slots stay busy, none is lost, and memory stays where it is."""

from __future__ import annotations

import os
import random
import sys
import time
import uuid
from collections.abc import Iterator

import psutil
import pytest
from celery import Celery

from limner.broker import broker_url
from limner.callback import destination
from limner.message import Messages
from limner.request import Lane
from tests.acceptance.house import House, assert_told_in_order, most_at_once
from tests.acceptance.receiver import Receiver
from tests.builders import a_request
from tests.conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

#: how many jobs wait at once; each costs some 60 ms of a core, most of it for its five PNGs
JOBS = int(os.environ.get("LOAD_JOBS", "400"))
#: what others may use of the machine while a ratio of times is measured
FOREIGN_MAX = 0.2

STAGE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = {seconds}
steps = {steps}
ledger = "LEDGER"
fast = {{ slots = {slots} }}
relaxed = {{ slots = {slots} }}
"""


def stage(seconds: float, steps: int, slots: int) -> str:
    return STAGE.format(seconds=seconds, steps=steps, slots=slots)


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


def accept(house: House, count: int, callback_url: str | None) -> list[str]:
    """Put so many jobs, of both lanes, into the store, as the API does."""
    with Celery("limner", set_as_current=False) as app:
        app.config_from_object("celeryconfig")
        app.conf.update(broker_url=broker_url(house.settings))
        messages = Messages.render(app)
    ids = [uuid.uuid4().hex for _ in range(count)]
    for n, job_id in enumerate(ids):
        lane = Lane.RELAXED if n % 4 == 0 else Lane.FAST
        house.store.jobs.accept(
            job_id,
            "ann",
            a_request(lane=lane, callback_url=callback_url),
            (1, 2, 3, 4),
            messages,
            waiting_cap=10_000,
            destination=destination(callback_url) if callback_url else None,
        )
    return ids


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


def unfinished(house: House) -> int:
    jobs = house.store.jobs
    return jobs.waiting_count("ann") + jobs.running_count("ann")


def resident_mb(house: House) -> dict[str, float]:
    """The memory of each worker, with what it started."""
    sizes = {}
    for name, process in house.running.items():
        if name.startswith(("fast", "relaxed", "callbacks")):
            family = psutil.Process(process.pid)
            members = [family, *family.children(recursive=True)]
            sizes[name] = sum(member.memory_info().rss for member in members) / 1e6
    return sizes


def redis_mb(house: House) -> float:
    return house.store.redis.info("memory")["used_memory"] / 1e6


def test_the_slots_of_an_engine_stay_busy_and_never_draw_more_than_they_are(say):
    with Receiver() as receiver, House(stage(seconds=1, steps=4, slots=4)) as house:
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


def wait_for_all(house: House, down_to: int = 0) -> None:
    """Wait for as long as jobs end: how long that takes says more of the machine than of us."""
    while (left := unfinished(house)) > down_to:
        wait_until(lambda left=left: unfinished(house) < left, 30, "the end of one more job")


@pytest.mark.timeout(600)
def test_many_waiting_jobs_all_end_and_leave_memory_as_it_was(say):
    with Receiver() as receiver, House(stage(seconds=0, steps=0, slots=8)) as house:
        # The first jobs pay for what every process loads once.
        for queue in ("fast", "relaxed", "callbacks"):
            house.start_worker(queue)
        wait_until(lambda: ready(house), what="the workers' start")
        first = accept(house, 100, receiver.url)
        wait_for_all(house)
        wait_until(lambda: all(map(receiver.ended, first)), what="the first callbacks")
        redis_before = redis_mb(house)

        began = time.monotonic()
        ids = accept(house, JOBS, receiver.url)
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
