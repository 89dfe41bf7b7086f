"""Which requests wait for a job, over all processes."""

from __future__ import annotations

from tests.builders import an_accepted_job


def is_abandoned(store, job) -> bool:
    return store.lanes.cancel(job.id, if_abandoned=True)


def test_a_job_is_cancelled_for_want_of_requests_once_the_last_one_has_left(store):
    job = an_accepted_job(store)
    store.awaited.join(job.id, "a")
    store.awaited.join(job.id, "b")

    store.awaited.leave(job.id, "a")
    assert not is_abandoned(store, job)
    assert store.jobs.get(job.id).reason_code is None
    store.awaited.leave(job.id, "b")
    assert is_abandoned(store, job)
    assert store.jobs.get(job.id).reason_code == "cancelled"


def test_leaving_twice_is_no_error_and_concerns_nobody_else(store):
    job, other = an_accepted_job(store), an_accepted_job(store)
    store.awaited.join(job.id, "a")

    for _ in range(2):
        store.awaited.leave(job.id, "b")

    assert not is_abandoned(store, job)
    assert is_abandoned(store, other)


def test_a_caller_or_an_operator_cancels_a_job_whoever_waits_for_it(store):
    for options in ({}, {"operator": True}):
        job = an_accepted_job(store)
        store.awaited.join(job.id, "a")

        assert store.lanes.cancel(job.id, **options)


def test_requests_of_a_process_that_died_are_forgotten_in_the_end(store):
    store.awaited.join("job", "a")

    assert 0 < store.redis.ttl("limner:awaited:job") <= 7200
