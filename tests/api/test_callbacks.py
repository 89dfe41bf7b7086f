"""What a caller sees of a job's callbacks, and how it has the lost ones posted again."""

from __future__ import annotations

import re
import uuid

import pytest

from limner.store.outbox import AttemptReport, Poster
from tests.api.asking import refused
from tests.api.drawing import done, failed, submitted

HOOK = "https://receiver.example/hook"


@pytest.fixture
def post(store):
    """Play a dispatcher: take the job's next event and report how an attempt at it went."""
    poster = Poster.of("poster", 8, kept_ms=60_000)

    def attempt(job, verdict, **facts):
        (taken,) = store.outbox.take(poster, 1, uuid.uuid4().hex, job["id"])
        assert taken.event.job == job["id"]
        event = taken.event
        delay_s, health = facts.pop("delay_s", 0.0), facts.pop("health", "none")
        attempt = {"seq": event.seq, "kind": event.kind.value, "id": event.id} | facts
        attempt |= {"attempt": taken.tried + 1, "ms": 12, "address": "203.0.113.9"}
        if event.resent:
            attempt["resent"] = True
        report = AttemptReport(
            verdict, delay_s=delay_s, health=health, attempt=attempt, why="exhausted"
        )
        store.outbox.done(poster, taken, report, go_on=False)

    return attempt


def shown(caller, job):
    response = caller("GET", f"/draw/midjourney/jobs/{job['id']}/callbacks")
    assert response.status_code == 200, response.text
    return response.json


def resend(caller, job, **options):
    return caller("POST", f"/draw/midjourney/jobs/{job['id']}/callbacks/resend", **options)


def test_every_event_is_shown_with_its_attempts(caller, store, post):
    job = failed(store, caller.drawn(callBackUrl=HOOK))
    post(job, "retry", status=503, error="http_5xx", answer="busy", delay_s=5)

    body = shown(caller, job)

    first, last = body["data"]
    assert (first["seq"], first["kind"], first["status"], first["state"]) == (
        *(1, "transition", -1, "pending"),
    )
    assert (last["seq"], last["kind"], last["status"]) == (2, "terminal", 2)
    assert re.fullmatch(f"msg_{job['id']}_1_[0-9a-f]{{10}}", first["id"])
    assert first["at"].endswith("Z")
    (attempt,) = first["attempts"]
    assert attempt == {
        "at": "2027-01-15T08:00:00.000Z",
        "attempt": 1,
        "status": 503,
        "error": "http_5xx",
        "ms": 12,
        "answer": "busy",
        "location": None,
        "resent": False,
        "nextTryAt": "2027-01-15T08:00:05.000Z",
    }
    assert last["attempts"] == []
    assert body["nextTryAt"] == "2027-01-15T08:00:05.000Z"


def test_delivered_events_and_dead_letters_are_told_apart(caller, store, post):
    job = failed(store, caller.drawn(callBackUrl=HOOK))
    post(job, "ok", status=204)
    post(job, "dead", status=400, error="http_4xx")

    first, last = shown(caller, job)["data"]

    assert (first["state"], first["attempts"][0]["status"]) == ("delivered", 204)
    assert (last["state"], last["why"], last["status"]) == ("dead", "exhausted", 2)
    assert last["givenUpAt"]
    assert shown(caller, job)["nextTryAt"] is None


def test_what_is_still_to_be_posted_says_what_it_waits_for_and_until_when(caller, store, post):
    jobs = [failed(store, caller.drawn(callBackUrl=HOOK)) for _ in range(6)]
    for job in jobs[:5]:
        post(job, "retry", health="bad", delay_s=1)
    store.outbox.take(Poster.of("poster", 8, kept_ms=60_000), 9, "token")

    body = shown(caller, jobs[5])

    assert [event["why"] for event in body["data"]] == ["breaker", "order"]
    assert body["nextTryAt"] == "2027-01-15T08:00:10.000Z"
    assert body["parked"]


def test_nothing_of_the_network_is_told(caller, store, post):
    job = failed(store, caller.drawn(callBackUrl=HOOK))
    post(job, "retry", error="not_allowed")

    assert "203.0.113.9" not in caller("GET", f"/draw/midjourney/jobs/{job['id']}/callbacks").text


def test_a_job_that_nobody_is_told_of_has_no_callbacks(caller, store):
    job = failed(store, caller.drawn())

    assert shown(caller, job) == {"data": [], "nextTryAt": None, "parked": False}
    assert resend(caller, job).json == {"data": 0}


def test_dead_letters_are_posted_again_once(caller, store, post):
    job = failed(store, caller.drawn(callBackUrl=HOOK))
    post(job, "dead", status=400, error="http_4xx")
    post(job, "dead", status=400, error="http_4xx")

    assert resend(caller, job).json == {"data": 2}
    assert [one["state"] for one in shown(caller, job)["data"]] == ["resending", "resending"]
    assert resend(caller, job).json == {"data": 0}
    post(job, "ok", status=204)
    post(job, "ok", status=204)
    assert [one["state"] for one in shown(caller, job)["data"]] == ["delivered", "delivered"]
    assert shown(caller, job)["data"][0]["attempts"][-1]["resent"] is True


@pytest.mark.parametrize("by", ["ids", "seq"])
def test_one_dead_letter_can_be_chosen(caller, store, post, by):
    job = failed(store, caller.drawn(callBackUrl=HOOK))
    post(job, "dead", status=400, error="http_4xx")
    post(job, "dead", status=400, error="http_4xx")
    second = shown(caller, job)["data"][1]["id"]
    chosen = {"ids": {"ids": [second]}, "seq": {"seq": 2}}[by]

    assert resend(caller, job, json=chosen).json == {"data": 1}
    assert [one["state"] for one in shown(caller, job)["data"]] == ["dead", "resending"]


def test_the_end_is_posted_again_if_nothing_is_dead(app, caller, store, post):
    job = done(app, store, caller.drawn(callBackUrl=HOOK))
    for _ in range(3):
        post(job, "ok", status=204)

    assert resend(caller, job).json == {"data": 1}


def test_an_id_of_another_job_is_posted_nowhere(caller, store, post):
    job, another = (failed(store, caller.drawn(callBackUrl=HOOK)) for _ in range(2))

    assert resend(caller, job, json={"ids": [f"msg_{another['id']}_1"]}).json == {"data": 0}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ids": []}, "ids"),
        ({"ids": "msg_1"}, "ids"),
        ({"ids": [1]}, "ids"),
        ({"ids": ["msg_1"]}, "ids"),
        ({"seq": 0}, "seq"),
        ({"seqs": 1}, "seqs"),
    ],
)
def test_a_wrong_choice_is_refused_by_name(caller, body, field):
    job = caller.drawn()

    assert list(refused(resend(caller, job, json=body), 422)) == [field]


def test_what_is_sent_to_resend_must_be_json(caller):
    job = caller.drawn()

    refused(resend(caller, job, data="x"), 415)
    assert resend(caller, job, data="").status_code == 200


def test_another_clients_callbacks_are_404(caller, other, store):
    job = caller.drawn(callBackUrl=HOOK)
    submitted(store, job)

    refused(other("GET", f"/draw/midjourney/jobs/{job['id']}/callbacks"), 404)
    refused(resend(other, job), 404)
