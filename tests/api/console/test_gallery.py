"""The gallery and the page of one job, without a browser: who sees which, and what a job's stream tells."""

from __future__ import annotations

import html
import json
import re
import uuid
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from limner.store.operators import Role
from limner.store.outbox import AttemptReport, Poster
from tests.api.asking import refused
from tests.api.console.browsing import Browser
from tests.api.console.watching import Watched
from tests.api.drawing import a_picture, done, failed, inline

HOOK = "https://receiver.example/hook"
HOSTILE = '"><script>alert(1)</script>&\u202e'


@pytest.fixture
def ann(app, caller) -> Browser:
    browser = Browser(app)
    browser.enter(caller.token)
    return browser


@pytest.fixture
def watch(ann, monkeypatch) -> Iterator:
    monkeypatch.setattr("api.console.job_feed.BUSY_S", 0.05)
    monkeypatch.setattr("api.console.job_feed.IDLE_S", 0.1)
    streams: list[Watched] = []

    def begin(job) -> Watched:
        streams.append(Watched(ann, f"/console/live?job={job['id']}"))
        return streams[-1]

    yield begin
    for stream in streams:
        stream.close()


def post_one(store, job, verdict, **facts):
    """Play a dispatcher: take the job's next event and report how an attempt at it went."""
    poster = Poster.of("poster", 8, kept_ms=60_000)
    (taken,) = store.outbox.take(poster, 1, uuid.uuid4().hex, job["id"])
    event = taken.event
    attempt = {"seq": event.seq, "kind": event.kind.value, "id": event.id, "attempt": 1} | facts
    report = AttemptReport(verdict, attempt=attempt, why="exhausted")
    store.outbox.done(poster, taken, report, go_on=False)


def asked_on(page) -> list[dict]:
    """The parameters that a job's page carries."""
    (found,) = re.findall(r'data-asked="([^"]*)"', page.text)
    return json.loads(html.unescape(found))


def test_the_gallery_keeps_its_filters_in_its_address_as_text(ann):
    query = "&".join(f"{name}={quote(HOSTILE)}" for name in ("words", "tag", "status"))

    page = ann.get(f"/console/gallery?{query}")

    assert page.status_code == 200
    assert page.text.count(str(html.escape(HOSTILE)).replace("&quot;", "&#34;")) == 2
    assert "<script>" not in page.text
    assert 'value="1" selected' in ann.get("/console/gallery?status=1").text


def test_a_jobs_page_has_the_parameters_that_were_given_and_no_others(ann, caller):
    picture = inline(a_picture(7))
    given = {"stylize": 250, "raw": True, "ar": "16:9", "extra": HOSTILE, "callbackEvents": [1]}
    job = caller.drawn(**given, imageList=[picture])

    asked = asked_on(ann.get(f"/console/gallery/{job['id']}"))

    assert {one["name"]: one["value"] for one in asked} == {
        "ar": "16:9",
        "stylize": "250",
        "raw": True,
        "callbackEvents": ["1"],
        "extra": HOSTILE,
        "imageList": 1,
    }
    assert "<script>alert" not in ann.get(f"/console/gallery/{job['id']}").text


def test_a_follow_ups_page_leads_to_what_it_was_made_from(ann, app, store, caller):
    job = done(app, store, caller.drawn())
    body = {"buttonType": "u1", "messageId": job["id"], "tag": "1" * 32, "fast": True}
    made = caller("POST", "/draw/midjourney/button", json=body).json["data"]

    assert (
        f'href="../../console/gallery/{job["id"]}"'
        in ann.get(f"/console/gallery/{made['id']}").text
    )


@pytest.mark.parametrize("path", ["/console/gallery/{}", "/console/live?job={}"])
def test_a_job_of_another_client_is_not_there(ann, other, path):
    theirs = other.drawn()
    for job_id in (theirs["id"], "0" * 32, "nonsense", "%00"):
        answer = (
            ann.get(path.format(job_id))
            if "gallery" in path
            else ann.call("GET", path.format(job_id))
        )
        assert answer.status_code == 404
        assert theirs["promptEn"] not in answer.text


def test_a_refused_stream_takes_no_place(app, ann, other):
    theirs = other.drawn()
    refused(ann.call("GET", f"/console/live?job={theirs['id']}"), 404)

    assert app.extensions["limner"].waits.taken == 0


def test_operators_have_no_gallery(app, store):
    olga = Browser(app)
    olga.enter(store.operators.add("test", "olga", Role.STEER))

    assert olga.get("/console/gallery").status_code == 303
    assert olga.get(f"/console/gallery/{'0' * 32}").status_code == 303


def test_a_jobs_stream_begins_with_all_about_it_and_tells_each_change(watch, app, store, caller):
    job = caller.drawn(callBackUrl=HOOK)
    stream = watch(job)
    first = stream.next("snapshot")
    assert first["job"]["id"] == job["id"]
    assert [one["status"] for one in first["moments"]] == [-2]
    assert first["callbacks"]["data"] == []

    done(app, store, job)

    told = stream.next("job")
    while told["status"] != 1:
        told = stream.next("job")
    moments = stream.next("moments")
    while moments[-1]["status"] != 1:
        moments = stream.next("moments")
    assert [one["status"] for one in moments] == [-2, -1, 0, 1]
    assert moments[1]["engine"] == "stage"


def test_a_jobs_stream_tells_attempts_at_its_callbacks(watch, store, caller):
    job = failed(store, caller.drawn(callBackUrl=HOOK))
    stream = watch(job)
    assert stream.next("snapshot")["callbacks"]["data"][0]["state"] == "pending"

    post_one(store, job, "dead", status=400, error="http_4xx", answer=HOSTILE)

    (event, *_rest) = stream.next("callbacks")["data"]
    assert event["state"] == "dead"
    assert event["attempts"][0]["answer"] == HOSTILE


def test_a_jobs_stream_tells_that_a_follow_up_was_used(watch, app, store, caller):
    job = done(app, store, caller.drawn())
    stream = watch(job)
    assert stream.next("snapshot")["job"]["u1"] == 0

    body = {"buttonType": "u1", "messageId": job["id"], "tag": "1" * 32, "fast": True}
    caller("POST", "/draw/midjourney/button", json=body)

    assert stream.next("job")["u1"] == 1


def test_a_jobs_stream_tells_nothing_of_other_jobs(watch, app, store, caller, other):
    job = caller.drawn()
    stream = watch(job)
    stream.next("snapshot")
    done(app, store, caller.drawn())
    done(app, store, other.drawn())

    store.lanes.cancel(job["id"])

    assert stream.next("job")["reasonCode"] == "cancelled"


def test_a_timeline_whose_story_has_expired_has_what_the_record_says(app, store, caller):
    job = done(app, store, caller.drawn())
    assert [str(one.status) for one in store.stories.moments(store.jobs.get(job["id"]))] == [
        *("waiting", "submitted", "drawing", "done"),
    ]
    store.redis.delete(f"limner:story:{job['id']}")

    record = store.jobs.get(job["id"])
    found = store.stories.moments(record)

    assert [str(one.status) for one in found] == ["waiting", "submitted", "done"]
    assert [one.at for one in found] == [
        *(record.created_at, record.started_at, record.finished_at),
    ]
