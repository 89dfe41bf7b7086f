"""The heartbeat of a worker process: what it renews, what it stops, and what it lets lapse."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from limner.job import Lane, Status
from limner.store import Store
from tests.builders import MESSAGES, WORKER, an_accepted_job, an_engine, messages_in
from tests.conftest import a_while_later, wait_until
from workers.keeper import Drawing, Keeper

OTHER = "worker-2"


def a_keeper(store: Store, **times) -> Keeper:
    times = {
        "lease_s": 15,
        "tick_s": 5,
        "progress_limit_s": 120,
        "drawing_limit_s": 900,
    } | times
    return Keeper(store, WORKER, list(Lane), ["stage"], lambda: MESSAGES, **times)


@pytest.fixture
def keeper(store) -> Keeper:
    """A keeper that beats when a test says so."""
    store.lanes.register([an_engine(fast=1)])
    keeper = a_keeper(store)
    keeper.beat()
    return keeper


def take(store, job, token, worker=WORKER) -> Drawing:
    drawing = Drawing(job.id, token)
    drawing.taken = store.lanes.take(job.id, token, worker, MESSAGES).state in ("granted", "wait")
    return drawing


@pytest.fixture
def real_time(redis_url) -> Iterator[Store]:
    """A store on the server's own clock, for the keeper's thread."""
    store = Store(redis_url)
    store.redis.flushall()
    store.lanes.register([an_engine(fast=1)])
    yield store
    store.close()


def test_a_beat_makes_the_worker_and_its_engines_known_in_each_lane(store, keeper, clock):
    for lane in Lane:
        assert store.lanes.workers_seen(lane, clock.now_ms) == 1
    assert store.redis.hget(f"limner:worker:{WORKER}", "engines") == "stage"


def test_drawings_and_held_jobs_live_as_long_as_the_heart_beats(store, keeper, clock):
    jobs = [an_accepted_job(store) for _ in range(2)]
    drawn, held = (take(store, job, f"t{n}") for n, job in enumerate(jobs))
    store.redis.delete("fast")

    with keeper.keeping(drawn), keeper.keeping(held):
        for _ in range(5):
            clock.pass_s(10)
            keeper.beat()
            store.lanes.sweep(MESSAGES)

    assert store.jobs.get(drawn.job_id).status is Status.SUBMITTED
    assert messages_in(store) == []
    assert not drawn.is_set()
    assert not held.is_set()


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
        for _ in range(3):
            clock.pass_s(10)
            keeper.beat()
            store.lanes.sweep(MESSAGES)

    assert store.jobs.get(job.id).status is Status.SUBMITTED
    assert not drawing.is_set()


def test_a_former_drawing_that_does_not_come_back_does_not_starve_the_next(store, keeper, clock):
    """One process may hold a job twice: as the thread that lost it and as the one that has it."""
    job = an_accepted_job(store)
    formers = [Drawing(job.id, f"old-{n}") for n in range(8)]
    for former in formers:
        former.taken = True
        former.stop("stale")
    drawing = take(store, job, "t1")

    with keeper.keeping(drawing):
        keeper._drawings.update(formers)
        for _ in range(3):
            clock.pass_s(10)
            keeper.beat()
            store.lanes.sweep(MESSAGES)

    assert store.jobs.get(job.id).status is Status.SUBMITTED


def test_a_drawing_that_ended_by_itself_is_not_called_lost(store, keeper):
    drawing = take(store, an_accepted_job(store), "t1")
    with keeper.keeping(drawing):
        store.lanes.failed(drawing.job_id, "t1", "Because.", "engine_failed")
    keeper.beat()

    assert not drawing.is_set()


def test_everything_is_told_to_stop_and_the_first_reason_counts(store, keeper):
    drawings = [Drawing(f"job-{n}", "t") for n in range(3)]
    drawings[0].stop("late")

    with keeper.keeping(drawings[0]), keeper.keeping(drawings[1]):
        keeper.stop_all("shutdown")

    assert [d.stop_reason for d in drawings] == ["late", "shutdown", None]
    assert [d.is_set() for d in drawings] == [True, True, False]


def test_the_thread_stops_what_shows_no_progress_and_what_takes_too_long(real_time):
    keeper = a_keeper(real_time, lease_s=0.4, progress_limit_s=0.5, drawing_limit_s=1.2)
    stuck, late, waiting = (Drawing(an_accepted_job(real_time).id, "t") for _ in range(3))
    keeper.start()
    try:
        for drawing in (stuck, late):
            drawing.began()
        with keeper.keeping(stuck), keeper.keeping(late), keeper.keeping(waiting):
            ends = time.monotonic() + 10
            while not late.is_set() and time.monotonic() < ends:
                late.moved()
                late.wait(0.05)
            assert late.stop_reason == "late"
            wait_until(stuck.is_set, what="the stuck drawing's stop")
            assert stuck.stop_reason == "stuck"
            assert not waiting.is_set(), "a job without a slot has no clock"
    finally:
        keeper.end()


def test_the_clocks_stand_still_once_the_engine_is_done(real_time):
    keeper = a_keeper(real_time, progress_limit_s=0, drawing_limit_s=0)
    drawing = Drawing(an_accepted_job(real_time).id, "t1")
    drawing.began()
    drawing.over()

    with keeper.keeping(drawing):
        keeper._check_clocks()

    assert not drawing.is_set()


def test_the_thread_sweeps_so_that_lost_messages_are_found_without_beat(store, clock):
    job = an_accepted_job(store)
    store.redis.delete("fast")
    keeper = a_keeper(store, lease_s=0.2, tick_s=0.1)
    keeper.start()
    try:
        wait_until(
            lambda: store.redis.hexists(f"limner:job:{job.id}", "missing_ms"), what="a first look"
        )
        clock.pass_s(5)
        wait_until(lambda: messages_in(store) == [job.id], what="the message sent again")
    finally:
        keeper.end()


def test_a_heart_that_meets_an_outage_goes_on_beating(real_time):
    class Shaky:
        """The lanes, but every other beat fails once the thread runs."""

        def __init__(self) -> None:
            self.beats, self.fails = 0, False

        def renew(self, *args):
            self.beats += 1
            if self.fails and self.beats % 2 == 0:
                raise RuntimeError("a bug")
            return real_time.lanes.renew(*args)

        def sweep(self, *args):
            return 0

    shaky = Shaky()
    keeper = a_keeper(type("House", (), {"lanes": shaky})(), lease_s=0.2)
    keeper.start()
    shaky.fails = True
    try:
        wait_until(lambda: shaky.beats > 8, what="more beats")
    finally:
        keeper.end()
