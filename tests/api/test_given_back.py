"""What a request holds of its process is given back, however it ends, through every face.

A place to wait in, and memory for the answer: there are so many of both that what is not given back shows nowhere,
until nobody is served any more.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
import redis

from api import create_app
from limner.errors import StoreDown
from limner.settings import Alias, FaceOptions
from tests.api.asking import Caller, a_caller
from tests.api.drawing import done, images_of
from tests.api.faces.mcp.speaking import BOTH
from tests.api.test_standing import DRAWN, TOOL, WAYS, post
from tests.conftest import wait_until

WAYS = WAYS | {"mcp's stream": post("/mcp", TOOL, Accept=BOTH)}
#: a place is taken before there is a job
EARLY = ("openai", "openai's stream", "replicate", "sdapi")


@pytest.fixture
def settings(settings):
    return replace(settings, callback_allow="0.0.0.0/0")


def held(caller: Caller) -> tuple[int, int]:
    """How many wait, and how many stand."""
    waits = caller.app.extensions["limner"].waits
    return waits.taken, waits.standing


def read(response: Any) -> int:
    """Read an answer as its caller does, of a stream without an end only what comes at once; return its status."""
    if response.is_streamed and response.request.path == "/console/live":
        next(iter(response.response))
    else:
        assert response.data is not None
    response.close()
    return int(response.status_code)


def draw_its_job(caller: Caller, store: Any) -> None:
    """Draw the one job that the caller has, or is about to have."""
    jobs = lambda: caller("GET", "/draw/midjourney/jobs").json["data"]  # noqa: E731
    wait_until(jobs, what="its job")
    done(caller.app, store, jobs()[0])


def whose_cap_is_full(settings, store, messages, _patch) -> Caller:
    return a_caller(create_app(settings, store, messages), store, "cid", waiting_cap=0)


def whose_budget_is_spent(settings, store, messages, _patch) -> Caller:
    return a_caller(create_app(settings, store, messages), store, "cid", per_day=0)


def whose_model_is_gone(settings, store, messages, _patch) -> Caller:
    gone = FaceOptions(models={name: Alias(engine="gone") for name in ("*", "limner")})
    options = dict.fromkeys(("openai", "replicate", "sdapi"), gone)
    app = create_app(replace(settings, face_options=options), store, messages)
    return a_caller(app, store, "cid")


def whom_a_bug_meets(settings, store, messages, patch) -> Caller:
    def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    patch.setattr(store.jobs, "accept", breaks)
    return a_caller(create_app(settings, store, messages), store, "cid")


REFUSED = {
    whose_cap_is_full: {429},
    whose_budget_is_spent: {402, 429},
    whose_model_is_gone: {404, 422},
    whom_a_bug_meets: {500},
}


@pytest.mark.parametrize("who", REFUSED)
@pytest.mark.parametrize("way", EARLY)
def test_who_is_refused_after_it_had_a_place_gives_it_back(
    settings, store, messages, monkeypatch, who, way
):
    caller = who(settings, store, messages, monkeypatch)
    seen = []
    waits = caller.app.extensions["limner"].waits
    patiently = waits.patiently
    monkeypatch.setattr(waits, "patiently", lambda *args: seen.append(way) or patiently(*args))

    assert read(WAYS[way](caller)) in REFUSED[who]
    assert seen, "it had a place"
    assert held(caller) == (0, 0)


@pytest.mark.parametrize("way", WAYS)
def test_who_had_a_place_when_redis_went_away_gives_it_back(app, store, caller, monkeypatch, way):
    waits, had = app.extensions["limner"].waits, []
    take = waits.held

    def away(*_: Any, **__: Any) -> None:
        raise redis.ConnectionError

    def take_and_lose(*args: Any) -> Any:
        had.append(take(*args))
        patch.setattr(store.redis.connection_pool.connection_class, "send_packed_command", away)
        return had[-1]

    monkeypatch.setattr(waits, "held", take_and_lose)
    with pytest.MonkeyPatch.context() as patch:
        status = read(WAYS[way](caller))
        with pytest.raises(StoreDown):
            store.ping()

    # A stream has begun, and a tool's job is accepted.
    begun = ("events", "page", "mcp", "mcp's stream")
    assert status == (200 if way in begun else 503)
    assert len(had) == 1
    assert held(caller) == (0, 0)


@pytest.mark.parametrize("way", WAYS)
def test_who_is_served_gives_its_place_back(app, store, caller, way):
    def serve() -> None:
        wait_until(lambda: held(caller) == (1, 0), what="it to wait")
        if way == "test of callbacks":
            store.trials.answer(store.trials.take(60), {"delivered": True})
        elif way != "page":
            draw_its_job(caller, store)

    thread = threading.Thread(target=serve)
    thread.start()
    response = WAYS[way](caller)
    if way == "page":
        # Nothing ends its stream but its reader.
        thread.join()
    status = read(response)
    thread.join()

    assert status == (201 if way == "replicate" else 200)
    assert held(caller) == (0, 0)


IN_THE_ANSWER = {
    "openai": post("/v1/images/generations", {**DRAWN, "n": 2, "response_format": "b64_json"}),
    "sdapi": post("/sdapi/v1/txt2img", {**DRAWN, "batch_size": 2}),
}


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("way", IN_THE_ANSWER)
def test_memory_for_an_answer_is_given_back_when_it_is_sent_or_comes_to_nothing(
    app, store, caller, monkeypatch, way, gone
):
    images, bodies, number = images_of(app), app.extensions["limner"].bodies, count()
    converted, taken = images.converted, []

    def one_and_no_more(*args: Any) -> Any:
        taken.append(bodies.taken)
        if gone and next(number):
            raise KeyError
        return converted(*args)

    monkeypatch.setattr(images, "converted", one_and_no_more)

    thread = threading.Thread(target=draw_its_job, args=(caller, store))
    thread.start()
    response = IN_THE_ANSWER[way](caller)
    thread.join()

    assert response.status_code == (410 if gone else 200)
    assert taken[0] == 0 < taken[1], "the first picture is charged"
    assert gone or bodies.taken > 0, "until the answer is sent"
    response.close()
    assert bodies.taken == 0
