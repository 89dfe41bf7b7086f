"""A lane that stands still is told by what Redis knows: jobs wait, a slot is free, nothing starts."""

from __future__ import annotations

import pytest

from limner.errors import EngineError
from limner.request import Lane
from limner.store import Trouble
from limner.store.metrics.warning import STALLED_S, Code, warnings
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine
from workers.drawing.trouble import handover, trouble_of


@pytest.fixture
def stalled(store, clock):
    """Let time pass while workers beat and sweep, and return the lanes that an operator is warned of."""

    def after(seconds: float, *engines, draws: dict[str, str] | None = None) -> list[str]:
        names = [engine.name for engine in engines or (an_engine(),)]
        for _ in range(round(seconds)):
            clock.pass_s(1)
            for lane in Lane:
                store.lanes.renew(WORKER, lane, names, draws or {})
            store.lanes.sweep(MESSAGES)
        found = warnings(store.numbers.read())
        return [warned.subject for warned in found if warned.code is Code.LANE_STALLED]

    return after


@pytest.mark.parametrize("lane", Lane)
def test_jobs_that_nobody_takes_while_a_slot_is_free_are_a_warning_within_half_a_minute(
    store, stalled, lane
):
    a_worker(store)
    an_accepted_job(store, lane=lane)

    assert stalled(STALLED_S - 1) == []
    assert stalled(10) == [lane.value]
    assert store.numbers.read().lanes[lane].stalled_s >= STALLED_S


def test_it_says_the_lane_and_how_many_wait(store, stalled):
    a_worker(store)
    for _ in range(3):
        an_accepted_job(store)
    stalled(20)

    [warned] = [w for w in warnings(store.numbers.read()) if w.code is Code.LANE_STALLED]

    assert "fast" in warned.text
    assert "jobs wait (3)" in warned.text


def test_a_start_ends_it(store, stalled):
    a_worker(store, an_engine(fast=1))
    job, _ = an_accepted_job(store), an_accepted_job(store)
    assert stalled(20, an_engine(fast=1)) == ["fast"]

    assert store.lanes.take(job.id, "t1", WORKER, MESSAGES).state == "granted"

    assert store.numbers.read().lanes[Lane.FAST].stalled_s == 0
    draws = {job.id: "t1"}
    assert stalled(30, an_engine(fast=1), draws=draws) == [], "the one slot is taken"


def test_a_lane_that_starts_one_job_after_another_does_not_stand_still(store, stalled, clock):
    a_worker(store, an_engine(fast=50))
    jobs = [an_accepted_job(store) for _ in range(8)]

    for n, job in enumerate(jobs[:-1]):
        assert stalled(10, an_engine(fast=50)) == []
        store.lanes.take(job.id, f"t{n}", WORKER, MESSAGES)


def test_no_free_slot_is_no_standstill(store, stalled):
    a_worker(store, an_engine(fast=0))
    an_accepted_job(store)

    assert stalled(60, an_engine(fast=0)) == []


def test_nor_is_a_gap(store, stalled):
    engine = an_engine(fast_gap_s=3600)
    a_worker(store, engine)
    first, _ = an_accepted_job(store), an_accepted_job(store)
    store.lanes.take(first.id, "t1", WORKER, MESSAGES)

    assert stalled(60, engine) == []


def test_nor_an_engine_that_rests(store, stalled):
    a_worker(store)
    job = an_accepted_job(store)
    store.lanes.take(job.id, "t1", WORKER, MESSAGES)
    rest = Trouble(engine_state="down", engine_why="no", pause_s=3600, pause_max_s=3600)
    store.lanes.give_back(job.id, "t1", rest, MESSAGES)

    assert stalled(60) == []


def test_nor_engines_that_do_not_suit_the_jobs(store, stalled):
    engine = an_engine(clients=("bob",))
    a_worker(store, engine)
    an_accepted_job(store, client="ann")

    assert stalled(60, engine) == []


def test_nor_a_relaxed_job_behind_fast_ones(store, stalled):
    engine = an_engine(fast=1, relaxed=1)
    a_worker(store, engine)
    fast, _ = an_accepted_job(store), an_accepted_job(store, lane=Lane.RELAXED)
    store.lanes.renew(WORKER, Lane.FAST, ["stage"], {})

    assert stalled(60, engine) == ["fast"], "the fast job is in the way of the other"
    assert store.jobs.get(fast.id).status == "waiting"


def test_nor_a_job_whose_worker_has_another_engine_than_the_free_one(store, stalled):
    here, there = an_engine("here", fast=0), an_engine("there")
    a_worker(store, here, there)
    job = an_accepted_job(store)
    store.lanes.renew("elsewhere", Lane.FAST, ["here"], {})
    assert store.lanes.take(job.id, "t1", "elsewhere", MESSAGES).state == "wait"

    for _ in range(60):
        # Its worker goes on holding it.
        store.lanes.renew("elsewhere", Lane.FAST, ["here"], {job.id: "t1"})
        assert stalled(1, there) == []


def test_a_drawing_that_goes_on_and_that_nobody_takes_up_is_a_standstill(store, stalled):
    engine = an_engine(fast=2)
    a_worker(store, engine)
    job = an_accepted_job(store)
    store.lanes.take(job.id, "t1", WORKER, MESSAGES)
    store.lanes.keep_handle(job.id, "t1", {"id": "x"}, attach=True)
    store.lanes.give_back(job.id, "t1", Trouble(), MESSAGES, keep=True)

    assert stalled(STALLED_S - 2, engine) == []
    assert stalled(4, engine) == ["fast"]


