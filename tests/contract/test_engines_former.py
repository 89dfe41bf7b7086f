"""Engines that no worker has any more: how long they are waited for, and what becomes of their jobs."""

from __future__ import annotations

import re

import pytest

from limner.job import Picture, Status
from limner.request import Lane
from limner.store import Policy, Store
from limner.store.lanes import Result
from limner.store.metrics.prometheus import page
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine
from workers.drawing.trouble import handover

GRID = Picture("http://limner/grid.png", 1024, 1024)
#: as Policy has it
ABSENT_S = 900


def take(store, job, token="t1", worker=WORKER):
    return store.lanes.take(job.id, token, worker, MESSAGES)


def pass_s(store, clock, seconds, *beating, worker=WORKER):
    """Let time pass while one worker beats, with the engines of these names, and looks at the lanes."""
    for _ in range(round(seconds / 5)):
        clock.pass_s(5)
        if beating:
            for lane in Lane:
                store.lanes.renew(worker, lane, beating, {})
        store.lanes.sweep(MESSAGES)


def names(store) -> list[str]:
    return [engine.name for engine in store.engines.all()]


@pytest.fixture
def house(store):
    """Two workers, of which only "other" has the engine "tiler", which alone can tile."""
    a_worker(store, an_engine("flat"))
    a_worker(store, an_engine("tiler"), worker="other")
    store.engines.abilities("flat", ["tile"])
    return store


def test_a_job_that_only_a_former_engine_could_draw_fails_as_soon_as_a_worker_takes_it(
    house, clock
):
    job = an_accepted_job(house, tile=True)
    assert take(house, job).state == "wait"
    pass_s(house, clock, ABSENT_S + 30, "flat")

    assert take(house, job).state == "gone"

    assert house.jobs.get(job.id).reason_code == "no_engine"
    assert names(house) == ["flat"]
    assert take(house, an_accepted_job(house)).engine == "flat"


def test_until_then_it_waits(house, clock):
    job = an_accepted_job(house, tile=True)
    # Its worker is silent for a lease before the engine counts as absent.
    pass_s(house, clock, ABSENT_S + 10, "flat")

    assert take(house, job).state == "wait"
    assert names(house) == ["flat", "tiler"]


def test_how_long_is_a_setting(house, redis_url, clock):
    patient = Store(redis_url, policy=Policy(engine_absent_s=86_400), clock=clock)
    pass_s(patient, clock, ABSENT_S + 60, "flat")

    assert names(patient) == ["flat", "tiler"]
    patient.close()


def test_a_rolling_restart_costs_no_job(house, clock):
    job = an_accepted_job(house, tile=True)
    for round_ in range(4):
        house.lanes.leave("other", Lane.FAST)
        house.lanes.leave("other", Lane.RELAXED)
        pass_s(house, clock, ABSENT_S - 60, "flat")
        assert take(house, job, f"t{round_}").state == "wait"
        house.lanes.let_go(job.id, f"t{round_}", MESSAGES)
        a_worker(house, an_engine("tiler"), worker="other")
        pass_s(house, clock, 10, "flat")

    a_worker(house, an_engine("tiler"), worker="other")
    assert take(house, job, "t9", "other").engine == "tiler"


def test_a_worker_that_was_frozen_has_its_engine_again_with_its_first_beat(house, clock):
    pass_s(house, clock, ABSENT_S + 60, "flat")
    assert names(house) == ["flat"]

    house.lanes.renew("other", Lane.FAST, ["tiler"], {})

    assert names(house) == ["flat", "tiler"]
    job = an_accepted_job(house, tile=True)
    assert take(house, job, worker="other").engine == "tiler"
    assert (
        house.redis.pttl("limner:engine:tiler") == house.redis.pttl("limner:settings:tiler") == -1
    )


def test_an_engine_that_comes_back_is_what_it_was(house, clock):
    job = an_accepted_job(house, tile=True)
    take(house, job, worker="other")
    house.redis.hset(
        "limner:engine:tiler", mapping={"state": "refused", "why": "credit", "fails": 1}
    )
    house.lanes.cancel(job.id)
    pass_s(house, clock, ABSENT_S + 60, "flat")
    assert names(house) == ["flat"]

    a_worker(house, an_engine("tiler"), worker="other")

    back = next(engine for engine in house.engines.all() if engine.name == "tiler")
    assert (back.state, back.why) == ("refused", "credit")


def test_what_is_known_of_a_former_engine_goes_within_a_day(house, clock):
    pass_s(house, clock, ABSENT_S + 60, "flat")

    for key in ("limner:engine:tiler", "limner:settings:tiler"):
        assert 0 < house.redis.pttl(key) <= 86_400_000
    assert not house.redis.exists("limner:absent")


