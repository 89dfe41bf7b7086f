"""Cancelling a job, wherever it is."""

from __future__ import annotations

import pytest

from tests.api.asking import refused
from tests.api.drawing import done, failed, submitted

JOBS = "/draw/midjourney/jobs"


def cancel(caller, job):
    return caller("DELETE", f"{JOBS}/{job['id']}")


@pytest.mark.parametrize("drawing", [False, True])
def test_a_job_under_way_is_cancelled_and_says_so(caller, store, drawing):
    job = caller.drawn(callBackUrl="https://receiver.example/hook")
    if drawing:
        token = submitted(store, job)
        store.lanes.progress(job["id"], token, 10, None)

    response = cancel(caller, job)

    assert response.status_code == 200
    assert (response.json["status"], response.json["reasonCode"]) == (2, "cancelled")
    assert response.json["finishedAt"]
    assert caller("GET", f"{JOBS}/{job['id']}").json == response.json
    assert caller("POST", "/draw/midjourney/waiting").json == {"data": 0}
    assert caller("POST", "/draw/midjourney/pending").json == {"data": 0}
    assert [e.kind for e in store.outbox.told(job["id"]).pending][-1] == "X"


def test_a_job_cancelled_twice_is_cancelled_once(caller, store):
    job = caller.drawn(callBackUrl="https://receiver.example/hook")

    first, second = cancel(caller, job), cancel(caller, job)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json == second.json
    assert len(store.outbox.told(job["id"]).pending) == 1


def test_a_job_that_ended_otherwise_cannot_be_cancelled(app, caller, store):
    refused(cancel(caller, done(app, store, caller.drawn())), 409, "already_ended")
    refused(cancel(caller, failed(store, caller.drawn())), 409, "already_ended")


@pytest.mark.parametrize("job_id", ["0" * 32, "x", "%00"])
def test_a_job_that_is_none_cannot_be_cancelled(caller, job_id):
    refused(caller("DELETE", f"{JOBS}/{job_id}"), 404)


def test_another_clients_job_cannot_be_cancelled(caller, other):
    job = caller.drawn()

    refused(cancel(other, job), 404)
    assert caller("GET", f"{JOBS}/{job['id']}").json == job
