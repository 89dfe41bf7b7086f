"""Waiting for news of a job, and its events as a stream."""

from __future__ import annotations

import importlib
import json
import threading
from dataclasses import replace

import pytest

from api import create_app
from tests.api.asking import Caller, refused
from tests.api.drawing import done, kept, submitted
from tests.builders import MESSAGES
from tests.conftest import a_while_later, wait_until

HOOK = "https://receiver.example/hook"


def path(job, more=""):
    return f"/draw/midjourney/jobs/{job['id']}{more}"


def heard(chunks) -> list[dict]:
    """The events of a stream as (id, body) pairs turned into bodies whose ids are checked."""
    events = []
    for chunk in chunks:
        lines = chunk.splitlines()
        if lines[0].startswith("id: "):
            body = json.loads(lines[1].removeprefix("data: "))
            assert int(lines[0].removeprefix("id: ")) == body["seq"]
            events.append(body)
    return events


def events(caller, job, seen=None) -> list[dict]:
    headers = {} if seen is None else {"Last-Event-ID": str(seen)}
    response = caller("GET", path(job, "/events"), headers=headers)
    assert response.status_code == 200, response.text
    assert response.mimetype == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    return heard(chunk + "\n" for chunk in response.text.split("\n\n") if chunk)


def stream(caller, job, seen=0):
    """An open stream, its first line read."""
    headers = {"token": caller.token, "Last-Event-ID": str(seen)}
    chunks = caller.app.test_client().get(path(job, "/events"), headers=headers).response
    chunks = (one.decode() if isinstance(one, bytes) else one for one in chunks)
    assert next(chunks).startswith("retry: ")
    return chunks


def once_waiting(caller, action):
    """Do something as soon as somebody waits."""
    watcher = caller.app.extensions["limner"].watcher

    def act():
        wait_until(lambda: watcher.waiting > 0, what="somebody who waits")
        action()

    thread = threading.Thread(target=act)
    thread.start()
    return thread


@pytest.fixture
def crowded(settings, store, messages, caller):
    """The same caller at a process whose only place to wait in is taken by somebody else."""
    app = create_app(replace(settings, api_waits=1), store, messages)
    with app.extensions["limner"].waits.hold("somebody else"):
        yield Caller(app, caller.token, caller.name)


@pytest.fixture
def greedy(settings, store, messages, caller):
    """The same caller, who holds all that one client may."""
    app = create_app(replace(settings, api_client_waits=1), store, messages)
    with app.extensions["limner"].waits.hold(caller.name):
        yield Caller(app, caller.token, caller.name)


# -- waiting --------------------------------------------------------------------------------------


def test_who_waits_is_answered_when_the_job_changes(caller, store):
    job = caller.drawn()

    thread = once_waiting(caller, lambda: submitted(store, job))
    news = caller("GET", path(job, "?wait=60")).json
    thread.join()

    assert news["status"] == -1


def test_who_waits_is_answered_with_new_progress_under_an_old_seq(caller, store):
    job = caller.drawn(callBackUrl=HOOK)
    token = submitted(store, job)
    for percent in (10, 20):
        store.lanes.progress(job["id"], token, percent, None)
    seq = caller("GET", path(job)).json["seq"]

    thread = once_waiting(caller, lambda: store.lanes.progress(job["id"], token, 30, None))
    news = caller("GET", path(job, f"?wait=60&seq={seq}")).json
    thread.join()

    assert (news["progress"], news["seq"]) == (30, seq)


def test_who_waits_for_what_has_happened_already_is_answered_at_once(
    app, caller, store, monkeypatch
):
    job = caller.drawn()
    submitted(store, job)

    ended = done(app, store, caller.drawn())
    watcher = app.extensions["limner"].watcher
    monkeypatch.setattr(watcher, "following", lambda *_: pytest.fail("it waits"))

    assert caller("GET", path(job, "?wait=60&seq=0")).json["status"] == -1
    assert caller("GET", path(ended, "?wait=60")).json["status"] == 1
    assert caller("GET", path(ended, f"?wait=60&seq={ended['seq']}")).json["status"] == 1


def test_who_waits_in_vain_is_answered_in_time(caller):
    job = caller.drawn()

    assert caller("GET", path(job, "?wait=1")).json == job


