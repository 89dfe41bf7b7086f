"""Who gets the room of an engine: fast and relaxed, slots that change, gaps, and jobs that step aside."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from limner.job import Picture, Status
from limner.reasons import Reason
from limner.request import Lane
from limner.store import Store, Trouble
from limner.store.lanes import Result
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine

GRID = Picture("http://limner/grid.png", 1024, 1024)
BAD = Trouble("bad_results", 5, Reason.BAD_RESULT, engine_why="black", pause_s=10)


def take(store, job, token=None, worker=WORKER):
    return store.lanes.take(job.id, token or job.id, worker, MESSAGES)


def status(store, job):
    return store.jobs.get(job.id).status.value


def finish(store, job, token=None):
    store.lanes.done(job.id, token or job.id, Result(GRID, [GRID] * 4, {}))


def test_relaxed_takes_only_its_share_and_fast_whatever_is_left(store):
    a_worker(store, an_engine(fast=3, relaxed=2))
    relaxed = [an_accepted_job(store, lane=Lane.RELAXED) for _ in range(3)]
    assert [take(store, job).state for job in relaxed] == ["granted", "granted", "wait"]
    fast = [an_accepted_job(store) for _ in range(2)]

    assert [take(store, job).state for job in fast] == ["granted", "wait"]
    assert [len(store.redis.smembers(f"limner:slots:stage:{lane.value}")) for lane in Lane] == [
        1,
        2,
    ]


def test_a_relaxed_lane_may_have_more_slots_than_the_fast_one(store):
    a_worker(store, an_engine(fast=1, relaxed=3))
    relaxed = [an_accepted_job(store, lane=Lane.RELAXED) for _ in range(3)]
    assert [take(store, job).state for job in relaxed] == ["granted"] * 3
    fast = an_accepted_job(store)
    assert take(store, fast).state == "wait"

    finish(store, relaxed[0])

    assert status(store, fast) == "submitted"


def test_a_relaxed_job_goes_where_fast_has_no_room_left_anyway(store):
    a_worker(store, an_engine(fast=1, relaxed=2))
    fast = [an_accepted_job(store) for _ in range(2)]
    assert [take(store, job).state for job in fast] == ["granted", "wait"]

    assert take(store, an_accepted_job(store, lane=Lane.RELAXED)).state == "granted"


def test_slots_that_were_taken_away_are_used_up_and_not_given_again(store):
    a_worker(store, an_engine(fast=3))
    jobs = [an_accepted_job(store) for _ in range(5)]
    assert [take(store, job).state for job in jobs[:3]] == ["granted"] * 3
    store.engines.register([an_engine(fast=1)])
    assert take(store, jobs[3]).state == "wait"

    finish(store, jobs[0])
    finish(store, jobs[1])
    assert status(store, jobs[3]) == "waiting"
    finish(store, jobs[2])

    assert status(store, jobs[3]) == "submitted"
    assert take(store, jobs[4]).state == "wait"


def test_an_engine_that_failed_a_job_is_kept_for_others_for_five_seconds_each_time(store, clock):
    a_worker(store, an_engine(fast=1))
    job, other = an_accepted_job(store), an_accepted_job(store)
    for _ in range(2):
        take(store, job)
        store.lanes.give_back(job.id, job.id, BAD, MESSAGES)
        assert take(store, job).state == "wait", "nobody took the other one yet"
        clock.pass_s(4.999)
        assert take(store, job).state == "wait"
        clock.pass_s(0.001)
        store.engines.probed("stage", True, "", 0)
        store.redis.hset("limner:engine:stage", mapping={"paused_until": 0, "fails": 0})
        assert take(store, job).state == "granted"
    assert other.id in store.redis.zrange("limner:waiting:fast", 0, -1)


def test_where_no_other_job_waits_nothing_is_kept_for_others(store):
    a_worker(store, an_engine(fast=1))
    job = an_accepted_job(store)
    take(store, job)

    store.lanes.give_back(job.id, job.id, BAD, MESSAGES)

    assert take(store, job).state == "granted"
    assert store.jobs.get(job.id).status is Status.SUBMITTED


def test_many_threads_never_hold_more_slots_than_there_are(redis_url):
    store = Store(redis_url)
    store.redis.flushall()
    a_worker(store, an_engine(fast=3))
    jobs = [an_accepted_job(store) for _ in range(60)]
    drawn, seen, lock = set(), [], threading.Lock()

    def draw(mine):
        for job in mine:
            token = uuid.uuid4().hex
            while take(store, job, token=token).state == "wait":
                store.lanes.wait_for_grant(job.id, 0.2)
            with lock:
                drawn.add(job.id)
                seen.append(len(drawn))
            # Some round trips, as a drawing has: whoever may draw beside it is there meanwhile.
            for percent in (10, 50, 90):
                store.lanes.progress(job.id, token, percent, None)
            with lock:
                drawn.remove(job.id)
            store.lanes.done(job.id, token, Result(GRID, [GRID] * 4, {}))

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(draw, (jobs[n::12] for n in range(12))))

    assert max(seen) <= 3
    assert len(seen) == 60
    assert all(store.jobs.get(job.id).status is Status.DONE for job in jobs)
    assert store.redis.scard("limner:slots:stage:fast") == 0
    store.close()


# -- gaps -----------------------------------------------------------------------------------------


def test_a_lane_keeps_its_gap_between_two_starts(store, clock):
    a_worker(store, an_engine(relaxed=5, fast=5, relaxed_gap_s=1.5))
    first, second = (an_accepted_job(store, lane=Lane.RELAXED) for _ in range(2))
    take(store, first, token="t1")

    taken = take(store, second, token="t2")
    assert (taken.state, taken.again_s) == ("wait", 1.5)
    clock.pass_s(1.4)
    assert take(store, second, token="t2").state == "wait"
    clock.pass_s(0.1)
    assert take(store, second, token="t2").state == "granted"


def test_the_gap_counts_from_the_hand_over_to_the_engine(store, clock):
    a_worker(store, an_engine(relaxed=5, fast=5, relaxed_gap_s=1.5))
    first, second = (an_accepted_job(store, lane=Lane.RELAXED) for _ in range(2))
    take(store, first, token="t1")
    clock.pass_s(1.5)
    take(store, second, token="t2")

    assert store.lanes.begin(first.id, "t1").attempt == 0
    assert store.lanes.begin(second.id, "t2").wait_s == 1.5
    clock.pass_s(1.5)
    assert store.lanes.begin(second.id, "t2").attempt == 0


def test_a_hand_over_with_the_grant_keeps_the_gap_like_any_other(store, clock):
    engine = an_engine(fast=2, fast_gap_s=3)
    a_worker(store, engine)
    first, second = an_accepted_job(store), an_accepted_job(store)
    assert store.lanes.take(first.id, "a", WORKER, MESSAGES, begin=True).attempt == 0

    assert store.lanes.take(second.id, "b", WORKER, MESSAGES, begin=True).state == "wait"
    clock.pass_s(3)

    assert store.lanes.take(second.id, "b", WORKER, MESSAGES, begin=True).attempt == 0


@pytest.mark.parametrize("lane", Lane)
def test_a_gap_is_of_one_lane_and_told_to_whoever_waits_first(store, clock, lane):
    other = next(other for other in Lane if other is not lane)
    a_worker(store, an_engine(fast=9, relaxed=9, **{f"{lane.value}_gap_s": 3.0}))
    first, second, third = (an_accepted_job(store, lane=lane) for _ in range(3))
    take(store, first)
    clock.pass_s(1)

    assert [take(store, job).again_s for job in (second, third)] == [2, 2]
    assert store.lanes.wait_for_grant(second.id, 0.1) == 2
    assert store.redis.llen(f"limner:grant:{third.id}") == 0, "one at a time"
    # Relaxed leaves an engine to a fast job that waits for its gap.
    goes = "granted" if lane is Lane.RELAXED else "wait"
    assert take(store, an_accepted_job(store, lane=other)).state == goes
    clock.pass_s(1.999)
    assert take(store, second).again_s == 0.001
    clock.pass_s(0.001)
    assert take(store, third).state == "wait", "the first one comes first"
    assert status(store, second) == "submitted"
    assert take(store, third).again_s == 3


def test_the_engine_that_opens_first_is_waited_for(store, clock):
    a_worker(
        store, an_engine("slow", fast=9, fast_gap_s=9), an_engine("quick", fast=2, fast_gap_s=4)
    )
    for _ in range(2):
        assert take(store, an_accepted_job(store)).state == "granted"

    assert take(store, an_accepted_job(store)).again_s == 4


def test_a_slot_that_was_kept_costs_no_gap(store, clock):
    a_worker(store, an_engine(fast=2, fast_gap_s=60))
    job = an_accepted_job(store)
    take(store, job)
    store.lanes.keep_handle(job.id, job.id, {"id": "x"}, attach=True)
    store.lanes.give_back(job.id, job.id, Trouble(), MESSAGES, keep=True)

    assert take(store, job, "again").state == "granted"


def test_without_a_gap_nothing_is_waited_for(store, clock):
    a_worker(store, an_engine(fast=2))
    for _ in range(2):
        job = an_accepted_job(store)
        assert take(store, job).state == "granted"
        assert store.lanes.begin(job.id, job.id).attempt == 0
    assert store.redis.hget("limner:engine:stage", "fast_begun_ms") is None


def test_a_hand_over_puts_the_next_start_off_by_the_gap(store, clock):
    a_worker(store, an_engine(fast=9, fast_gap_s=3))
    first, second = an_accepted_job(store), an_accepted_job(store)
    take(store, first)
    clock.pass_s(2)
    store.lanes.begin(first.id, first.id)
    clock.pass_s(2)

    assert take(store, second).again_s == 1
