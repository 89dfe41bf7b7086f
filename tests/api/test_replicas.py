"""The API where replicas of Redis must have a job: every way to ask for one is refused while they have not."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from redis.exceptions import ConnectionError
from werkzeug.test import TestResponse

from api import create_app
from api.again import main as submit_again
from api.places import Places
from limner.errors import JobInDoubt, TooFewReplicas
from limner.store import Policy, Store
from limner.store.jobs import assurance
from limner.store.operators import Role
from tests.api.asking import TAG, Caller, a_body, a_caller, refused
from tests.api.drawing import a_picture, done, failed
from tests.api.faces.mcp.speaking import Agent
from tests.builders import a_worker, an_engine
from tests.replicas import a_group

DRAW = "/draw/midjourney"
PICTURE = base64.b64encode(a_picture(7)).decode()


def careful(app: Flask, url: str, clock: Any = None) -> tuple[Flask, Store]:
    """The same gateway, but for a setting: one replica must have a job."""
    settings, messages = app.extensions["limner"].settings, app.extensions["limner"].messages()
    store = Store(url, clock=clock, policy=Policy(replicas=1))
    return create_app(replace(settings, redis_url=url, redis_replicas=1), store, messages), store


@pytest.fixture
def alone(app: Flask, redis_url: str, clock) -> Iterator[Flask]:
    """That gateway on the same Redis, which nobody follows."""
    found, store = careful(app, redis_url, clock)
    yield found
    store.close()


@pytest.fixture
def parents(app, store, caller) -> tuple[str, str]:
    """A job that is done, and one that has failed and has the newest tag."""
    a_worker(store, an_engine(fast=9))
    return done(app, store, caller.drawn())["id"], failed(store, caller.drawn())["id"]


def limner(path: str, **body: Any) -> Callable[[Caller, str], TestResponse]:
    return lambda caller, parent: caller(
        "POST", f"{DRAW}/{path}", json={k: v or parent for k, v in body.items()}
    )


def face(path: str, body: dict[str, Any]) -> Callable[[Caller, str], TestResponse]:
    return lambda caller, _parent: caller(
        "POST", path, json=body, headers={"Authorization": f"Bearer {caller.token}"}
    )


def action(caller: Caller, parent: str) -> TestResponse:
    body = {"taskId": parent, "customId": f"MJ::JOB::variation::1::{parent}"}
    return face("/mj/submit/action", body)(caller, parent)


def tool(name: str, **arguments: Any) -> Callable[[Caller, str], TestResponse]:
    def call(caller: Caller, parent: str) -> TestResponse:
        given = {key: value or parent for key, value in arguments.items()}
        return Agent(caller).ask("tools/call", {"name": name, "arguments": given})

    return call


FLUX = "/v1/models/black-forest-labs/flux-schnell/predictions"
#: way → how it is gone, given a job that is done
WAYS: dict[str, Callable[[Caller, str], TestResponse]] = {
    "imagine": limner("imagine", **a_body()),
    "imagine with a picture": limner("imagine", **a_body(iw=1, imageList=[PICTURE])),
    "origin": limner("origin/imagine", **a_body()),
    "pick": limner("button", messageId="", buttonType="u1", tag=TAG, fast=True),
    "vary": limner("button", messageId="", buttonType="v1", tag=TAG, fast=True),
    "refresh": limner("refresh", tag=TAG),
    "openai": face("/v1/images/generations", {"prompt": "a lighthouse", "n": 10}),
    "replicate": face(FLUX, {"input": {"prompt": "a lighthouse"}}),
    "mcp imagine": tool("imagine", prompt="a lighthouse"),
    "mcp press": tool("press", id="", button="v1"),
    "mjproxy imagine": face("/mj/submit/imagine", {"prompt": "a lighthouse"}),
    "mjproxy action": action,
    "sdapi": face("/sdapi/v1/txt2img", {"prompt": "a lighthouse"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_makes_a_job_that_no_replica_has(app, alone, store, caller, parents, way):
    before = store.jobs.page("ann").jobs

    response = WAYS[way](replace(caller, app=alone), parents[0])

    assert response.status_code == 503, response.text
    assert int(response.headers["Retry-After"]) > 0
    assert TooFewReplicas.told in response.text
    assert store.jobs.page("ann").jobs == before
    assert store.jobs.waiting_count("ann") == 0
    assert list(app.extensions["limner"].settings.image_dir.rglob("*.txt")) == []


def test_requests_that_wait_for_replicas_leave_connections_for_others(app, alone, caller):
    for gateway, status in ((alone, 429), (app, 202)):
        full = replace(gateway.extensions["limner"], copies=Places(0, 9))
        gateway.extensions["limner"] = full
        response = replace(caller, app=gateway).imagine(headers={"Idempotency-Key": "k"})
        assert response.status_code == status, response.text
        assert full.copies.taken == 0


def test_no_operator_submits_again_what_no_replica_would_have(alone, store, parents):
    sten = Caller(alone, store.operators.add("test", "sten", Role.STEER), "sten")

    response = sten("POST", "/ops/jobs/again", json={"client": "ann", "confirm": 1})

    refused(response, 503)
    assert response.json["message"] == TooFewReplicas.told
    assert store.jobs.waiting_count("ann") == 0


def test_the_command_that_submits_again_says_so(store, parents, redis_url, monkeypatch):
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)
    monkeypatch.setenv("LIMNER_REDIS_REPLICAS", "1")

    with pytest.raises(TooFewReplicas, match="0 of 1"):
        submit_again(["--client", "ann", "--yes"])
    assert store.jobs.waiting_count("ann") == 0


def test_without_its_replicas_a_gateway_is_not_ready_and_says_why(alone, store):
    a_worker(store)
    said = "Too few replicas follow Redis (0 of 1): no job is accepted."
    here = {"base_url": "http://localhost"}

    assert refused(alone.test_client().get("/readyz", **here), 503) == {"replicas": [said]}
    assert 'limner_warnings{code="replicas",subject=""} 1.0' in metrics(alone)


def metrics(app: Flask) -> str:
    insight = replace(app.extensions["limner"].settings, public_url=None)
    app.extensions["limner"] = replace(app.extensions["limner"], settings=insight)
    return app.test_client().get("/metrics").text


def test_what_replicas_do_not_confirm_is_refused_and_told_rightly_ever_after(app, monkeypatch):
    monkeypatch.setattr(assurance, "WAIT_S", 0.05)
    keyed = {"Idempotency-Key": "once"}
    with a_group(1) as group, contextlib.ExitStack() as closing:
        followed, store = careful(app, group.primary.url)
        closing.callback(store.close)
        a_worker(store)
        caller = a_caller(followed, store, "ann")
        assert followed.test_client().get("/readyz").json["status"] == "ready"
        first = caller.imagine(headers=keyed)
        assert (first.status_code, first.json["position"]) == (202, 1)
        assert group.replicas[0].admin.exists(f"limner:job:{first.json['id']}")

        with group.replicas[0].frozen():
            other = caller.imagine(tag="1" * 32)
            refused(other, 503)
            assert other.json["message"] == TooFewReplicas.told
            refused(caller("GET", f"{DRAW}/find/by/{'1' * 32}"), 404)
            assert caller("POST", f"{DRAW}/waiting").json == {"data": 1}
            # It is accepted, but nobody can tell now that it would outlive the primary.
            again = caller.imagine(headers=keyed)
            refused(again, 503)
            assert again.json["message"] == JobInDoubt("", first.json["id"]).told
            assert caller("GET", f"{DRAW}/find/by/{TAG}").json["id"] == first.json["id"]
        group.settled()
        assert caller.imagine(headers=keyed).json["id"] == first.json["id"]

        # Without tag or key, its id alone finds a job in doubt.
        agent = Agent(caller)
        with monkeypatch.context() as broken:
            broken.setattr(store.jobs._assurance, "settle", lost)
            doubt = agent.ask(
                "tools/call", {"name": "imagine", "arguments": {"prompt": "a lighthouse"}}
            )
        assert doubt.status_code == 503
        found = re.search(r"Its id, (\w{32}), finds it", doubt.text)
        assert caller("GET", f"{DRAW}/jobs/{found[1]}").json["id"] == found[1]


def lost(_job_id: str) -> None:
    raise ConnectionError("Connection closed by server.")
