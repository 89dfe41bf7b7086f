"""The stream of a page: what it tells, to whom, and when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from api import create_app
from api.console import live
from limner.store.operators import Role
from tests.api.console.browsing import OURS, Browser
from tests.api.console.watching import Watched
from tests.api.drawing import done, submitted


@pytest.fixture
def ann(app, caller) -> Browser:
    browser = Browser(app)
    browser.enter(caller.token)
    return browser


@pytest.fixture
def watched(ann) -> Iterator[Watched]:
    stream = Watched(ann)
    yield stream
    stream.close()


def test_it_begins_with_the_newest_jobs_of_the_client_and_of_nobody_else(ann, caller, other):
    jobs = [caller.drawn()["id"] for _ in range(3)]
    other.drawn()

    stream = Watched(ann)

    assert [job["id"] for job in stream.next("snapshot")["jobs"]] == jobs[::-1]
    stream.close()


def test_it_tells_each_change_of_each_job_as_the_api_shows_it(watched, app, store, caller):
    watched.next("snapshot")
    job = caller.drawn()
    assert watched.next("job")["id"] == job["id"]

    done(app, store, job)
    told = watched.next("job")
    while told["status"] != 1:
        told = watched.next("job")

    assert told == caller("GET", f"/draw/midjourney/jobs/{job['id']}").json


def test_other_clients_changes_are_not_told(watched, store, caller, other):
    watched.next("snapshot")
    theirs = other.drawn()
    submitted(store, theirs)
    mine = caller.drawn()

    assert watched.next("job")["id"] == mine["id"]


def test_a_follow_up_tells_the_job_that_it_marks_too(ann, app, store, caller):
    job = done(app, store, caller.drawn())
    stream = Watched(ann)
    stream.next("snapshot")
    body = {"buttonType": "u1", "messageId": job["id"], "tag": "1" * 32, "fast": True}
    made = caller("POST", "/draw/midjourney/button", json=body).json["data"]

    told = {one["id"]: one for one in (stream.next("job"), stream.next("job"))}

    assert told.keys() == {job["id"], made["id"]}
    assert told[job["id"]]["u1"] == 1
    stream.close()


def test_a_waiting_jobs_place_is_told_when_others_leave(ann, store, caller, other, monkeypatch):
    monkeypatch.setattr("api.console.feeds.ClientFeed.looks_s", 0.05)
    before, mine = other.drawn(), caller.drawn()
    stream = Watched(ann)
    (job,) = stream.next("snapshot")["jobs"]
    assert (job["id"], job["position"]) == (mine["id"], 2)

    store.lanes.cancel(before["id"])

    assert stream.next("job")["position"] == 1
    stream.close()


def test_it_says_that_it_lives_while_nothing_happens(ann, caller, monkeypatch):
    monkeypatch.setattr(live, "BEAT_S", 0.0)
    monkeypatch.setattr("api.console.feeds.ClientFeed.looks_s", 0.01)
    stream = Watched(ann)
    stream.next("snapshot")

    assert next(stream._pieces) == b": no news\n\n"
    stream.close()


def test_it_ends_with_its_session_and_says_so(ann, store, monkeypatch):
    monkeypatch.setattr(live, "BEAT_S", 0.0)
    monkeypatch.setattr("api.console.feeds.ClientFeed.looks_s", 0.01)
    stream = Watched(ann)
    stream.next("snapshot")

    store.clients.rotate_token("ann")

    assert stream.rest()[-1] == ("ended", {})


def test_an_operators_new_role_does_not_end_its_stream(app, store, monkeypatch):
    monkeypatch.setattr(live, "BEAT_S", 0.0)
    monkeypatch.setattr("api.console.feeds.OperatorFeed.looks_s", 0.01)
    olga = Browser(app)
    olga.enter(store.operators.add("test", "olga", Role.STEER))
    stream = Watched(olga)
    stream.next("snapshot")

    store.operators.change("test", "olga", Role.VIEW)

    assert [next(stream._pieces) for _ in range(3)] == [b": no news\n\n"] * 3
    stream.close()


def test_the_places_of_many_waiting_jobs_are_looked_up_in_turn(
    ann, store, caller, other, monkeypatch
):
    monkeypatch.setattr("api.console.feeds.ClientFeed.looks_s", 0.02)
    monkeypatch.setattr("api.console.feeds.LOOKED_AT", 2)
    first = other.drawn()
    mine = {caller.drawn()["id"] for _ in range(5)}
    stream = Watched(ann)
    stream.next("snapshot")

    store.lanes.cancel(first["id"])

    assert {stream.next("job")["id"] for _ in range(5)} == mine
    stream.close()


def test_it_ends_with_its_process(watched, app):
    watched.next("snapshot")
    app.extensions["limner"].watcher.end()

    assert watched.rest() == []


def test_a_client_has_so_many_streams_and_waits_and_others_have_theirs(
    settings, store, messages, app, other
):
    app = create_app(replace(settings, api_client_waits=2), store, messages)
    ann, bob = Browser(app), Browser(app)
    ann.enter(store.clients.add("cat").token)
    bob.enter(other.token)
    open_ones = [Watched(ann), Watched(ann)]

    refused = ann.call("GET", "/console/live")

    assert refused.status_code == 429
    assert refused.headers["Retry-After"]
    open_ones += [Watched(bob)]
    open_ones.pop(0).close()
    open_ones += [Watched(ann)]
    for stream in open_ones:
        stream.close()
    assert app.extensions["limner"].waits.taken == 0


def test_without_a_session_there_is_no_stream(app, ann, caller):
    assert caller("GET", "/console/live").status_code == 401
    assert ann.call("GET", "/console/live", headers=OURS).status_code == 401


def test_more_changes_than_are_noted_are_told_as_a_new_snapshot(watched, app, caller, monkeypatch):
    # However few have been heard of when it looks.
    monkeypatch.setattr("api.watcher.CHANGED_MOST", 0)
    watched.next("snapshot")
    jobs = [caller.drawn()["id"] for _ in range(3)]

    told = watched.next("snapshot")["jobs"]
    while len(told) < 3:
        told = watched.next("snapshot")["jobs"]
    assert [job["id"] for job in told] == jobs[::-1]


def test_operators_are_told_that_jobs_moved_whoever_they_belong_to(
    app, store, caller, other, monkeypatch
):
    monkeypatch.setattr("api.console.feeds.OperatorFeed.looks_s", 0.05)
    olga = Browser(app)
    olga.enter(store.operators.add("test", "olga", Role.VIEW))
    stream = Watched(olga)
    stream.next("snapshot")

    caller.drawn()
    other.drawn()

    assert stream.next("moved")["jobs"] >= 1
    stream.close()


def test_a_lost_subscription_costs_nothing_but_a_snapshot(watched, app, store, caller):
    watched.next("snapshot")
    for one in store.redis.client_list(_type="pubsub"):
        store.redis.client_kill_filter(_id=one["id"])
    job = caller.drawn()

    told = watched.next("snapshot")["jobs"]
    while not told:
        told = watched.next("snapshot")["jobs"]
    assert told[0]["id"] == job["id"]


def test_a_job_is_put_into_words_once_for_all_its_pages_and_anew_when_it_changes(
    ann, store, caller, monkeypatch
):
    said: list[str] = []
    monkeypatch.setattr(
        "api.console.feeds.job_body", lambda job: said.append(job.id) or {"id": job.id}
    )
    job = caller.drawn()
    streams = [Watched(ann), Watched(ann)]
    for stream in streams:
        assert stream.next("snapshot")["jobs"] == [{"id": job["id"]}]
    assert said == [job["id"]]

    submitted(store, job)

    assert [stream.next("job") for stream in streams] == [{"id": job["id"]}] * 2
    assert len(said) == 2
    for stream in streams:
        stream.close()
