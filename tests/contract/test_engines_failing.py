"""What becomes of an engine that fails its jobs, and of the jobs: through the store."""

from __future__ import annotations

import pytest

from limner.errors import BadResult, EngineDown, EngineError, EngineStuck, JobLost, OutOfMemory
from limner.job import Picture, Status
from limner.request import Lane
from limner.store import Trouble
from limner.store.lanes import Result
from limner.store.metrics.warning import Code, warnings
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine
from workers.drawing.trouble import FAILING_PAUSE_S, crash, handover, too_late, trouble_of

GRID = Picture("http://limner/grid.png", 1024, 1024)
BROKEN = trouble_of(EngineError("the model file is broken"), submitted=True)


def take(store, job, worker=WORKER):
    store.lanes.renew(worker, Lane.FAST, store.lanes_of, {})
    return store.lanes.take(job.id, job.id, worker, MESSAGES, begin=True)


@pytest.fixture
def house(store):
    """The store, with one worker of what ``engines`` names; it beats whenever it takes a job."""

    def with_engines(*engines):
        a_worker(store, *engines)
        store.lanes_of = [engine.name for engine in engines]
        return store

    return with_engines


def fail(store, job, trouble: Trouble = BROKEN) -> str:
    """Have a granted job fail on its engine; what became of it."""
    return store.lanes.give_back(job.id, job.id, trouble, MESSAGES)


def draw(store, job) -> None:
    store.lanes.free_slot(job.id, job.id)
    store.lanes.free_slot(job.id, job.id, checked=True)
    store.lanes.done(job.id, job.id, Result(GRID, [GRID] * 4, {}))


def engine_of(store, name="stage"):
    return next(e for e in store.numbers.read().engines if e.name == name)


def break_it(store, jobs):
    """Fail three different jobs on the only engine."""
    for job in jobs[:3]:
        assert take(store, job).state == "granted"
        assert fail(store, job) == "waiting"


def test_an_engine_rests_after_it_failed_three_different_jobs_in_a_row(house):
    store = house(an_engine(fast=1))
    jobs = [an_accepted_job(store) for _ in range(5)]

    break_it(store, jobs)

    assert engine_of(store).state == "failing"
    assert engine_of(store).paused_s == FAILING_PAUSE_S
    assert take(store, jobs[3]).state == "wait"


def test_a_failing_engine_rests_ten_seconds_then_twice_as_long_each_time_and_never_over_five_minutes(
    house, clock
):
    store = house(an_engine(fast=1))
    break_it(store, [an_accepted_job(store) for _ in range(3)])
    rests = [engine_of(store).paused_s]

    for _ in range(6):
        clock.pass_s(rests[-1])
        trial = an_accepted_job(store)
        assert take(store, trial).state == "granted"
        fail(store, trial)
        rests.append(engine_of(store).paused_s)
        store.lanes.cancel(trial.id)

    assert rests == [10, 20, 40, 80, 160, 300, 300]


def test_operators_are_told_which_engine_fails_and_why(house):
    store = house(an_engine(fast=1))
    break_it(store, [an_accepted_job(store) for _ in range(3)])

    told = {w.code: w for w in warnings(store.numbers.read())}

    assert told[Code.ENGINE_OUT].subject == "stage"
    assert "3 jobs in a row" in told[Code.ENGINE_OUT].why
    assert "the model file is broken" in told[Code.ENGINE_OUT].why
    assert Code.NO_ENGINE in told


def test_nothing_is_lost_alone_on_a_broken_engine_and_all_is_drawn_once_it_is_mended(house, clock):
    store = house(an_engine(fast=2))
    jobs = [an_accepted_job(store) for _ in range(14)]

    for _ in range(40):
        for job in jobs:
            if take(store, job).state == "granted":
                assert fail(store, job) == "waiting"
        clock.pass_s(60)
    assert {store.jobs.get(job.id).status for job in jobs} == {Status.WAITING}

    clock.pass_s(600)
    for _ in range(40):
        for job in jobs:
            if take(store, job).state == "granted":
                draw(store, job)
        clock.pass_s(1)
    assert {store.jobs.get(job.id).status for job in jobs} == {Status.DONE}
    assert engine_of(store).state == "ok"


