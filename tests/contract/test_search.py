"""Finding jobs of all clients by what they are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from limner.job import Status
from limner.reasons import Reason
from limner.request import Lane
from limner.store.jobs import search
from limner.store.jobs.search import Wanted
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job

TAG = "f" * 32


@pytest.fixture
def jobs(store, clock):
    """Jobs by name, each a second after the one before."""
    for name in ("ann", "bob"):
        store.clients.add(name)
    a_worker(store)
    made = {}
    for name, more in {
        "failed": {},
        "drawing": {"client": "bob"},
        "tagged": {"tag": TAG, "lane": Lane.RELAXED},
        "waiting": {"client": "bob"},
        "cancelled": {},
    }.items():
        made[name] = an_accepted_job(store, **more)
        if name in ("failed", "drawing"):
            store.lanes.take(made[name].id, name, WORKER, MESSAGES)
        clock.pass_s(1)
    store.lanes.failed(made["failed"].id, "failed", "No.", Reason.MODERATED)
    store.lanes.progress(made["drawing"].id, "drawing", 40, None)
    store.lanes.cancel(made["cancelled"].id)
    return made


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Wanted(), ["cancelled", "waiting", "tagged", "drawing", "failed"]),
        (Wanted(client="bob"), ["waiting", "drawing"]),
        (Wanted(client="nobody"), []),
        (Wanted(lane=Lane.RELAXED), ["tagged"]),
        (Wanted(engine="stage"), ["drawing", "failed"]),
        (Wanted(statuses=frozenset({Status.WAITING})), ["waiting", "tagged"]),
        (Wanted(statuses=frozenset({Status.SUBMITTED})), []),
        (
            Wanted(statuses=frozenset({Status.WAITING, Status.SUBMITTED, Status.DRAWING})),
            ["waiting", "tagged", "drawing"],
        ),
        (Wanted(statuses=frozenset({Status.FAILED})), ["cancelled", "failed"]),
        (Wanted(reason="moderated"), ["failed"]),
        (Wanted(tag="ffffffff-ffff-ffff-ffff-ffffffffffff"), ["tagged"]),
        (Wanted(tag=TAG, client="bob"), []),
        (
            Wanted(lane=Lane.FAST, client="ann", statuses=frozenset({Status.FAILED})),
            ["cancelled", "failed"],
        ),
    ],
)
def test_jobs_are_found_by_what_they_are_the_newest_first(store, jobs, monkeypatch, wanted, names):
    monkeypatch.setattr(search, "BATCH", 2)
    by_id = {job.id: name for name, job in jobs.items()}
    found = [by_id[job.id] for job in store.search.find(wanted, 100)]
    assert found == names
    assert [by_id[job.id] for job in store.search.find(wanted, 2)] == names[:2]


def test_since_is_when_a_job_was_accepted(store, jobs, monkeypatch):
    monkeypatch.setattr(search, "BATCH", 1)
    since = jobs["waiting"].created_at
    found = store.search.find(Wanted(since=since), 100)
    assert [job.id for job in found] == [jobs["cancelled"].id, jobs["waiting"].id]
    assert store.search.find(Wanted(since=since + timedelta(days=1)), 100) == []


def test_jobs_that_have_expired_are_passed_over(store, jobs):
    store.redis.delete(f"limner:job:{jobs['tagged'].id}")
    assert len(store.search.find(Wanted(), 100)) == 4
    ids = [job.id for job in jobs.values()]
    assert set(store.search.these(ids)) == set(ids) - {jobs["tagged"].id}


def test_a_job_is_found_by_its_id_if_the_rest_fits(store, jobs):
    tagged = jobs["tagged"]
    assert [job.id for job in store.search.find(Wanted(id=tagged.id), 9)] == [tagged.id]
    assert store.search.find(Wanted(id=tagged.id, client="bob"), 9) == []
    assert store.search.find(Wanted(id="0" * 32), 9) == []
