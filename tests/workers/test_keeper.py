"""The heartbeat of a worker process: what it renews, what it stops, and what it lets lapse."""

from __future__ import annotations

import contextlib
import logging

import pytest

from limner.errors import StoreDown
from limner.job import Status
from limner.request import Lane
from limner.store import Store
from tests.builders import MESSAGES, WORKER, an_accepted_job, an_engine, messages_in
from tests.conftest import a_while_later
from tests.workers.beating import BEAT_S, a_keeper
from workers.drawing.keeper import UNHEEDED_S, Drawing, Keeper

OTHER = "worker-2"


@pytest.fixture
def keeper(store) -> Keeper:
    """A keeper that beats when a test says so."""
    store.engines.register([an_engine(fast=1)])
    keeper = a_keeper(store)
    keeper.beat()
    return keeper


def beat_for(seconds: float, keeper: Keeper, store: Store, clock) -> None:
    """Let time pass, with the keeper's beats and everybody's looks at the lanes."""
    for _ in range(round(seconds / BEAT_S)):
        clock.pass_s(BEAT_S)
        keeper.beat()
        store.lanes.sweep(MESSAGES)


def take(store, job, token, worker=WORKER) -> Drawing:
    drawing = Drawing(job.id, token)
    drawing.taken = store.lanes.take(job.id, token, worker, MESSAGES).state in ("granted", "wait")
    return drawing


def test_a_beat_makes_the_worker_and_its_engines_known_in_each_lane(store, keeper, clock):
    for lane in Lane:
        assert store.lanes.workers_seen(lane, clock.now_ms) == 1
    assert store.redis.hget(f"limner:worker:{WORKER}", "engines") == "stage"


def test_drawings_and_held_jobs_live_as_long_as_the_heart_beats(store, keeper, clock):
    jobs = [an_accepted_job(store) for _ in range(2)]
    drawn, held = (take(store, job, f"t{n}") for n, job in enumerate(jobs))
    store.redis.delete("fast")

    with keeper.keeping(drawn), keeper.keeping(held):
        beat_for(60, keeper, store, clock)

    assert store.jobs.get(drawn.job_id).status is Status.SUBMITTED
    assert messages_in(store) == []
    assert not drawn.is_set()
    assert not held.is_set()


def test_a_process_is_announced_again_to_a_store_that_lost_its_heartbeat_and_only_then(
    store, ticking
):
    announced = []

    def announce() -> None:
        announced.append(ticking.now_s)
        store.engines.register([an_engine()])

    announce()
    keeper = a_keeper(store, announce=announce)
    ticking.run(keeper, 4 * BEAT_S)
    assert len(announced) == 1

    store.redis.flushall()
    ticking.run(keeper, 4 * BEAT_S)

    assert len(announced) == 2


@pytest.mark.parametrize("lost", ["engines", "settings:stage", "engine:stage"])
def test_a_process_is_announced_again_to_a_store_that_has_lost_one_key_of_its_engine(
    store, ticking, lost
):
    announced = []

    def announce() -> None:
        announced.append(lost)
        store.engines.register([an_engine()])

    announce()
    keeper = a_keeper(store, announce=announce)
    ticking.run(keeper, 2 * BEAT_S)
    store.redis.delete(f"limner:{lost}")

    ticking.run(keeper, 4 * BEAT_S)

    assert store.redis.exists(f"limner:{lost}")
    assert not store.engines.has_forgotten(["stage"])
    # A worker's every heartbeat puts back what makes an engine known, as long as its settings are there.
    assert len(announced) == (1 if lost == "engines" else 2)


def test_it_is_announced_until_the_store_has_heard_it(store, ticking):
    answers = [StoreDown("away"), StoreDown("away"), None, AssertionError("once too often")]

    def announce() -> None:
        if answer := answers.pop(0):
            raise answer
        store.engines.register([an_engine()])

    store.engines.register([an_engine()])
    keeper = a_keeper(store, announce=announce)
    ticking.run(keeper, BEAT_S)
    store.redis.flushall()

    ticking.run(keeper, 6 * BEAT_S)

    assert len(answers) == 1


@pytest.mark.parametrize("slots", [1, 0], ids=["drawn", "held"])
def test_what_a_dead_heart_held_is_taken_back_with_its_lease_and_not_before(store, clock, slots):
    store.engines.register([an_engine(fast=slots)])
    keeper = a_keeper(store)
    keeper.beat()
    drawing = take(store, an_accepted_job(store), "t1")
    store.redis.delete("fast")
    with keeper.keeping(drawing):
        beat_for(30, keeper, store, clock)

        a_while_later(store, clock, 14, MESSAGES)
        assert messages_in(store) == []
        a_while_later(store, clock, 2, MESSAGES)
        assert messages_in(store) == [drawing.job_id]


