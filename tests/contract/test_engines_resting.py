"""How long an engine in trouble rests, and what shows that it is well again."""

from __future__ import annotations

import pytest

from limner.job import Picture
from limner.reasons import Reason
from limner.store import Trouble
from limner.store.lanes import Result
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine

GRID = Picture("http://limner/grid.png", 1024, 1024)
BAD = Trouble("bad_results", 5, Reason.BAD_RESULT, engine_why="black", pause_s=10)
KINDS = {
    "busy": (Trouble(engine_state="busy", pause_s=1, pause_max_s=30), [1, 2, 4, 8, 16, 30, 30]),
    "down": (Trouble(engine_state="down", pause_s=1, pause_max_s=60), [1, 2, 4, 8, 16, 32, 60, 60]),
    "refused": (
        Trouble(engine_state="refused", pause_s=60, pause_max_s=600),
        [60, 120, 240, 480, 600, 600],
    ),
}


def take(store, job):
    return store.lanes.take(job.id, job.id, WORKER, MESSAGES)


def engine_now(store, name="stage"):
    return next(engine for engine in store.numbers.read().engines if engine.name == name)


def fail(store, clock, trouble):
    """Have one job more fail on the engine, as soon as it takes one."""
    clock.pass_s(engine_now(store).paused_s)
    job = an_accepted_job(store)
    assert take(store, job).state == "granted"
    store.lanes.give_back(job.id, job.id, trouble, MESSAGES)
    store.lanes.cancel(job.id)


@pytest.mark.parametrize("kind", KINDS)
def test_each_rest_in_a_row_is_twice_as_long_up_to_a_bound(store, clock, kind):
    trouble, rests = KINDS[kind]
    a_worker(store)
    found = []
    for _ in rests:
        fail(store, clock, trouble)
        found.append(engine_now(store).paused_s)

    assert found == rests
    assert engine_now(store).state == kind


def test_however_many_rests_came_before_one_has_its_bound(store, clock):
    a_worker(store)
    for _ in range(70):
        fail(store, clock, KINDS["down"][0])

    assert engine_now(store).paused_s == 60


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_drawing_the_rests_are_short_again(store, clock, kind):
    trouble, rests = KINDS[kind]
    a_worker(store)
    for _ in range(3):
        fail(store, clock, trouble)
    clock.pass_s(engine_now(store).paused_s)
    job = an_accepted_job(store)
    take(store, job)

    store.lanes.free_slot(job.id, job.id)

    now = engine_now(store)
    assert (now.state, now.why, now.paused_s) == ("ok", "", 0)
    fail(store, clock, trouble)
    assert engine_now(store).paused_s == rests[0]


@pytest.mark.parametrize("kind", ["busy", "down"])
def test_an_engine_starts_the_moment_its_rest_is_over_and_not_before(store, clock, kind):
    a_worker(store)
    fail(store, clock, KINDS[kind][0])
    job = an_accepted_job(store)
    clock.pass_s(0.999)
    assert take(store, job).again_s == 0.001
    clock.pass_s(0.001)

    assert take(store, job).state == "granted"


def test_an_engine_that_is_only_busy_is_not_on_trial(store, clock):
    a_worker(store, an_engine(fast=2))
    fail(store, clock, KINDS["busy"][0])
    clock.pass_s(1)

    assert [take(store, an_accepted_job(store)).state for _ in range(2)] == ["granted"] * 2


def test_a_busy_answer_shortens_no_rest_of_an_engine_that_must_be_mended(store, clock):
    a_worker(store, an_engine(fast=3))
    refused, early, late = (an_accepted_job(store) for _ in range(3))
    for job in (refused, early, late):
        take(store, job)
    store.lanes.give_back(refused.id, refused.id, KINDS["refused"][0], MESSAGES)

    store.lanes.give_back(early.id, early.id, KINDS["busy"][0], MESSAGES)
    assert (engine_now(store).state, engine_now(store).paused_s) == ("refused", 60)
    clock.pass_s(59.5)
    store.lanes.give_back(late.id, late.id, KINDS["busy"][0], MESSAGES)

    assert (engine_now(store).state, engine_now(store).paused_s) == ("refused", 2)


