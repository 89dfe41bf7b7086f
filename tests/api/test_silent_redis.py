"""The API while Redis takes connections and says nothing: every caller is answered, and in time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from flask import Flask

from api import create_app
from api.ops import health
from api.producer import InTime
from limner.errors import StoreDown
from limner.settings import Settings
from limner.store import Store
from limner.store.waits import IMPATIENT, Waits, waiting_at_most
from tests.api.asking import Caller, a_caller, refused
from tests.api.test_outage import ASKED
from tests.conftest import free_port, wait_until

pytestmark = pytest.mark.seam

#: nobody waits that long: a test that did would fail
LONG_S = 120.0
#: ends what waits no longer than it should, on any machine
SOON_S = 60.0
#: only a request's own limit ends its waiting
TIRELESS = Waits(connect_s=LONG_S, answer_s=LONG_S, request_s=0.3, probe_s=0.02)


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a Redis that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture
def build(tmp_path) -> Iterator:
    """Build apps on a Redis, by its URL and their waits."""
    stores = []

    def build(url: str, waits: Waits) -> Flask:
        stores.append(Store(url, waits=waits))
        return create_app(Settings(redis_url=url, data_dir=tmp_path), stores[-1])

    yield build
    for store in stores:
        store.close()


def test_every_request_is_503_within_what_it_may_wait(build, silent):
    caller = Caller(build(silent, TIRELESS), "some-token", "ann")

    for asked in [*ASKED, ("POST", "/draw/midjourney/refresh")]:
        began = time.monotonic()
        response = caller(*asked)
        assert time.monotonic() - began < SOON_S
        refused(response, 503)
        assert int(response.headers["Retry-After"]) > 0


def test_the_api_waits_for_redis_less_than_three_seconds():
    assert IMPATIENT.request_s is not None
    # The rest is for what else a request does.
    assert max(IMPATIENT.request_s, health.READY_S) <= 2.5
    assert IMPATIENT.answer_s <= IMPATIENT.request_s
    assert health.READY_S < 1


def test_readiness_is_told_sooner_than_a_request_ends(build, silent, monkeypatch):
    monkeypatch.setattr(health, "READY_S", 0.2)
    app = build(silent, replace(TIRELESS, request_s=LONG_S))

    began = time.monotonic()
    refused(app.test_client().get("/readyz"), 503)

    assert time.monotonic() - began < SOON_S


def test_metrics_say_that_redis_is_down(build, silent):
    began = time.monotonic()
    page = build(silent, TIRELESS).test_client().get("/metrics").text

    assert "limner_redis_up 0.0" in page
    assert time.monotonic() - began < SOON_S


def test_life_is_told_while_others_wait_for_redis(build, silent):
    app = build(silent, replace(TIRELESS, request_s=1.0))
    caller = Caller(app, "some-token", "ann")

    with ThreadPoolExecutor(4) as callers:
        waiting = [callers.submit(caller, *ASKED[0]) for _ in range(4)]
        assert app.test_client().get("/healthz").json == {"status": "alive"}
        for response in waiting:
            refused(response.result(), 503)


def test_while_redis_is_known_to_be_away_nobody_waits_for_it(build):
    port = free_port()
    waits = replace(TIRELESS, request_s=LONG_S)
    caller = Caller(build(f"redis://127.0.0.1:{port}/0", waits), "some-token", "ann")
    refused(caller.imagine(), 503)

    # From now on whoever waited would wait for long.
    with socket.create_server(("127.0.0.1", port)):
        began = time.monotonic()
        for asked in ASKED:
            refused(caller(*asked), 503)
        assert time.monotonic() - began < SOON_S


def test_a_redis_that_stops_and_goes_on_is_used_again(mortal_app, server):
    server.start()
    store = Store(server.url)
    caller = a_caller(mortal_app, store, "ann")
    first = caller.drawn()

    with server.silenced():
        for _ in range(3):
            refused(caller.imagine(), 503)
        refused(caller("GET", "/readyz"), 503)
        assert caller("GET", "/healthz").status_code == 200

    job = f"/draw/midjourney/jobs/{first['id']}"
    wait_until(lambda: caller("GET", job).json == first, what="the job")
    store.close()


def test_a_key_answers_with_the_job_whose_acceptance_nobody_heard_of(mortal_app, server):
    server.start()
    store = Store(server.url)
    caller = a_caller(mortal_app, store, "ann")
    caller.drawn()
    keyed = {"Idempotency-Key": "once"}

    with server.silenced():
        refused(caller.imagine(headers=keyed), 503)

    # What it was sent it has in its socket, and does.
    wait_until(lambda: store.jobs.waiting_count("ann") == 2, what="the job that was not heard of")
    wait_until(lambda: caller.imagine(headers=keyed).status_code == 202, what="an answer")
    assert store.jobs.waiting_count("ann") == store.redis.llen("fast") == 2
    store.close()


def test_a_broker_that_does_not_answer_is_waited_for_as_long_as_a_request_may():
    rendering = InTime(lambda: time.sleep(1.0), lambda: None)

    with waiting_at_most(0.05), pytest.raises(StoreDown):
        rendering()


def test_a_broker_that_failed_is_asked_again():
    outcomes = iter([StoreDown(), None])

    def render():
        if error := next(outcomes):
            raise error
        return "the messages"

    rendering = InTime(render, lambda: None)

    with pytest.raises(StoreDown):
        rendering()
    assert rendering() == rendering() == "the messages"


def test_many_first_callers_wait_for_one_rendering():
    go_on, rendered = threading.Event(), []

    def render():
        rendered.append(go_on.wait(60))
        return "the messages"

    # All ask before any of them renders.
    rendering = InTime(render, threading.Barrier(8).wait, most_s=60)
    with ThreadPoolExecutor(8) as threads:
        told = [threads.submit(rendering) for _ in range(8)]
        go_on.set()
        assert {each.result() for each in told} == {"the messages"}
    assert rendered == [True]