def test_nothing_is_forgotten_while_no_worker_lives_at_all(house, clock):
    job = an_accepted_job(house, tile=True)
    pass_s(house, clock, ABSENT_S * 3)
    # They start one after the other.
    pass_s(house, clock, ABSENT_S - 60, "flat")

    assert names(house) == ["flat", "tiler"]
    assert take(house, job).state == "wait"


def test_nor_for_the_time_in_which_nobody_looked(house, clock):
    pass_s(house, clock, 60, "flat")
    clock.pass_s(ABSENT_S * 3)
    pass_s(house, clock, ABSENT_S - 60, "flat")

    assert names(house) == ["flat", "tiler"]


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_nor_by_a_clock_that_is_set(house, clock, seconds):
    pass_s(house, clock, 60, "flat")
    clock.pass_s(seconds)
    pass_s(house, clock, ABSENT_S - 120, "flat")
    assert names(house) == ["flat", "tiler"]

    pass_s(house, clock, 240, "flat")
    assert names(house) == ["flat"]


def drawn_at_a_former_engine(store, clock, *, paid: str):
    """A job whose drawing goes on at an engine that another one could replace, and that is absent."""
    a_worker(store, an_engine("first", fast=9), worker="other")
    job = an_accepted_job(store)
    assert take(store, job, worker="other").engine == "first"
    store.lanes.keep_handle(job.id, "t1", {"id": "there"}, attach=True, paid=paid)
    store.lanes.give_back(job.id, "t1", handover(), MESSAGES, keep=True)
    a_worker(store, an_engine("flat"))
    pass_s(store, clock, ABSENT_S + 60, "flat")
    assert names(store) == ["flat"]
    return job


@pytest.mark.parametrize("paid", ["retry", "fail"])
def test_a_drawing_that_was_paid_for_waits_for_its_former_engine(store, clock, paid):
    job = drawn_at_a_former_engine(store, clock, paid=paid)
    store.engines.abilities("flat", ["tile"])
    assert take(store, job, "t2").state == "wait"
    store.lanes.let_go(job.id, "t2", MESSAGES)

    a_worker(store, an_engine("first", fast=9), worker="other")

    assert take(store, job, "t3", "other").engine == "first"
    assert store.jobs.get(job.id).handle == {"id": "there"}


def test_also_where_no_engine_that_there_is_could_draw_it(store, clock):
    a_worker(store, an_engine("tiler"), worker="other")
    job = an_accepted_job(store, tile=True)
    take(store, job, worker="other")
    store.lanes.keep_handle(job.id, "t1", {"id": "there"}, attach=True, paid="fail")
    store.lanes.give_back(job.id, "t1", handover(), MESSAGES, keep=True)
    a_worker(store, an_engine("flat"))
    store.engines.abilities("flat", ["tile"])
    pass_s(store, clock, ABSENT_S + 60, "flat")

    assert take(store, job, "t2").state == "wait"
    # For as long as any job may wait.
    clock.pass_s(86_401)
    assert take(store, job, "t2").state == "gone"
    assert store.jobs.get(job.id).reason_code == "waited_too_long"


def test_a_drawing_that_was_not_is_drawn_elsewhere(store, clock):
    job = drawn_at_a_former_engine(store, clock, paid="")

    assert take(store, job, "t2").engine == "flat"
    assert store.engines.cancelled_on("first") == {"id": "there"}


def test_an_engine_is_not_forgotten_under_a_job_that_has_a_slot_there(store, clock):
    a_worker(store, an_engine("first"), worker="other")
    job = an_accepted_job(store)
    take(store, job, worker="other")
    a_worker(store, an_engine("flat"))
    # Its worker goes on with what it has, though its settings have the engine no more.
    for _ in range(300):
        store.lanes.renew("other", Lane.FAST, ["flat"], {job.id: "t1"})
        pass_s(store, clock, 5, "flat")
    assert names(store) == ["first", "flat"]

    store.lanes.done(job.id, "t1", Result(GRID, [GRID] * 4, {}))
    pass_s(store, clock, 5, "flat")

    assert names(store) == ["flat"]
    assert store.jobs.get(job.id).status is Status.DONE


def test_what_was_counted_of_a_former_engine_stays_and_its_gauges_go(house, clock):
    job = an_accepted_job(house, tile=True)
    take(house, job, worker="other")
    house.lanes.done(job.id, "t1", Result(GRID, [GRID] * 4, {}))
    pass_s(house, clock, ABSENT_S + 60, "flat")

    numbers = house.numbers.read()

    assert ("tiler", "fast") in numbers.durations["drawn"]
    told = set(re.findall(r'^limner_engine_.*engine="(\w+)"', page(numbers).decode(), re.M))
    assert told == {"flat"}


def test_a_stray_answer_about_a_former_engine_does_not_make_it_anew(store):
    a_worker(store)

    store.engines.abilities("gone", ["tile"])
    store.engines.probed("gone", True, "", 0)

    assert not store.redis.exists("limner:engine:gone")