def test_a_probe_changes_nothing_of_an_engine_that_is_not_down(store, clock):
    a_worker(store)
    for kind in ("busy", "refused"):
        fail(store, clock, KINDS[kind][0])
        before = store.redis.hgetall("limner:engine:stage")
        for well in (True, False):
            store.engines.probed("stage", well, "away", 5)
        assert store.redis.hgetall("limner:engine:stage") == before


def test_a_probe_of_an_engine_that_is_down_says_how_long_and_why(store, clock):
    a_worker(store)
    fail(store, clock, KINDS["down"][0])

    store.engines.probed("stage", False, "no route", 5)
    now = engine_now(store)
    assert (now.state, now.why, now.paused_s) == ("down", "no route", 5)
    store.engines.probed("stage", True, "", 5)

    assert (engine_now(store).state, engine_now(store).paused_s) == ("down", 0)


def test_a_rejection_shows_that_an_engine_can_be_reached(store, clock):
    a_worker(store, an_engine(fast=2))
    drawn, lost = an_accepted_job(store), an_accepted_job(store)
    take(store, drawn)
    take(store, lost)
    store.lanes.begin(drawn.id, drawn.id)
    store.lanes.give_back(lost.id, lost.id, KINDS["down"][0], MESSAGES)
    assert engine_now(store).state == "down"

    store.lanes.failed(drawn.id, drawn.id, "No.", "moderated", answered=True)

    assert (engine_now(store).state, engine_now(store).paused_s) == ("ok", 0)
    assert store.jobs.get(lost.id).status == "waiting"


def test_a_rejection_before_the_hand_over_shows_nothing_of_the_engine(store, clock):
    a_worker(store, an_engine(fast=2))
    drawn, lost = an_accepted_job(store), an_accepted_job(store)
    take(store, drawn)
    take(store, lost)
    store.lanes.give_back(lost.id, lost.id, KINDS["down"][0], MESSAGES)

    store.lanes.failed(drawn.id, drawn.id, "No such reference.", "bad_reference", answered=True)

    assert engine_now(store).state == "down"


def test_pictures_that_come_after_the_slot_was_freed_say_nothing_new(store, clock):
    a_worker(store, an_engine(fast=2))
    drawn, lost = an_accepted_job(store), an_accepted_job(store)
    take(store, drawn)
    take(store, lost)
    store.lanes.free_slot(drawn.id, drawn.id)
    store.lanes.give_back(lost.id, lost.id, KINDS["down"][0], MESSAGES)

    store.lanes.done(drawn.id, drawn.id, Result(GRID, [GRID] * 4, {}))

    assert engine_now(store).state == "down"


def test_pictures_that_come_with_the_slot_show_that_an_engine_draws(store, clock):
    a_worker(store, an_engine(fast=2))
    drawn, lost = an_accepted_job(store), an_accepted_job(store)
    take(store, drawn)
    take(store, lost)
    store.lanes.give_back(lost.id, lost.id, KINDS["down"][0], MESSAGES)

    store.lanes.done(drawn.id, drawn.id, Result(GRID, [GRID] * 4, {}))

    assert engine_now(store).state == "ok"


def test_an_engine_with_strikes_is_asked_for_its_pictures_before_it_is_cleared(store, clock):
    a_worker(store, an_engine(fast=2))
    bad, good = an_accepted_job(store), an_accepted_job(store)
    take(store, bad)
    take(store, good)
    store.lanes.give_back(bad.id, bad.id, BAD, MESSAGES)

    assert not store.lanes.free_slot(good.id, good.id)
    assert store.redis.hget("limner:engine:stage", "struck") == f",{bad.id},"
    assert store.lanes.free_slot(good.id, good.id, checked=True)

    assert store.redis.hget("limner:engine:stage", "struck") == ""
