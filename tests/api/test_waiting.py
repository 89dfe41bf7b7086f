"""Waiting for jobs as the faces do: for several in one place, and for longer than Redis may be silent."""

from __future__ import annotations

import threading
import uuid
from contextlib import closing

import pytest

from api import waiting
from api.access import guard
from api.house import house
from limner.errors import StoreDown
from limner.store.waits import Waits, allowed_s, count_waited, waiting_at_most
from tests.api.drawing import done, failed
from tests.conftest import wait_until


@pytest.fixture
def asking(app, caller):
    """A request of the caller's, that is let in."""
    with app.test_request_context(headers={"token": caller.token}):
        guard.let_in()
        yield


@pytest.fixture
def jobs(caller, store):
    found = [caller.drawn(tag=uuid.uuid4().hex) for _ in range(2)]
    return [store.jobs.get(job["id"]) for job in found]


def meanwhile(app, *actions) -> threading.Thread:
    """Do these things, one after the other, each once somebody waits."""
    watcher = app.extensions["limner"].watcher

    def act():
        for action in actions:
            wait_until(lambda: watcher.waiting > 0, what="somebody who waits")
            action()

    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_several_jobs_are_waited_for_in_one_place(asking, app, store, jobs):
    one, other = ({"id": job.id} for job in jobs)
    taken, places = [], house().waits
    thread = meanwhile(
        app,
        lambda: done(app, store, one),
        lambda: taken.append(places.taken),
        lambda: done(app, store, other),
    )

    with closing(waiting.place(jobs[0].client)):
        found = waiting.all_ended(jobs, 60)

    thread.join()
    assert [job.status for job in found] == ["done", "done"]
    assert taken == [1]
    assert places.taken == 0


def test_nobody_waits_for_the_others_of_a_job_that_failed(asking, app, store, jobs):
    thread = meanwhile(app, lambda: failed(store, {"id": jobs[0].id}))

    with closing(waiting.place(jobs[0].client)):
        found = waiting.all_ended(jobs, 60)

    thread.join()
    assert [job.status for job in found] == ["failed", "waiting"]


def test_a_long_wait_may_look_as_often_as_it_needs(asking, jobs, monkeypatch):
    """Each look has the time that a request has; all of them together may take longer."""
    looks, look = [], waiting.own_job

    def slowly(job_id):
        if allowed_s(1.0) <= 0:
            raise StoreDown("Redis took longer than this request may wait")
        count_waited(0.4)
        looks.append(job_id)
        if len(looks) == 20:
            monkeypatch.setattr(house().watcher, "ended", True)
        return look(job_id)

    monkeypatch.setattr(waiting, "own_job", slowly)
    monkeypatch.setattr(waiting, "REREAD_S", 0.01)
    monkeypatch.setattr(house().store, "waits", Waits(request_s=1.0))
    with waiting_at_most(1.0):
        waiting.ended(jobs[0], 60)

    assert len(looks) == 20
