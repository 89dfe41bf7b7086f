"""How the lanes were, minute by minute: noted once in each, for an hour, whatever the clock does."""

from __future__ import annotations

import pytest

from limner.request import Lane
from limner.store.metrics.history import MINUTES
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine

MINUTE_S = 60


@pytest.fixture
def store(store):
    store.clients.add("ann")
    return store


def hour(store, clock, lane=Lane.FAST):
    return store.history.last_hour(clock())[lane]


def test_a_minute_is_noted_once_however_often_it_is_asked_for(store, clock):
    assert store.history.note()
    assert not store.history.note()
    clock.pass_s(MINUTE_S)
    assert store.history.note()

    assert len(hour(store, clock)) == len(hour(store, clock, Lane.RELAXED)) == 2


def test_a_minute_tells_how_many_waited_how_long_and_how_many_had_started(store, clock):
    a_worker(store, an_engine(fast=2))
    jobs = [an_accepted_job(store) for _ in range(3)]
    for job in jobs[:2]:
        store.lanes.take(job.id, job.id, WORKER, MESSAGES)
    an_accepted_job(store, lane=Lane.RELAXED)
    clock.pass_s(5)

    store.history.note()

    (fast,), (relaxed,) = hour(store, clock), hour(store, clock, Lane.RELAXED)
    assert (fast.at_ms, fast.waiting, fast.oldest_ms, fast.started) == (clock(), 1, 5000, 2)
    assert (relaxed.waiting, relaxed.started) == (1, 0)


def test_an_hour_is_told_oldest_first_and_no_more_than_two_are_kept(store, clock):
    for _ in range(150):
        store.history.note()
        clock.pass_s(MINUTE_S)

    minutes = hour(store, clock)
    assert len(minutes) == MINUTES
    assert [one.at_ms for one in minutes] == sorted(one.at_ms for one in minutes)
    assert clock() - minutes[0].at_ms <= 60 * MINUTE_S * 1000
    assert store.redis.llen("limner:history:fast") == 120


def test_what_a_clock_that_was_ahead_has_noted_is_forgotten(store, clock):
    store.history.note()
    clock.pass_s(86_400)
    for _ in range(3):
        store.history.note()
        clock.pass_s(MINUTE_S)
    clock.pass_s(-86_400)

    assert store.history.note()

    assert len(hour(store, clock)) == 2
    assert hour(store, clock)[-1].at_ms == clock()
