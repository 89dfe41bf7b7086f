"""What a library repeats is drawn once, and what nobody waits for any more is not drawn at all."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from api import audience, create_app
from limner.settings import FaceOptions
from tests.api.faces.openai.asking import GENERATIONS, Client, Line, error_of
from tests.conftest import wait_until

ASYNC = {"Prefer": "respond-async"}
FIRST, AGAIN = ({"x-stainless-retry-count": count} | ASYNC for count in "01")


@pytest.fixture
def in_no_time(monkeypatch):
    monkeypatch.setattr(audience, "GRACE_S", 0.0)


def asked(client, headers, **body) -> str:
    response = client.generate(headers, **body)
    assert response.status_code == 202, response.text
    return response.json["id"]


def waiting_for(client, line=None, headers=None, stream=False):
    """A request of somebody who waits, in a thread; and what it got."""
    got: list = []
    watcher = client.app.extensions["limner"].watcher
    before = watcher.waiting

    def ask():
        response = client(
            *("POST", GENERATIONS),
            json={"prompt": "a cat", "stream": stream},
            headers=headers or {},
            environ_overrides=line.environ if line else {},
        )
        response.get_data()
        got.append(response)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(lambda: watcher.waiting > before, what="somebody who waits")
    return thread, got


def reason(client, number=0) -> str | None:
    return client.jobs()[number].reason_code


def test_a_retry_gets_the_job_of_the_first_try(client):
    first = asked(client, FIRST)

    assert asked(client, AGAIN) == first
    assert asked(client, AGAIN | {"x-stainless-retry-count": "2"}) == first
    assert len(client.jobs()) == 1


def test_a_first_try_is_a_new_job_and_so_is_one_that_says_nothing(client):
    ids = {asked(client, headers) for headers in (FIRST, FIRST, ASYNC, ASYNC)}

    assert len(ids) == 4


@pytest.mark.parametrize("count", ["", "one", "-1", "1e3", "²", "9999"])
def test_a_count_that_is_none_says_nothing(client, count):
    headers = ASYNC | {"x-stainless-retry-count": count}

    assert asked(client, headers) != asked(client, headers)


def test_a_retry_with_another_body_is_another_job(client):
    first = asked(client, FIRST)

    assert asked(client, AGAIN, n=2) != first


def test_a_retry_of_several_jobs_gets_all_of_them(client, draughtsman):
    headers = {"x-stainless-retry-count": "0"}
    thread = draughtsman.meanwhile(client, draughtsman.draw, jobs=3)
    first = client.generate(headers, n=9)
    thread.join()

    again = client.generate({"x-stainless-retry-count": "1"}, n=9)

    assert again.json == first.json
    assert len(client.jobs()) == 3


def test_a_callers_own_key_counts_more(client):
    key = {"Idempotency-Key": "mine"}

    assert asked(client, FIRST | key) == asked(client, FIRST | key)
    error_of(client.generate(FIRST | key, n=2), 409, "idempotency_conflict")


def test_a_job_whose_caller_hangs_up_is_cancelled(client, in_no_time):
    line = Line()
    thread, got = waiting_for(client, line)

    line.hang_up()
    thread.join()

    assert got[0].status_code == 499
    assert reason(client) == "cancelled"


def test_a_stream_whose_reader_hangs_up_cancels_its_job(client, in_no_time):
    line = Line()
    thread, _ = waiting_for(client, line, stream=True)

    line.hang_up()
    thread.join()

    assert reason(client) == "cancelled"


def test_a_stream_that_the_server_cannot_send_any_more_cancels_its_job(client, in_no_time):
    response = client.app.test_client().post(
        GENERATIONS,
        json={"prompt": "a cat", "stream": True},
        headers={"Authorization": f"Bearer {client.token}"},
    )
    assert next(iter(response.response))

    response.close()

    assert reason(client) == "cancelled"


def test_a_job_goes_on_if_somebody_else_waits_for_it(client, in_no_time, draughtsman):
    line = Line()
    first, _ = waiting_for(client, line, {"x-stainless-retry-count": "0"})
    second, got = waiting_for(client, None, {"x-stainless-retry-count": "1"})

    line.hang_up()
    first.join()
    assert reason(client) is None

    (job,) = client.jobs()
    draughtsman.draw(job)
    second.join()
    assert got[0].status_code == 200


def test_a_caller_who_comes_back_in_time_gets_its_job(client, draughtsman, monkeypatch):
    monkeypatch.setattr(audience, "GRACE_S", 60.0)
    line = Line()
    first, _ = waiting_for(client, line, {"x-stainless-retry-count": "0"})
    line.hang_up()
    wait_until(lambda: not client.store.redis.exists("limner:awaited:" + client.jobs()[0].id))
    second, got = waiting_for(client, None, {"x-stainless-retry-count": "1"})

    # The time to come back is over.
    monkeypatch.setattr(audience, "GRACE_S", 0.0)
    (job,) = client.jobs()
    draughtsman.draw(job)
    second.join()
    client.app.extensions["limner"].watcher.end()
    first.join()

    assert got[0].json["id"] == job.id


def test_a_retry_after_a_cancelled_try_is_a_new_job(client, in_no_time):
    line = Line()
    thread, _ = waiting_for(client, line, {"x-stainless-retry-count": "0"})
    line.hang_up()
    thread.join()

    response = client.generate(AGAIN, prompt="a cat")

    assert response.json["id"] != client.jobs()[0].id


def test_a_process_that_ends_cancels_nothing_and_has_its_callers_ask_again(client, in_no_time):
    thread, got = waiting_for(client)

    client.app.extensions["limner"].watcher.end()
    thread.join()

    error_of(got[0], 503, "server_error", retry=True)
    assert reason(client) is None
    assert got[0].headers["x-request-id"] == client.jobs()[0].id


def test_hanging_up_cancels_nothing_if_the_operator_says_so(settings, store, messages, in_no_time):
    options = {"openai": FaceOptions(hang_up_cancels=False)}
    app = create_app(replace(settings, face_options=options), store, messages)
    client, line = Client(app, store, store.clients.add("cid").token, "cid"), Line()
    thread, _ = waiting_for(client, line)

    line.hang_up()
    thread.join()

    assert reason(client) is None
    assert store.redis.keys("limner:awaited:*") == []


def test_nobody_is_remembered_as_waiting_once_a_job_is_answered(client, draughtsman, store):
    thread = draughtsman.meanwhile(client, draughtsman.draw)
    client.generate()
    thread.join()

    assert store.redis.keys("limner:awaited:*") == []
