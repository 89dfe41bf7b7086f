"""Follow-ups and cancelling, through the store against a real server."""

from __future__ import annotations

import uuid

import pytest

from limner.errors import JobNotFound, StaleLease
from limner.followup import Press, follow_up, request_of
from limner.job import Picture, Status
from limner.request import Lane
from limner.store import Trouble
from limner.store.lanes import Result
from tests.builders import (
    MESSAGES,
    WORKER,
    a_worker,
    an_accepted_job,
    an_engine,
    conflict,
    messages_in,
)

GRID = Picture("http://limner/grid.png", 1024, 1024)
CELLS = [Picture(f"http://limner/{n}.png", 512, 512) for n in range(4)]


def done(store, **request):
    a_worker(store, an_engine(fast=9))
    job = an_accepted_job(store, **request)
    store.lanes.take(job.id, job.id, WORKER, MESSAGES)
    store.lanes.keep_handle(job.id, job.id, {"id": "there"}, attach=True)
    store.lanes.done(job.id, job.id, Result(GRID, CELLS, {}))
    return store.jobs.get(job.id)


def press(store, parent, button, picked=None):
    asked = Press(button, parent.id, Lane.FAST, uuid.uuid4().hex, None, None)
    request = request_of(parent, asked)
    return store.jobs.accept(
        uuid.uuid4().hex,
        "ann",
        request,
        (5, 6, 7, 8),
        MESSAGES,
        waiting_cap=10,
        follow_up=follow_up(parent, button),
        picked=picked,
    ).job


def test_a_picked_cell_is_done_at_once_and_marks_its_parent(store):
    parent = done(store)
    store.redis.delete("fast")

    picked = press(store, parent, "u2", CELLS[1])

    assert (picked.status, picked.picture, picked.draw_type) == (Status.DONE, CELLS[1], "u2")
    assert store.jobs.get(parent.id).marks == {"u2"}
    assert messages_in(store) == []


def test_a_cell_is_picked_once_and_varied_as_often_as_wanted(store):
    parent = done(store)
    press(store, parent, "u2", CELLS[1])

    with conflict("already_used"):
        press(store, parent, "u2", CELLS[1])
    press(store, parent, "u3", CELLS[2])
    first, second = (press(store, parent, "v2") for _ in range(2))

    assert first.status is second.status is Status.WAITING
    assert store.jobs.get(parent.id).marks == {"u2", "u3", "v2"}
    assert store.jobs.get(first.id).parent == parent.id


def test_a_job_that_is_not_done_cannot_be_followed_up(store):
    with conflict("not_done"):
        press(store, an_accepted_job(store), "r")


def test_a_picked_cell_has_no_cells_to_pick(store):
    picked = press(store, done(store), "u1", CELLS[0])

    with conflict("job_conflict", "one picture"):
        press(store, picked, "u1", CELLS[0])


def test_a_variation_is_drawn_where_its_parent_was_if_there_is_room(store):
    parent = done(store)
    a_worker(store, an_engine("stage", fast=1), an_engine("larger", fast=9))

    job = press(store, parent, "v1")

    assert job.engine is None
    assert store.lanes.take(job.id, "t", WORKER, MESSAGES).engine == "stage"
    store.lanes.give_back(job.id, "t", Trouble(), MESSAGES)
    assert store.lanes.take(job.id, "again", WORKER, MESSAGES).engine == "stage"


def test_a_waiting_job_is_cancelled_once(store):
    job = an_accepted_job(store)

    assert store.lanes.cancel(job.id)
    assert store.lanes.cancel(job.id)

    ended = store.jobs.get(job.id)
    assert (ended.status, ended.reason_code) == (Status.FAILED, "cancelled")
    assert store.jobs.waiting_count("ann") == 0
    assert store.redis.llen(f"limner:outq:{job.id}") == 1
    assert store.lanes.take(job.id, "t", WORKER, MESSAGES).state == "gone"


def test_cancelling_a_drawing_frees_its_slot_and_tells_the_engine(store):
    a_worker(store, an_engine(fast=1))
    drawing, next_job = an_accepted_job(store), an_accepted_job(store)
    store.lanes.take(drawing.id, "a", WORKER, MESSAGES)
    store.lanes.keep_handle(drawing.id, "a", {"id": "there"}, attach=True)
    store.lanes.take(next_job.id, "b", WORKER, MESSAGES)

    assert store.lanes.cancel(drawing.id)

    assert store.jobs.get(next_job.id).status is Status.SUBMITTED
    assert store.engines.cancelled_on("stage") == {"id": "there"}
    assert store.engines.cancelled_on("stage") is None
    with pytest.raises(StaleLease):
        store.lanes.done(drawing.id, "a", Result(GRID, CELLS, {}))


def test_a_finished_job_is_not_cancelled_any_more(store):
    job = done(store)

    assert not store.lanes.cancel(job.id)
    assert store.jobs.get(job.id).status is Status.DONE


def test_an_unknown_job_cannot_be_cancelled(store):
    with pytest.raises(JobNotFound):
        store.lanes.cancel("f" * 32)
