"""Operators change many jobs at once over HTTP, having said how many."""

from __future__ import annotations

import pytest

from limner.store.operators import Role
from schemas.ops.asked import AgainSchema, CancelSchema, FrontSchema, ManyLettersSchema
from tests.api.asking import Caller, refused
from tests.api.drawing import failed
from tests.builders import a_worker, an_engine

PATHS = ("/ops/jobs/cancel", "/ops/dead-letters/resend", "/ops/jobs/again", "/ops/jobs/front")


@pytest.fixture
def steerer(app, store) -> Caller:
    return Caller(app, store.operators.add("test", "sten", Role.STEER), "sten")


def test_many_jobs_are_cancelled_once_their_number_is_confirmed(store, caller, other, steerer):
    mine = [caller.drawn()["id"] for _ in range(3)]
    theirs = other.drawn()["id"]
    path, body = PATHS[0], {"client": "ann"}
    assert steerer("POST", path, json=body | {"dryRun": True}).json == {"found": 3, "cancelled": 0}
    refused(steerer("POST", path, json=body | {"confirm": 2}), 409)
    assert {store.jobs.get(job).status for job in mine} == {"waiting"}
    assert steerer("POST", path, json=body | {"confirm": 3}).json == {"found": 3, "cancelled": 3}
    assert "waiting" not in {store.jobs.get(job).status for job in mine}
    assert store.jobs.get(theirs).status == "waiting"
    line = store.levers.audit(1)[0]
    assert (line.who, line.after) == ("operator:sten", {"cancelled": "3", "client": "ann"})


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_changed_without_filter_count_or_role(path, app, store, caller, steerer):
    job = caller.drawn()["id"]
    viewer = Caller(app, store.operators.add("test", "vera", Role.VIEW), "vera")
    body = {"client": "ann", "confirm": 1}
    refused(viewer("POST", path, json=body), 403)
    refused(caller("POST", path, json=body), 401)
    assert "confirm" in refused(steerer("POST", path, json={"client": "ann"}), 422)
    assert refused(steerer("POST", path, json={"confirm": 1}), 422)
    assert store.jobs.get(job).status == "waiting"


@pytest.mark.parametrize("schema", [CancelSchema, AgainSchema, FrontSchema, ManyLettersSchema])
def test_the_document_says_that_any_one_filter_is_enough(schema):
    filters = [field.data_key for field in schema().fields.values()]
    enough, _ = schema.rules["allOf"]

    said = [name for one in enough["anyOf"] for name in one["required"]]

    assert sorted(said) == sorted(set(filters) - {"dryRun", "confirm"})


def test_many_jobs_are_moved_to_the_front_in_their_order(store, clock, caller, other, steerer):
    first = [caller.drawn()["id"] for _ in range(2)]
    last = []
    for _ in range(2):
        clock.pass_s(1)
        last.append(other.drawn()["id"])
    path, body = PATHS[3], {"client": "bob", "status": "waiting"}
    assert steerer("POST", path, json=body | {"dryRun": True}).json == {"found": 2, "moved": 0}

    assert steerer("POST", path, json=body | {"confirm": 2}).json == {"found": 2, "moved": 2}

    assert [store.jobs.get(job).position for job in (*last, *first)] == [1, 2, 3, 4]


def test_one_job_is_named_by_its_id(store, caller, steerer):
    job, another = caller.drawn()["id"], caller.drawn()["id"]

    done = steerer("POST", PATHS[0], json={"id": job, "confirm": 1}).json

    assert done == {"found": 1, "cancelled": 1}
    assert store.jobs.get(another).status == "waiting"
    assert "id" in refused(steerer("POST", PATHS[0], json={"id": "x", "confirm": 1}), 422)


def test_no_dead_letters_are_none_to_resend(caller, steerer):
    body = {"client": "ann", "dryRun": True}
    assert steerer("POST", PATHS[1], json=body).json == {"found": 0, "callbacks": 0}
    refused(steerer("POST", PATHS[1], json={"client": "ann", "confirm": 1}), 409)


def test_failed_jobs_are_submitted_again_once(store, caller, steerer):
    a_worker(store, an_engine(fast=9))
    jobs = [failed(store, caller.drawn(promptEn=words)) for words in ("a lamp", "a door")]
    waiting = caller.drawn()
    path, body = PATHS[2], {"client": "ann", "reason": "engine_failed"}
    nothing = {"found": 2, "submitted": 0, "submittedBefore": 0, "refused": []}
    assert steerer("POST", path, json=body | {"dryRun": True}).json == nothing

    assert steerer("POST", path, json=body | {"confirm": 2}).json == nothing | {"submitted": 2}

    listed = caller("GET", "/draw/midjourney/jobs").json["data"]
    again = [job for job in listed if job["id"] not in {waiting["id"], *(j["id"] for j in jobs)}]
    assert {job["promptEn"] for job in again} == {"a lamp", "a door"}
    line = store.levers.audit(1)[0]
    assert line.after == {"submitted again": "2", **body}
    once_more = steerer("POST", path, json=body | {"confirm": 2}).json
    assert once_more == nothing | {"submittedBefore": 2}


def test_what_cannot_be_submitted_again_says_why(store, caller, steerer):
    a_worker(store, an_engine(fast=9))
    failed(store, caller.drawn())
    store.clients.change("ann", lanes=frozenset())

    said = steerer("POST", PATHS[2], json={"client": "ann", "confirm": 1}).json

    assert said["refused"] == [{"why": "This client may not use the fast lane.", "jobs": 1}]
