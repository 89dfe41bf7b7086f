"""What the lanes' scripts count, for ever: nothing is counted twice, and nothing is left out."""

from __future__ import annotations

import itertools

import pytest

from limner.job import Picture
from limner.request import Lane
from limner.store import Trouble
from limner.store.lanes import Result
from limner.store.metrics.numbers import Durations
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine
from tests.conftest import a_while_later

GRID = Picture("http://limner/grid.png", 1024, 1024)
BOUNDS_MS = (
    *(100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000),
    *(1_800_000, 3_600_000, 14_400_000, 86_400_000),
)


def take(store, job, token="t1"):
    store.lanes.renew(WORKER, job.request.lane, ["stage"], {})
    return store.lanes.take(job.id, token, WORKER, MESSAGES)


def counted(store, what):
    return store.numbers.read().counts.get(what, {})


def durations(store, what):
    return store.numbers.read().durations.get(what, {})


@pytest.mark.parametrize("lane", Lane)
def test_jobs_are_counted_as_they_are_accepted_return_and_end(store, lane):
    a_worker(store, an_engine(fast=9, relaxed=9))
    jobs = [an_accepted_job(store, lane=lane) for _ in range(6)]
    for job in jobs[:5]:
        assert take(store, job).state == "granted"
    store.lanes.give_back(jobs[0].id, "t1", Trouble(), MESSAGES)
    take(store, jobs[0], "t2")
    store.lanes.done(jobs[0].id, "t2", Result(GRID, [GRID] * 4, {}))
    store.lanes.done(jobs[1].id, "t1", Result(GRID, [GRID] * 4, {}))
    store.lanes.failed(jobs[2].id, "t1", "No.", "moderated")
    store.lanes.cancel(jobs[3].id)
    store.lanes.cancel(jobs[3].id)
    other = next(other for other in Lane if other is not lane)
    an_accepted_job(store, lane=other)

    name = lane.value
    assert counted(store, "accepted") == {(name,): 6, (other.value,): 1}
    assert counted(store, "returned") == {(name,): 1}
    assert counted(store, "ended") == {
        (name, "done", ""): 2,
        (name, "failed", "moderated"): 1,
        (name, "failed", "cancelled"): 1,
    }
    assert durations(store, "waited")[(name,)].buckets == {100: 5}, "the first start counts"
    assert durations(store, "drawn")[("stage", name)].buckets == {100: 2}, (
        "what failed was not drawn"
    )


@pytest.mark.parametrize(
    ("took_ms", "bound"),
    [
        (0, 100),
        *((upper, upper) for upper in BOUNDS_MS[:-1]),
        *((upper + 1, above) for upper, above in itertools.pairwise(BOUNDS_MS)),
        (86_400_000, 86_400_000),
    ],
)
def test_a_wait_counts_under_the_least_bound_that_it_did_not_pass(store, clock, took_ms, bound):
    a_worker(store)
    job = an_accepted_job(store)
    clock.pass_s(took_ms / 1000)

    assert take(store, job).state == "granted"

    assert durations(store, "waited") == {("fast",): Durations({bound: 1}, took_ms)}


def test_a_drawing_counts_from_its_first_start_to_its_end(store, clock):
    a_worker(store)
    job = an_accepted_job(store)
    clock.pass_s(1)
    take(store, job)
    clock.pass_s(40)
    store.lanes.give_back(job.id, "t1", Trouble(), MESSAGES)
    clock.pass_s(40)
    take(store, job, "t2")
    clock.pass_s(20)

    store.lanes.done(job.id, "t2", Result(GRID, [GRID] * 4, {}))

    assert durations(store, "waited") == {("fast",): Durations({1000: 1}, 1000)}
    assert durations(store, "drawn") == {("stage", "fast"): Durations({120_000: 1}, 100_000)}


def test_a_drawing_that_took_more_than_a_day_counts_without_a_bound(store, clock):
    a_worker(store)
    job = an_accepted_job(store)
    take(store, job)
    clock.pass_s(86_400.001)

    store.lanes.done(job.id, "t1", Result(GRID, [GRID] * 4, {}))

    assert durations(store, "drawn") == {("stage", "fast"): Durations({None: 1}, 86_400_001)}


def test_on_a_clock_that_was_set_back_nothing_takes_less_than_no_time(store, clock):
    a_worker(store)
    job = an_accepted_job(store)
    clock.pass_s(-60)
    take(store, job)
    clock.pass_s(-60)
    store.lanes.done(job.id, "t1", Result(GRID, [GRID] * 4, {}))

    assert durations(store, "waited") == {("fast",): Durations({100: 1}, 0)}
    assert durations(store, "drawn") == {("stage", "fast"): Durations({100: 1}, 0)}


def test_every_job_accepted_has_ended_waits_or_is_drawn(store, clock):
    a_worker(store, an_engine(fast=3))
    jobs = [an_accepted_job(store, client=f"c{n % 2}") for n in range(9)]
    for round_, job in itertools.product(range(3), jobs):
        taken = take(store, job, f"t{round_}")
        if taken.state == "granted" and job is jobs[round_]:
            store.lanes.done(job.id, f"t{round_}", Result(GRID, [GRID] * 4, {}))
        elif taken.state == "granted" and job is jobs[round_ + 3]:
            store.lanes.failed(job.id, f"t{round_}", "No.", "moderated")
        a_while_later(store, clock, 6, MESSAGES)

    ended = sum(counted(store, "ended").values())
    waiting = sum(store.jobs.waiting_count(f"c{n}") for n in range(2))
    running = sum(store.jobs.running_count(f"c{n}") for n in range(2))
    assert ended >= 2
    assert ended + waiting + running == counted(store, "accepted")[("fast",)] == 9
    assert store.numbers.read().lanes[Lane.FAST].waiting == waiting
