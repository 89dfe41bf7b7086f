"""Callbacks for some statuses only, as a job's caller asked: ``callbackEvents``."""

from __future__ import annotations

import json

import pytest

from limner.job import Picture
from limner.store.lanes import Result, Trouble
from tests.builders import MESSAGES, a_worker, an_accepted_job, an_engine

GRID = Picture("http://limner/grid.png", 8, 8)


def statuses(store, job):
    texts = store.redis.lrange(f"limner:outq:{job.id}", 0, -1)
    return [json.loads(text)["v"]["status"] for text in texts]


def stories(store, job):
    return [text[0] for text in store.redis.lrange(f"limner:story:{job.id}", 0, -1)]


def drawn(store, **request):
    a_worker(store, an_engine("stage"))
    job = an_accepted_job(store, **request)
    store.lanes.take(job.id, "t", "worker-1", MESSAGES)
    store.lanes.progress(job.id, "t", 50, None)
    store.lanes.done(job.id, "t", Result(GRID, [GRID] * 4))
    return job


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (None, ["submitted", "drawing", "done"]),
        (("submitted",), ["submitted", "done"]),
        ((), ["done"]),
        (("waiting", "done", "failed"), ["done"]),
    ],
)
def test_only_the_wanted_statuses_are_queued_and_always_the_end(store, wanted, told):
    assert statuses(store, drawn(store, callback_statuses=wanted)) == told


def test_progress_alone_may_be_wanted(store):
    a_worker(store, an_engine("stage"))
    job = an_accepted_job(store, callback_statuses=("drawing",))
    store.lanes.take(job.id, "t", "worker-1", MESSAGES)
    assert statuses(store, job) == []

    store.lanes.progress(job.id, "t", 50, None)
    assert statuses(store, job) == ["drawing"]


def test_progress_of_before_an_unwanted_return_is_not_told_after_it(store):
    a_worker(store, an_engine("stage"))
    job = an_accepted_job(store, callback_statuses=("drawing",))
    store.lanes.take(job.id, "t", "worker-1", MESSAGES)
    store.lanes.progress(job.id, "t", 50, None)
    store.lanes.progress(job.id, "t", 60, None)
    assert statuses(store, job) == ["drawing", "drawing"]

    store.lanes.give_back(job.id, "t", Trouble(), MESSAGES)

    # That it began to draw is a transition, and told.
    assert statuses(store, job) == ["drawing"]


def test_watchers_see_every_status_whatever_is_called_back(store):
    assert stories(store, drawn(store, callback_statuses=())) == stories(store, drawn(store))


def test_a_receiver_that_is_gone_leaves_no_dead_letters_it_never_wanted(store):
    a_worker(store, an_engine("stage"))
    job = an_accepted_job(store, callback_statuses=())
    store.redis.hset(f"limner:out:{job.id}", "gone", 1)
    store.lanes.take(job.id, "t", "worker-1", MESSAGES)

    assert store.redis.llen(f"limner:dead:{job.id}") == 0
    store.lanes.cancel(job.id)
    assert store.redis.llen(f"limner:dead:{job.id}") == 1