@pytest.mark.parametrize("count", [2, 3, 5])
def test_few_jobs_alone_on_a_broken_engine_wait_as_well(house, clock, count):
    store = house(an_engine(fast=1))
    jobs = [an_accepted_job(store) for _ in range(count)]

    for _ in range(60):
        for job in jobs:
            if take(store, job).state == "granted":
                assert fail(store, job) == "waiting"
        clock.pass_s(10)

    assert engine_of(store).state == "failing"


def test_what_waits_for_a_broken_engine_waits_no_longer_than_jobs_may(house, clock):
    store = house(an_engine(fast=1))
    jobs = [an_accepted_job(store) for _ in range(4)]
    break_it(store, jobs)

    clock.pass_s(86_401)

    assert take(store, jobs[0]).state == "gone"
    assert store.jobs.get(jobs[0].id).reason_code == "waited_too_long"


def test_a_job_that_fails_by_itself_ends_and_takes_no_engine_out(house):
    store = house(an_engine(fast=1))
    poison = an_accepted_job(store)

    states = []
    for _ in range(2):
        take(store, poison)
        states.append(fail(store, poison))

    assert states == ["waiting", "failed"]
    assert store.jobs.get(poison.id).reason_code == "engine_failed"
    assert engine_of(store).state == "ok"


def test_jobs_that_fail_between_others_that_are_drawn_take_no_engine_out(house):
    store = house(an_engine(fast=1))
    for _ in range(5):
        poison, good = an_accepted_job(store), an_accepted_job(store)
        take(store, poison)
        fail(store, poison)
        assert take(store, poison).state == "wait", "the other one goes first"
        assert take(store, good).state == "granted"
        draw(store, good)
        assert take(store, poison).state == "granted"
        assert fail(store, poison) == "failed"
        draw_another = an_accepted_job(store)
        take(store, draw_another)
        draw(store, draw_another)

    assert engine_of(store).state == "ok"


def test_the_same_job_counts_once_however_often_it_fails(house):
    store = house(an_engine(fast=1))
    stubborn = trouble_of(JobLost(), submitted=True)
    job = an_accepted_job(store)

    for _ in range(3):
        take(store, job)
        fail(store, job, stubborn)

    assert store.jobs.get(job.id).status is Status.FAILED
    assert engine_of(store).state == "ok"


def test_a_job_that_lets_others_go_first_waits_a_few_seconds_at_most(house, clock):
    store = house(an_engine(fast=1))
    job, _unheld = an_accepted_job(store), an_accepted_job(store)
    take(store, job)
    fail(store, job)

    taken = take(store, job)
    assert (taken.state, taken.choosy) == ("wait", True)
    clock.pass_s(5)

    assert take(store, job).state == "granted"


@pytest.mark.parametrize(
    "trouble",
    [
        BROKEN,
        trouble_of(BadResult(), submitted=True),
        trouble_of(OutOfMemory(), submitted=True),
        trouble_of(EngineStuck(), submitted=True),
        trouble_of(JobLost(), submitted=True),
        crash(),
    ],
)
def test_whatever_an_engine_fails_by_the_retry_goes_to_another(house, trouble):
    store = house(an_engine("broken", fast=5), an_engine("well", fast=1))
    job = an_accepted_job(store)
    assert take(store, job).engine == "broken"
    fail(store, job, trouble)

    assert take(store, job).engine == "well"


def test_the_retry_waits_for_the_other_engine_while_that_is_only_busy(house):
    store = house(an_engine("broken", fast=2), an_engine("well", fast=1, weight=9.0))
    first, job = an_accepted_job(store), an_accepted_job(store)
    assert take(store, first).engine == "well"
    assert take(store, job).engine == "broken"
    fail(store, job)

    taken = take(store, job)
    assert (taken.state, taken.choosy) == ("wait", True)
    draw(store, first)

    assert take(store, job).engine == "well"


def test_the_retry_stays_where_no_other_engine_is_up(house):
    store = house(an_engine("broken", fast=5), an_engine("away", fast=1, weight=9.0))
    dead = an_accepted_job(store)
    assert take(store, dead).engine == "away"
    fail(store, dead, trouble_of(EngineDown(), submitted=False))
    store.lanes.cancel(dead.id)
    job = an_accepted_job(store)
    assert take(store, job).engine == "broken"
    fail(store, job)

    assert take(store, job).engine == "broken"


