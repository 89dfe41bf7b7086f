"""Kill real processes at bad moments: every job ends, is told in order, and frees its slot."""

from __future__ import annotations

import itertools

import pytest

from limner.request import Lane
from tests.acceptance.house import House, assert_told_in_order, most_at_once
from tests.acceptance.load import stage, unfinished
from tests.acceptance.receiver import Receiver
from tests.conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def all_ended(receiver: Receiver, ids: list[str]):
    return lambda: all(receiver.ended(job_id) for job_id in ids)


def assert_all_done(house: House, receiver: Receiver, ids: list[str]) -> None:
    for job_id in ids:
        told = receiver.told(job_id)
        assert_told_in_order(told)
        assert told[-1]["status"] == 1, told[-1]
        assert house.ask("GET", f"/draw/midjourney/jobs/{job_id}")[1]["status"] == 1
    for lane in Lane:
        assert house.store.redis.scard(f"limner:slots:stage:{lane.value}") == 0
    assert house.store.redis.zcard("limner:leases") == 0
    assert unfinished(house) == 0


def drawing(house: House, ids: list[str]) -> int:
    return sum(house.store.jobs.get(job_id).status == "drawing" for job_id in ids)


def test_nine_jobs_survive_the_death_of_every_worker():
    with Receiver() as receiver, House(stage(seconds=3, fast=9)) as house:
        house.start_all()
        ids = [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(9)]
        wait_until(lambda: drawing(house, ids) == 9, what="nine drawings under way")

        for name in [n for n in house.running if n.startswith(("fast", "relaxed", "callbacks"))]:
            house.kill(name)
        for queue in ("fast", "relaxed", "callbacks"):
            house.start_worker(queue)

        wait_until(all_ended(receiver, ids), 60, "the end of all nine")
        assert_all_done(house, receiver, ids)
        starts = [line["job"] for line in house.drawn() if line["what"] == "start"]
        assert sorted(starts) == sorted(ids), "rehearsal re-attaches: nothing is drawn twice"


def test_a_terminated_worker_hands_its_drawings_over():
    with Receiver() as receiver, House(stage(seconds=6)) as house:
        house.start_api()
        house.start_worker("callbacks")
        first = house.start_worker("fast")
        ids = [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(6)]
        wait_until(lambda: drawing(house, ids) == 4, what="four drawings under way")

        second = house.start_worker("fast")
        wait_until(lambda: "ready" in house.log(second), what="the second worker")
        took_s = house.terminate(first)

        assert took_s < 10
        wait_until(all_ended(receiver, ids), 60, "the end of all six")
        assert_all_done(house, receiver, ids)
        ledger = house.drawn()
        assert sorted(line["job"] for line in ledger if line["what"] == "start") == sorted(ids)
        assert most_at_once(ledger) <= 4
        assert all(not house.store.redis.hget(f"limner:job:{i}", "lost") for i in ids)


def test_jobs_survive_a_killed_redis():
    with Receiver() as receiver, House(stage(seconds=1.5)) as house:
        house.start_all()
        ids = [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(12)]
        wait_until(lambda: drawing(house, ids) > 0, what="a drawing under way")
        # The append-only file is synced every second; what was accepted before that is promised.
        house.store.redis.execute_command("WAITAOF", 1, 0, 30_000)

        house.kill("redis")
        wait_until(lambda: house.ask("GET", "/readyz")[0] == 503, what="an outage")
        house.start_redis()

        wait_until(all_ended(receiver, ids), 90, "the end of all twelve")
        assert_all_done(house, receiver, ids)
        assert most_at_once(house.drawn()) <= 4


def test_jobs_survive_the_loss_of_both_lane_lists():
    with Receiver() as receiver, House(stage(seconds=0.05, fast=8, relaxed=4)) as house:
        house.start_api()
        ids = [house.imagine(callBackUrl=receiver.url, fast=bool(n % 2))["id"] for n in range(200)]

        house.store.redis.delete("fast", "relaxed")
        for queue in ("fast", "relaxed", "callbacks"):
            house.start_worker(queue)

        wait_until(all_ended(receiver, ids), 90, "the end of all 200")
        assert_all_done(house, receiver, ids)


def test_slots_and_gaps_hold_over_two_workers_a_lane():
    with Receiver() as receiver, House(stage(seconds=1, relaxed=2, gap_s=1.5)) as house:
        house.start_api()
        ids = [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(40)]
        relaxed = [house.imagine(callBackUrl=receiver.url, fast=False)["id"] for _ in range(4)]
        for queue in ("fast", "fast", "relaxed", "relaxed", "callbacks"):
            house.start_worker(queue)

        wait_until(all_ended(receiver, ids + relaxed), 90, "the end of all")
        assert_all_done(house, receiver, ids + relaxed)
        ledger = house.drawn()
        assert most_at_once(ledger) <= 4
        starts = [e["at"] for e in ledger if e["what"] == "start" and not e["fast"]]
        # The engine's clock and Redis's are read some ms apart.
        assert all(after - before > 1.45 for before, after in itertools.pairwise(starts))
