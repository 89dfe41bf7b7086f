"""Requests that find every place to wait in taken, through every face: they stand, and are refused or served."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from api import create_app
from tests.api.asking import Caller
from tests.api.console.browsing import Browser
from tests.conftest import wait_until

#: longer than any test may take
LONG_S = 600.0


@pytest.fixture
def greedy(settings, store, messages, caller, monkeypatch) -> Iterator[Caller]:
    """The caller, whose one place is taken, where who is refused stands for long."""
    monkeypatch.setattr("api.waiting.STAND_S", LONG_S)
    open_to_all = replace(settings, api_client_waits=1, callback_allow="0.0.0.0/0")
    app = create_app(open_to_all, store, messages)
    with app.extensions["limner"].waits.hold(caller.name):
        yield Caller(app, caller.token, caller.name)


def of_a_job(method: str, more: str):
    def ask(caller: Caller):
        hook = "https://receiver.example/hook"
        job = caller.drawn(callBackUrl=hook)
        return caller(method, f"/draw/midjourney/jobs/{job['id']}{more}")

    return ask


def post(path: str, body: dict, **headers: str):
    def ask(caller: Caller):
        bearer = {"Authorization": f"Bearer {caller.token}"}
        return caller("POST", path, json=body, headers=bearer | headers)

    return ask


def page(caller: Caller):
    browser = Browser(caller.app)
    browser.enter(caller.token)
    return browser.call("GET", "/console/live")


DRAWN = {"prompt": "a fox"}
TOOL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "imagine", "arguments": {**DRAWN, "wait_s": 60}},
}
WAYS = {
    "look": of_a_job("GET", "?wait=60"),
    "events": of_a_job("GET", "/events"),
    "test of callbacks": of_a_job("POST", "/callbacks/test"),
    "page": page,
    "openai": post("/v1/images/generations", DRAWN),
    "openai's stream": post("/v1/images/generations", {**DRAWN, "stream": True}),
    "replicate": post("/v1/models/acme/fox/predictions", {"input": DRAWN}, Prefer="wait"),
    "sdapi": post("/sdapi/v1/txt2img", DRAWN),
    "mcp": post("/mcp", TOOL, Accept="application/json"),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_request_that_waits_stands_before_it_is_refused(greedy, way):
    """And a caller of a tool, whose job is accepted already, is told of that."""
    here, found = greedy.app.extensions["limner"], []
    thread = threading.Thread(target=lambda: found.append(WAYS[way](greedy)), daemon=True)
    thread.start()

    wait_until(lambda: here.waits.standing == 1 or found, what="it to stand")
    assert not found, found[0].text

    here.watcher.end()
    thread.join(60)
    assert found[0].status_code == (200 if way == "mcp" else 429)
    assert (here.waits.taken, here.waits.standing) == (1, 0)


def test_who_stood_for_its_place_is_served_as_any_other(settings, store, messages, caller):
    app = create_app(replace(settings, api_client_waits=1), store, messages)
    here, greedy = app.extensions["limner"], Caller(app, caller.token, caller.name)
    job, found = greedy.drawn(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.waiting.STAND_S", LONG_S)
        with here.waits.hold(caller.name):
            ask = lambda: found.append(of_a_job("GET", "?wait=1")(greedy))  # noqa: E731
            thread = threading.Thread(target=ask, daemon=True)
            thread.start()
            wait_until(lambda: here.waits.standing == 1, what="it to stand")
        thread.join(60)

    assert found[0].status_code == 200
    assert found[0].json["status"] == job["status"]
    assert here.waits.taken == 0


def test_who_hangs_up_while_it_stands_makes_no_job(greedy, monkeypatch):
    @contextmanager
    def leaving(gone):
        gone()
        yield

    monkeypatch.setattr("api.peer.watched", lambda: leaving)

    response = WAYS["sdapi"](greedy)

    assert (response.status_code, response.data) == (499, b"")
    assert greedy("GET", "/draw/midjourney/jobs").json["data"] == []