def test_no_job_is_lost_beside_a_healthy_engine(house, clock):
    store = house(an_engine("broken", fast=1), an_engine("well", fast=1))
    jobs = [an_accepted_job(store) for _ in range(12)]

    for _ in range(60):
        for job in jobs:
            taken = take(store, job)
            if taken.state == "granted" and taken.engine == "broken":
                assert fail(store, job) == "waiting"
            elif taken.state == "granted":
                draw(store, job)
        clock.pass_s(1)

    assert {store.jobs.get(job.id).status for job in jobs} == {Status.DONE}
    assert {store.jobs.get(job.id).engine for job in jobs} == {"well"}
    assert engine_of(store, "broken").state == "failing"


def test_one_drawing_at_a_time_is_for_trial_and_its_pictures_decide(house, clock):
    store = house(an_engine(fast=3))
    jobs = [an_accepted_job(store) for _ in range(6)]
    break_it(store, jobs)
    clock.pass_s(FAILING_PAUSE_S)

    assert [take(store, job).state for job in jobs[3:]] == ["granted", "wait", "wait"]
    # It has drawn something: what, is not known yet.
    assert not store.lanes.free_slot(jobs[3].id, jobs[3].id)
    assert take(store, jobs[4]).state == "wait"
    assert engine_of(store).state == "failing"

    store.lanes.free_slot(jobs[3].id, jobs[3].id, checked=True)

    assert engine_of(store).state == "ok"
    assert [take(store, job).state for job in jobs[4:]] == ["granted", "granted"]


def test_each_trial_that_fails_makes_the_rest_longer_and_costs_its_job_nothing(house, clock):
    store = house(an_engine(fast=1))
    jobs = [an_accepted_job(store) for _ in range(9)]
    break_it(store, jobs)
    rests = []
    for job in jobs[3:]:
        rests.append(engine_of(store).paused_s)
        clock.pass_s(rests[-1])
        assert take(store, job).state == "granted"
        assert fail(store, job) == "waiting"

    assert rests == [10, 20, 40, 80, 160, 300]
    assert {store.redis.hget(f"limner:job:{job.id}", "engine_errors") for job in jobs[2:]} == {None}


def test_what_was_begun_before_the_engine_rests_does_not_make_the_rest_longer(house):
    store = house(an_engine(fast=6))
    jobs = [an_accepted_job(store) for _ in range(6)]
    for job in jobs:
        take(store, job)

    for job in jobs:
        fail(store, job)

    assert engine_of(store).paused_s == FAILING_PAUSE_S


def test_bad_pictures_count_though_the_slot_was_free_before(house):
    store = house(an_engine(fast=1))
    bad = trouble_of(BadResult(), submitted=True)
    for _ in range(3):
        job = an_accepted_job(store)
        take(store, job)
        store.lanes.free_slot(job.id, job.id)
        fail(store, job, bad)

    assert engine_of(store).state == "failing"


def test_drawings_that_take_too_long_count_as_well(house):
    store = house(an_engine(fast=1))
    late = too_late()
    for _ in range(3):
        job = an_accepted_job(store)
        take(store, job)
        store.lanes.failed(job.id, job.id, late.reason.sentence, late.reason, trouble=late)

    assert (engine_of(store).state, store.jobs.get(job.id).reason_code) == ("failing", "timed_out")


def test_a_rejected_job_counts_neither_for_nor_against_an_engine(house):
    store = house(an_engine(fast=1))
    jobs = [an_accepted_job(store) for _ in range(4)]
    for number, job in enumerate(jobs):
        take(store, job)
        if number == 1:
            store.lanes.failed(job.id, job.id, "No.", "moderated", answered=True)
        else:
            fail(store, job)

    assert engine_of(store).state == "failing"


def test_an_engine_that_rejects_on_trial_is_still_on_trial(house, clock):
    store = house(an_engine(fast=2))
    jobs = [an_accepted_job(store) for _ in range(6)]
    break_it(store, jobs)
    clock.pass_s(FAILING_PAUSE_S)
    take(store, jobs[3])
    store.lanes.failed(jobs[3].id, jobs[3].id, "No.", "moderated", answered=True)

    assert engine_of(store).state == "failing"
    assert [take(store, job).state for job in jobs[4:]] == ["granted", "wait"]


