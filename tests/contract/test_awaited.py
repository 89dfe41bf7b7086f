"""Which requests wait for a job, over all processes."""

from __future__ import annotations


def test_a_job_is_awaited_until_the_last_request_leaves(store):
    store.awaited.join("job", "a")
    store.awaited.join("job", "b")

    store.awaited.leave("job", "a")
    assert store.awaited.by_anybody("job")
    store.awaited.leave("job", "b")
    assert not store.awaited.by_anybody("job")


def test_leaving_twice_is_no_error_and_concerns_nobody_else(store):
    store.awaited.join("job", "a")

    for _ in range(2):
        store.awaited.leave("job", "b")

    assert store.awaited.by_anybody("job")
    assert not store.awaited.by_anybody("other")


def test_requests_of_a_process_that_died_are_forgotten_in_the_end(store):
    store.awaited.join("job", "a")

    assert 0 < store.redis.ttl("limner:awaited:job") <= 7200