def test_nor_a_job_that_only_an_engine_of_another_lane_suits(store, stalled, clock):
    a_worker(store, an_engine("flat"))
    store.engines.abilities("flat", ["tile"])
    store.engines.register([an_engine("tiler")])
    an_accepted_job(store, tile=True)

    for _ in range(60):
        store.lanes.renew("relaxed-only", Lane.RELAXED, ["tiler"], {})
        assert stalled(1, an_engine("flat")) == []


def test_a_relaxed_lane_stands_still_where_fast_has_no_room_anyway(store, stalled):
    engine = an_engine(fast=0, relaxed=2)
    a_worker(store, engine)
    for lane in Lane:
        an_accepted_job(store, lane=lane)

    assert stalled(20, engine) == ["relaxed"]


def test_without_any_worker_it_is_another_warning(store, clock):
    a_worker(store)
    an_accepted_job(store)

    for _ in range(60):
        clock.pass_s(1)
        store.lanes.sweep(MESSAGES)

    assert store.numbers.read().lanes[Lane.FAST].stalled_s == 0


def test_a_time_without_redis_is_no_standstill(store, stalled, clock):
    a_worker(store)
    an_accepted_job(store)
    assert stalled(5) == []

    clock.pass_s(3600)

    assert stalled(2) == []
    assert stalled(20) == ["fast"]


def test_a_clock_that_is_set_back_delays_the_warning_no_more_than_a_start_would(
    store, stalled, clock
):
    a_worker(store)
    an_accepted_job(store)
    assert stalled(10) == []

    clock.pass_s(-3600)

    assert stalled(20) == ["fast"]


@pytest.mark.parametrize(
    "strange",
    [
        b"5",
        b"null",
        b"true",
        b"[]",
        b'"x"',
        b'{"headers": 5}',
        b'{"headers": {"id": {}}}',
        b"[" * 9000,
    ],
)
def test_a_sweep_reads_past_strange_messages(store, clock, strange):
    a_worker(store)
    job = an_accepted_job(store)
    store.redis.rpush("fast", strange, b"x" * 100_000)

    assert store.lanes.sweep(MESSAGES) == 0
    store.redis.delete("fast")
    clock.pass_s(1)
    store.lanes.sweep(MESSAGES)
    clock.pass_s(6)

    assert store.lanes.sweep(MESSAGES) == 1
    assert job.id in store.redis.lindex("fast", 0)


def failed_once(store, job, engine):
    """Have a job granted on that engine fail there, as the first to do so."""
    assert store.lanes.take(job.id, job.id, WORKER, MESSAGES).engine == engine
    trouble = trouble_of(EngineError("broken"), submitted=True)
    assert store.lanes.give_back(job.id, job.id, trouble, MESSAGES) == "waiting"


@pytest.mark.parametrize("held", [True, False])
def test_nor_a_retry_that_waits_for_another_engine_than_the_idle_one_that_failed_it(
    store, stalled, held
):
    engines = an_engine("a", fast=1), an_engine("b", fast=1, weight=9.0)
    a_worker(store, *engines)
    other, job = an_accepted_job(store), an_accepted_job(store)
    assert store.lanes.take(other.id, "t1", WORKER, MESSAGES).engine == "b"
    failed_once(store, job, "a")
    draws = {other.id: "t1"}
    if held:
        assert store.lanes.take(job.id, "t2", WORKER, MESSAGES).state == "wait"
        draws[job.id] = "t2"

    assert stalled(60, *engines, draws=draws) == []

    # Once the other engine is free, it is one.
    store.lanes.failed(other.id, "t1", "No.", "moderated", answered=True)
    if not held:
        assert stalled(STALLED_S + 5, *engines) == ["fast"]


def test_a_retry_that_a_worker_without_the_other_engine_could_take_is_one(store, stalled):
    here, there = an_engine("here", fast=1), an_engine("there", fast=1)
    a_worker(store, here)
    job = an_accepted_job(store)
    failed_once(store, job, "here")
    store.engines.register([there])

    for _ in range(30):
        store.lanes.renew("elsewhere", Lane.FAST, ["there"], {})
        warned = stalled(1, here)

    assert warned == ["fast"]


def test_a_job_that_lets_others_go_first_is_one_only_if_they_do_not_go_either(store, stalled):
    a_worker(store, an_engine(fast=1))
    job = an_accepted_job(store)
    failed_once(store, job, "stage")

    assert stalled(STALLED_S - 1, an_engine(fast=1)) == []
    assert stalled(10, an_engine(fast=1)) == ["fast"]


def test_nor_a_drawing_whose_own_engine_rests_while_another_is_idle(store, stalled):
    engines = an_engine("a", fast=1), an_engine("b", fast=2)
    a_worker(store, *engines)
    job, down = an_accepted_job(store), an_accepted_job(store)
    assert store.lanes.take(job.id, "t1", WORKER, MESSAGES).engine == "b"
    store.lanes.keep_handle(job.id, "t1", {"id": "x"}, attach=True, paid="fail")
    assert store.lanes.take(down.id, "t2", WORKER, MESSAGES).engine in ("a", "b")
    store.redis.hset("limner:engine:b", mapping={"paused_until": 2**53, "pause_ms": 2**53})
    store.lanes.give_back(job.id, "t1", handover(), MESSAGES, keep=True)
    store.lanes.cancel(down.id)

    assert stalled(60, *engines) == []