def test_a_hand_over_counts_for_nothing(house):
    store = house(an_engine(fast=3))
    for _ in range(4):
        job = an_accepted_job(store)
        take(store, job)
        fail(store, job, handover())

    assert engine_of(store).state == "ok"


@pytest.mark.parametrize("ends", ["drawn", "rejected"])
def test_what_a_refused_engine_had_begun_leaves_no_half_of_the_refusal(house, ends):
    store = house(an_engine(fast=2))
    begun, refused = an_accepted_job(store), an_accepted_job(store)
    take(store, begun)
    take(store, refused)
    refusal = Trouble(
        engine_state="refused", engine_why="credit: used up", pause_s=60, pause_max_s=600
    )
    fail(store, refused, refusal)

    if ends == "drawn":
        draw(store, begun)
    else:
        store.lanes.failed(begun.id, begun.id, "No.", "moderated", answered=True)

    now = engine_of(store)
    assert (now.state, now.paused_s, now.why) in (
        ("ok", 0, ""),
        ("refused", 60, "credit: used up"),
    )
    assert (now.state == "ok") == (ends == "drawn"), "a rejection draws nothing"


def test_a_busy_answer_does_not_hide_that_an_engine_fails(house):
    store = house(an_engine(fast=4))
    jobs = [an_accepted_job(store) for _ in range(4)]
    for job in jobs:
        take(store, job)
    for job in jobs[:3]:
        fail(store, job)

    fail(store, jobs[3], Trouble(engine_state="busy", pause_s=1, pause_max_s=30))

    assert (engine_of(store).state, engine_of(store).paused_s) == ("failing", FAILING_PAUSE_S)


REFUSED = Trouble(engine_state="refused", engine_why="credit: used up", pause_s=60, pause_max_s=600)


def test_a_restart_shows_a_refused_engine_as_refused_until_it_has_drawn(house, clock):
    store = house(an_engine(fast=3))
    jobs = [an_accepted_job(store) for _ in range(3)]
    take(store, jobs[0])
    fail(store, jobs[0], REFUSED)

    store.engines.register([an_engine(fast=3)])

    now = engine_of(store)
    assert (now.state, now.why, now.paused_s) == ("refused", "credit: used up", 60)
    clock.pass_s(60)
    assert [take(store, job).state for job in jobs] == ["granted", "wait", "wait"]
    draw(store, jobs[0])
    assert engine_of(store).state == "ok"
    assert [take(store, job).state for job in jobs[1:]] == ["granted", "granted"]


def test_restarts_and_trials_cost_no_job_on_a_broken_engine(house, clock):
    store = house(an_engine(fast=1))
    jobs = [an_accepted_job(store) for _ in range(6)]
    break_it(store, jobs)

    for _ in range(10):
        store.engines.register([an_engine(fast=1)])
        assert store.engines.retry("stage") == "tried"
        # What has failed there lets the others go first, if not for long.
        states = [take(store, job).state for job in jobs]
        clock.pass_s(5)
        states += [take(store, job).state for job in jobs if "granted" not in states]
        assert states.count("granted") == 1, "one trial"
        assert fail(store, jobs[states.index("granted") % len(jobs)]) == "waiting"
        assert engine_of(store).state == "failing"

    assert {store.jobs.get(job.id).status for job in jobs} == {Status.WAITING}


def test_a_restart_between_failures_forgets_none_of_them(house):
    store = house(an_engine(fast=1))
    jobs = [an_accepted_job(store) for _ in range(3)]

    for job in jobs:
        store.engines.register([an_engine(fast=1)])
        take(store, job)
        fail(store, job)

    assert engine_of(store).state == "failing"


def test_a_record_from_before_is_read_as_that_of_a_well_engine(house):
    store = house(an_engine(fast=1))
    store.redis.hdel("limner:engine:stage", "struck")
    job = an_accepted_job(store)
    take(store, job)

    assert store.lanes.free_slot(job.id, job.id)
