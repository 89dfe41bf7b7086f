"""The places to wait in: however a request ends that may take one, it is free again afterwards."""

from __future__ import annotations

import http.client
import importlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from werkzeug.serving import make_server

from api import create_app
from limner.errors import JobNotFound, StoreDown
from tests.api.asking import TAG, Caller, refused
from tests.api.drawing import done, failed, submitted
from tests.conftest import wait_until

PLACES = 2


@pytest.fixture
def waiter(settings, store, messages, caller) -> Caller:
    """The caller at a process in which two may wait."""
    app = create_app(replace(settings, api_waits=PLACES), store, messages)
    return Caller(app, caller.token, caller.name)


def free_places(app) -> int:
    return PLACES - app.extensions["limner"].waits.taken


def path(job, more: str = "") -> str:
    return f"/draw/midjourney/jobs/{job['id']}{more}"


def stream(caller, job) -> Iterator[bytes]:
    """An open stream, its first line read."""
    response = caller.app.test_client().get(path(job, "/events"), headers={"token": caller.token})
    chunks = iter(response.response)
    next(chunks)
    return chunks


def test_there_are_as_many_places_as_the_settings_say(waiter):
    job = waiter.drawn()
    assert free_places(waiter.app) == PLACES

    told = stream(waiter, job)

    assert free_places(waiter.app) == PLACES - 1
    told.close()


REFUSED = {
    "wrong parameter": ("GET", "?wait=61", {}, 422),
    "unknown parameter": ("GET", "?wait=1&waits=1", {}, 422),
    "no token": ("GET", "?wait=1", {"token": ""}, 401),
    "wrong token": ("GET", "/events", {"token": "lim_wrong"}, 401),
    "wrong method": ("POST", "/events", {}, 405),
    "wrong event id": ("GET", "/events", {"Last-Event-ID": "x"}, 422),
    "no such page": ("GET", "/eventss", {}, 404),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_refusal_takes_no_place(waiter, why):
    method, more, headers, status = REFUSED[why]
    job = waiter.drawn()

    for _ in range(PLACES + 1):
        refused(waiter(method, path(job, more), headers=headers), status)

    assert free_places(waiter.app) == PLACES


def test_the_job_of_another_client_takes_no_place(waiter, other):
    job = other.drawn()

    for more in ("?wait=60", "/events"):
        for _ in range(PLACES + 1):
            refused(waiter("GET", path(job, more)), 404)

    assert free_places(waiter.app) == PLACES


def news(waiter, store, job) -> int:
    watcher = waiter.app.extensions["limner"].watcher

    def act() -> None:
        wait_until(lambda: watcher.waiting > 0, what="somebody who waits")
        submitted(store, job)

    thread = threading.Thread(target=act)
    thread.start()
    status = waiter("GET", path(job, "?wait=60")).status_code
    thread.join()
    return status


def nothing_new(waiter, store, job) -> int:
    return waiter("GET", path(job, "?wait=1")).status_code


def redis_away(waiter, store, job) -> int:
    """It goes away while somebody waits, and is away when that one looks."""

    def away(*_args: object) -> None:
        store.jobs.get = away
        raise StoreDown

    watcher, get = waiter.app.extensions["limner"].watcher, store.jobs.get

    def act() -> None:
        wait_until(lambda: watcher.waiting > 0, what="somebody who waits")
        store.jobs.get = away
        wait_until(lambda: store.redis.client_kill_filter(_type="pubsub") > 0, what="its end")

    thread = threading.Thread(target=act)
    thread.start()
    try:
        return waiter("GET", path(job, "?wait=60")).status_code
    finally:
        thread.join()
        store.jobs.get = get


def a_bug(waiter, store, job) -> int:
    def broken(*_args: object) -> None:
        raise RuntimeError("a bug")

    waiter.app.extensions["limner"].watcher.following = broken
    return waiter("GET", path(job, "?wait=60")).status_code


@pytest.mark.parametrize(
    ("way", "status"), [(news, 200), (nothing_new, 200), (redis_away, 503), (a_bug, 500)]
)
def test_a_wait_gives_its_place_back(waiter, store, way, status):
    assert way(waiter, store, waiter.drawn()) == status

    assert free_places(waiter.app) == PLACES


def ended_by_its_job(waiter, store, job) -> None:
    told = stream(waiter, job)
    failed(store, job)
    assert [chunk for chunk in told if b"id: " in chunk]


def told_of_an_end(waiter, store, job) -> None:
    done(waiter.app, store, job)
    assert waiter("GET", path(job, "/events")).status_code == 200
    assert waiter("GET", path(job, "/events"), headers={"Last-Event-ID": "3"}).status_code == 204


def closed_by_its_reader(waiter, store, job) -> None:
    told = stream(waiter, job)
    submitted(store, job)
    assert b"id: 1" in next(told)
    told.close()


def never_read(waiter, store, job) -> None:
    waiter.app.test_client().get(path(job, "/events"), headers={"token": waiter.token}).close()
    assert waiter("HEAD", path(job, "/events")).status_code == 200


def cut(error: Exception) -> Callable[..., None]:
    def way(waiter, store, job) -> None:
        told, after = stream(waiter, job), store.stories.after

        def broken(*_args: object) -> None:
            raise error

        store.stories.after = broken
        try:
            assert list(told) == []
        finally:
            store.stories.after = after

    return way


@pytest.mark.parametrize(
    "way",
    [
        ended_by_its_job,
        told_of_an_end,
        closed_by_its_reader,
        never_read,
        pytest.param(cut(StoreDown()), id="redis_away"),
        pytest.param(cut(JobNotFound()), id="forgotten"),
    ],
)
def test_a_stream_gives_its_place_back(waiter, store, way):
    way(waiter, store, waiter.drawn())

    assert free_places(waiter.app) == PLACES


def test_a_reader_who_hangs_up_is_missed_at_the_next_sign_of_life(waiter, monkeypatch):
    monkeypatch.setattr(importlib.import_module("api.waiting"), "HEARTBEAT_S", 0.02)
    job = waiter.drawn(tag=TAG)
    server = make_server("127.0.0.1", 0, waiter.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        reader = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        reader.request("GET", path(job, "/events"), headers={"token": waiter.token})
        assert reader.getresponse().readline() == b"retry: 2000\n"
        assert free_places(waiter.app) == PLACES - 1

        reader.close()

        wait_until(lambda: free_places(waiter.app) == PLACES, what="its place to be free")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
