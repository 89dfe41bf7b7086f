"""The answer as a stream: the events' shapes, as many partial pictures as asked for, errors within it."""

from __future__ import annotations

import base64
import io
import json

import pytest

from api import waiting
from api.event_stream import NO_NEWS
from api.faces.openai import streaming
from limner.errors import StoreDown
from tests.api.faces.openai.asking import EDITS, GENERATIONS, a_file, opened

ABOUT = {"background": "opaque", "output_format": "png", "quality": "auto"}


def events_of(text: str) -> list[dict]:
    """The events of a stream, each checked to be named by its type; comments are left out."""
    found = []
    for block in text.split("\n\n"):
        if not block or block.startswith(":"):
            continue
        name, data = block.split("\n")
        body = json.loads(data.removeprefix("data: "))
        kind = name.removeprefix("event: ")
        assert kind == body.get("type", "error")
        found.append(body)
    return found


def streamed(client, draughtsman, act=None, jobs=1, path=GENERATIONS, **options):
    thread = draughtsman.meanwhile(client, act or draughtsman.draw, jobs)
    response = client("POST", path, **options)
    text = response.text
    thread.join()
    assert response.status_code == 200, text
    assert response.mimetype == "text/event-stream"
    assert text.startswith(": no news\n\n"), "or a proxy would wait for the head"
    assert response.headers["x-request-id"] == client.jobs()[-jobs].id
    return events_of(text)


def previewed(client, draughtsman, monkeypatch, percents, **asked):
    """The events of a stream whose reader misses no preview."""
    monkeypatch.setattr(waiting, "HEARTBEAT_S", 0.01)
    response = client("POST", GENERATIONS, json=body(**asked))
    chunks = (chunk.decode() for chunk in response.response)
    text = next(chunks)
    (job,) = client.jobs()
    token = draughtsman.take(job)
    for percent in percents:
        draughtsman.preview(job, token, percent)
        # Before it says that there are no news, it looks.
        for chunk in chunks:
            text += chunk
            if chunk == NO_NEWS:
                break
    draughtsman.draw(job, token)
    return events_of(text + "".join(chunks))


def body(**more):
    return {"prompt": "a cat", "stream": True} | more


# An event has no field for a URL.
@pytest.mark.parametrize("form", [{}, {"response_format": "url"}])
def test_a_stream_without_partial_images_is_one_event(client, draughtsman, form):
    (event,) = streamed(client, draughtsman, json=body(**form))

    (job,) = client.jobs()
    assert opened(base64.b64decode(event.pop("b64_json"))).size == (64, 48)
    assert event == {
        "type": "image_generation.completed",
        "created_at": int(job.finished_at.timestamp()),
        "size": "64x48",
        **ABOUT,
        "usage": {
            "input_tokens": 0,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
            "output_tokens": 0,
            "total_tokens": 0,
        },
    }


def test_partial_images_come_before_the_finished_one(client, draughtsman, monkeypatch):
    asked = {"partial_images": 1, "size": "32x32", "output_format": "jpeg"}

    partial, last = previewed(client, draughtsman, monkeypatch, [50], **asked)

    (job,) = client.jobs()
    made = opened(base64.b64decode(partial.pop("b64_json")))
    assert (made.size, made.format) == ((32, 32), "JPEG")
    assert partial == {
        "type": "image_generation.partial_image",
        "partial_image_index": 0,
        "created_at": int(job.created_at.timestamp()),
        "size": "32x32",
        **ABOUT,
        "output_format": "jpeg",
    }
    assert last["type"] == "image_generation.completed"


@pytest.mark.parametrize("asked", [0, 1, 3])
def test_there_are_as_many_partial_images_as_asked_for(client, draughtsman, monkeypatch, asked):
    percents = range(5, 101, 5)

    events = previewed(client, draughtsman, monkeypatch, percents, partial_images=asked)

    assert [one["partial_image_index"] for one in events[:-1]] == list(range(asked))


def test_each_picture_is_an_event_and_jobs_follow_each_other(client, draughtsman):
    events = streamed(client, draughtsman, jobs=2, json=body(n=6))

    assert [one["type"] for one in events] == ["image_generation.completed"] * 6
    assert client.app.extensions["limner"].waits.taken == 0
    assert client.app.extensions["limner"].bodies.taken == 0


def test_an_edits_events_have_names_of_their_own(client, draughtsman):
    form = {"prompt": "x", "stream": "true", "image": (io.BytesIO(a_file()), "a.png")}

    (event,) = streamed(client, draughtsman, path=EDITS, data=form)

    assert event["type"] == "image_edit.completed"


def test_a_job_that_fails_is_an_error_within_the_stream(client, draughtsman):
    def fail(job):
        draughtsman.fail(job, "It was refused.", "moderated")

    (event,) = streamed(client, draughtsman, fail, json=body())

    assert event == {
        "error": {
            "message": "It was refused.",
            "type": "image_generation_user_error",
            "param": None,
            "code": "content_policy_violation",
        }
    }


def test_if_one_job_of_several_fails_the_others_are_called_off(client, draughtsman):
    def fail_first(job):
        if job.id == client.jobs()[0].id:
            draughtsman.fail(job, "It broke.", "engine_failed")

    (event,) = streamed(client, draughtsman, fail_first, jobs=2, json=body(n=5))

    assert event["error"]["code"] == "server_error"
    assert [job.reason_code for job in client.jobs()] == ["engine_failed", "cancelled"]


def test_comments_keep_the_line_while_nothing_happens(client, draughtsman, monkeypatch):
    monkeypatch.setattr(waiting, "HEARTBEAT_S", 0.01)
    response = client("POST", GENERATIONS, json=body())
    chunks = iter(response.response)

    assert [next(chunks).decode() for _ in range(3)] == [": no news\n\n"] * 3
    draughtsman.draw(client.jobs()[0])
    text = "".join(one.decode() for one in chunks)
    assert events_of(text)[-1]["type"] == "image_generation.completed"


def test_a_stream_goes_on_after_the_time_that_one_wait_may_take(client, draughtsman, monkeypatch):
    monkeypatch.setattr(waiting, "HEARTBEAT_S", 0.01)
    monkeypatch.setattr(streaming, "WAIT_MOST_S", 0.05)
    response = client("POST", GENERATIONS, json=body())
    chunks = iter(response.response)
    places = client.app.extensions["limner"].waits
    taken = []
    take = places.take
    monkeypatch.setattr(places, "take", lambda *what: taken.append(take(*what)))
    while len(taken) < 3:
        next(chunks)

    draughtsman.draw(client.jobs()[0])

    text = "".join(one.decode() for one in chunks)
    assert events_of(text)[-1]["type"] == "image_generation.completed"
    response.close()
    assert client.app.extensions["limner"].waits.taken == 0


def test_a_process_that_ends_says_so_in_its_streams(client, draughtsman):
    response = client("POST", GENERATIONS, json=body())
    chunks = iter(response.response)
    next(chunks)
    client.app.extensions["limner"].watcher.end()

    (event,) = events_of("".join(one.decode() for one in chunks))

    assert event["error"]["code"] == "server_error"
    assert client.jobs()[0].reason_code is None


def test_a_store_that_goes_down_before_the_stream_begins_is_an_error_within_it(client, monkeypatch):
    here = client.app.extensions["limner"]

    def gone(*_):
        raise StoreDown("Redis is away")

    monkeypatch.setattr(here.store.awaited, "join", gone)
    response = client("POST", GENERATIONS, json=body())

    assert events_of(response.text)[-1]["error"]["code"] == "server_error"
    assert here.waits.taken == 0