def test_three_beats_may_fail_before_anything_is_lost(store, keeper, clock):
    drawing = take(store, an_accepted_job(store), "t1")
    with keeper.keeping(drawing):
        for _ in range(3):
            a_while_later(store, clock, 3 * BEAT_S, MESSAGES)
            clock.pass_s(BEAT_S - 0.1)
            keeper.beat()
            store.lanes.sweep(MESSAGES)

    assert store.jobs.get(drawing.job_id).status is Status.SUBMITTED


def test_what_is_kept_no_more_lapses(store, keeper, clock):
    drawing = take(store, an_accepted_job(store), "t1")
    with keeper.keeping(drawing):
        keeper.beat()

    a_while_later(store, clock, 16, MESSAGES)
    keeper.beat()

    assert store.jobs.get(drawing.job_id).status is Status.WAITING


def test_a_drawing_that_another_worker_took_over_is_told_to_stop(store, keeper, clock):
    drawing = take(store, an_accepted_job(store), "t1")
    with keeper.keeping(drawing):
        a_while_later(store, clock, 16, MESSAGES)
        store.lanes.renew(OTHER, Lane.FAST, ["stage"], {})
        take(store, store.jobs.get(drawing.job_id), "t2", OTHER)
        keeper.beat()

    assert drawing.is_set()
    assert drawing.stop_reason == "stale"


def test_a_job_that_has_not_been_taken_yet_is_not_taken_for_lost(store, keeper):
    """Its message came a moment ago: the store does not know of this token, and that is no news."""
    drawing = Drawing(an_accepted_job(store).id, "t1")

    with keeper.keeping(drawing):
        keeper.beat()

        assert not drawing.is_set()


def test_a_second_message_of_a_job_does_not_cost_its_drawing_a_beat(store, keeper, clock):
    job = an_accepted_job(store)
    drawing, doubled = take(store, job, "t1"), Drawing(job.id, "t2")

    with keeper.keeping(drawing), keeper.keeping(doubled):
        beat_for(30, keeper, store, clock)

    assert store.jobs.get(job.id).status is Status.SUBMITTED
    assert not drawing.is_set()


def test_a_former_drawing_that_does_not_come_back_does_not_starve_the_next(store, keeper, clock):
    """One process may hold a job twice: as the thread that lost it and as the one that has it."""
    job = an_accepted_job(store)
    drawing = take(store, job, "t1")

    with contextlib.ExitStack() as kept:
        # Whichever of them a beat comes upon last.
        for number in range(16):
            former = kept.enter_context(keeper.keeping(Drawing(job.id, f"old-{number}")))
            former.taken = True
            former.stop("stale")
        kept.enter_context(keeper.keeping(drawing))
        beat_for(30, keeper, store, clock)

    assert store.jobs.get(job.id).status is Status.SUBMITTED
    assert not drawing.is_set()


@pytest.mark.parametrize("reason", ["shutdown", "late", "stuck"])
def test_a_thread_that_does_not_heed_its_stop_loses_its_lease(
    store, keeper, clock, ticking, reason
):
    drawing = take(store, an_accepted_job(store), "t1")
    with keeper.keeping(drawing):
        drawing.stop(reason)
        ticking.pass_s(UNHEEDED_S)
        beat_for(30, keeper, store, clock)
        assert store.jobs.get(drawing.job_id).status is Status.SUBMITTED, "it has a while to end"

        ticking.pass_s(1)
        beat_for(30, keeper, store, clock)

    assert store.jobs.get(drawing.job_id).status is Status.WAITING


def test_a_drawing_that_ends_during_a_beat_is_not_called_lost(store, keeper, caplog):
    drawing, lost = (take(store, an_accepted_job(store), f"t{n}") for n in range(2))
    renew = store.lanes.renew

    def end_meanwhile(*args):
        kept.close()
        return renew(*args) | {drawing.job_id}

    store.lanes.renew = end_meanwhile
    kept = contextlib.ExitStack()
    kept.enter_context(keeper.keeping(drawing))
    with keeper.keeping(lost), caplog.at_level(logging.WARNING):
        store.redis.hset(f"limner:job:{lost.job_id}", "token", "another")
        keeper.beat()

    assert (drawing.is_set(), lost.is_set()) == (False, True)
    assert caplog.text.count("lease.lost") == 1


def test_everything_is_told_to_stop_and_the_first_reason_counts(store, keeper):
    drawings = [Drawing(f"job-{n}", "t") for n in range(3)]
    drawings[0].stop("late")

    with keeper.keeping(drawings[0]), keeper.keeping(drawings[1]):
        keeper.stop_all("shutdown")

    assert [d.stop_reason for d in drawings] == ["late", "shutdown", None]
    assert [d.is_set() for d in drawings] == [True, True, False]