@pytest.mark.parametrize("more", ["?wait=60", "/events"])
def test_who_finds_every_place_to_wait_in_taken_is_told_when_to_come_back(crowded, more):
    response = crowded("GET", path(crowded.drawn(), more))

    refused(response, 503)
    assert int(response.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("more", ["?wait=60", "/events"])
def test_who_waits_as_often_as_one_client_may_is_refused_and_others_are_not(greedy, other, more):
    response = greedy("GET", path(greedy.drawn(), more))

    refused(response, 429)
    assert int(response.headers["Retry-After"]) >= 1
    job = other.drawn()
    neighbour = Caller(greedy.app, other.token, other.name)
    assert neighbour("GET", path(job, "?wait=1")).json == job


def test_a_look_without_waiting_needs_no_place(crowded):
    job = crowded.drawn()

    assert crowded("GET", path(job)).json == job


@pytest.mark.parametrize("query", ["wait=61", "wait=-1", "wait=x", "seq=-1", "waits=1"])
def test_a_wrong_or_unknown_parameter_of_a_look_is_refused_by_name(caller, query):
    job = caller.drawn()

    assert list(refused(caller("GET", path(job, "?" + query)), 422)) == [query.partition("=")[0]]


# -- events ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [HOOK, ""])
def test_a_stream_tells_what_callbacks_tell_and_ends_with_the_job(app, caller, store, url):
    job = done(app, store, caller.drawn(callBackUrl=url, extra="kept"))

    told = events(caller, job)

    assert [one["status"] for one in told] == [-1, 0, 1]
    assert [one["seq"] for one in told] == [1, 2, 3]
    assert told[-1] == caller("GET", path(job)).json
    if url:
        pending = store.outbox.told(job["id"]).pending
        assert [one.seq for one in pending] == [1, 2, 3]
        assert [one.fields["status"] for one in pending] == ["submitted", "drawing", "done"]


@pytest.mark.parametrize("url", [HOOK, ""])
def test_events_are_heard_as_they_happen_and_no_seq_means_two_things(caller, store, url):
    job = caller.drawn(callBackUrl=url)
    told = stream(caller, job)

    token = submitted(store, job)
    first = heard([next(told)])
    store.lanes.progress(job["id"], token, 10, None)
    first += heard([next(told)])
    for percent in (20, 30):
        store.lanes.progress(job["id"], token, percent, None)
    store.lanes.failed(job["id"], token, "It broke.", "engine_failed")
    rest = heard(told)

    assert [one["status"] for one in first + rest][:2] == [-1, 0]
    assert rest[-1] == caller("GET", path(job)).json
    seqs = [one["seq"] for one in first + rest]
    assert seqs == sorted(set(seqs))


def test_progress_that_a_watcher_saw_keeps_its_seq(caller, store):
    job = caller.drawn(callBackUrl=HOOK)
    token = submitted(store, job)
    for percent in (10, 20):
        store.lanes.progress(job["id"], token, percent, None)
    seen = store.stories.after(job["id"], 0).events[-1]

    store.lanes.failed(job["id"], token, "It broke.", "engine_failed")

    assert (seen.progress, seen.seq) == (20, 3)
    assert [one["seq"] for one in events(caller, job, seen=3)] == [4]
    assert [one.seq for one in store.outbox.told(job["id"]).pending] == [1, 2, 4]


def test_who_comes_back_is_told_what_is_new(app, caller, store):
    job = done(app, store, caller.drawn())

    assert [one["seq"] for one in events(caller, job, seen=1)] == [2, 3]
    assert [one["seq"] for one in events(caller, job, seen=0)] == [1, 2, 3]


def test_who_has_heard_the_end_need_not_come_back(app, caller, store):
    job = done(app, store, caller.drawn())

    response = caller("GET", path(job, "/events"), headers={"Last-Event-ID": "3"})

    assert (response.status_code, response.data) == (204, b"")


def test_the_end_is_told_long_after_the_rest_is_forgotten(app, caller, store):
    job = done(app, store, caller.drawn())
    store.redis.delete(f"limner:story:{job['id']}")

    assert [one["status"] for one in events(caller, job)] == [1]


def test_a_stream_without_news_says_that_it_lives(caller, store, monkeypatch):
    monkeypatch.setattr(importlib.import_module("api.waiting"), "HEARTBEAT_S", 0.01)
    job = caller.drawn()
    told = stream(caller, job)

    assert next(told).startswith(":")

    caller("DELETE", path(job))
    assert [one["reasonCode"] for one in heard(told)] == ["cancelled"]


def test_a_job_that_returns_to_its_lane_is_told_to_wait_again(caller, store, clock):
    job = caller.drawn()
    submitted(store, job)
    a_while_later(store, clock, 120, MESSAGES)

    told = store.stories.after(job["id"], 0).events
    assert [(one.status, one.position) for one in told] == [("submitted", None), ("waiting", 1)]


def test_nobody_hears_of_another_clients_job(caller, other):
    job = caller.drawn()

    refused(other("GET", path(job, "/events")), 404)
    refused(other("GET", path(job, "?wait=60")), 404)


def test_a_last_event_id_has_at_most_nine_digits(app, caller, store):
    job = done(app, store, caller.drawn())

    response = caller("GET", path(job, "/events"), headers={"Last-Event-ID": "9" * 9})

    assert response.status_code == 204


@pytest.mark.parametrize("seen", ["x", "-1", "1.5", "9" * 10, "²"])
def test_a_last_event_id_that_is_none_is_refused(caller, seen):
    job = caller.drawn()

    response = caller(
        "GET", path(job, "/events"), headers={"Last-Event-ID": seen.encode("latin-1")}
    )

    assert list(refused(response, 422)) == ["Last-Event-ID"]


def test_a_preview_is_told_with_its_picture(app, caller, store):
    job = caller.drawn()
    token = submitted(store, job)
    picture = kept(app, 7)
    store.lanes.progress(job["id"], token, 10, picture)
    told = store.stories.after(job["id"], 1).events[0]

    assert (told.picture, told.progress) == (picture, 10)
