"""The API on a Redis that lives and refuses: what it says, and that it goes on afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api import create_app
from limner.settings import Settings
from limner.store import Store
from tests.api.asking import Caller, a_caller, refused
from tests.api.drawing import a_picture, inline
from tests.builders import a_worker
from tests.refusals import STATES, UNREADABLE, Relayed, a_relayed_server


@pytest.fixture(scope="module")
def server() -> Iterator[Relayed]:
    with a_relayed_server() as server:
        yield server


@pytest.fixture
def caller(server, tmp_path) -> Iterator[Caller]:
    server.admin.flushall()
    settings = Settings(redis_url=server.url, data_dir=tmp_path)
    store = Store(server.url)
    a_worker(store)
    # Time stands still for the guard, so a client once known stays known.
    app = create_app(settings, store, clock=lambda: 0.0)
    yield a_caller(app, store, "ann")
    store.close()


@pytest.mark.parametrize("state", STATES)
def test_what_cannot_be_written_is_503_with_a_time_to_come_again_and_works_again_after(
    caller, server, tmp_path, state
):
    job = caller.drawn()
    path = f"/draw/midjourney/jobs/{job['id']}"
    picture = inline(a_picture(7))

    with STATES[state](server):
        for answer in (
            caller.imagine(),
            caller.origin(),
            caller.imagine(imageList=[picture]),
            caller("DELETE", path),
            caller.imagine(headers={"Idempotency-Key": "once"}),
        ):
            refused(answer, 503)
            assert int(answer.headers["Retry-After"]) > 0
        assert caller.app.test_client().get("/healthz").status_code == 200

    assert caller.imagine(headers={"Idempotency-Key": "once"}).status_code == 202
    assert caller("POST", "/draw/midjourney/waiting").json == {"data": 2}
    assert caller("DELETE", path).status_code == 200
    assert caller.app.test_client().get("/readyz").status_code == 200


@pytest.mark.parametrize("state", ["READONLY", "MASTERDOWN"])
def test_no_gateway_is_ready_on_a_replica(caller, server, state):
    def ready():
        return caller.app.test_client().get("/readyz")

    assert ready().status_code == 200
    with STATES[state](server):
        refused(ready(), 503)

    assert ready().status_code == 200


@pytest.mark.parametrize("state", STATES)
def test_what_is_only_read_is_answered_rightly_or_503_and_never_otherwise(caller, server, state):
    job = caller.drawn()
    asked = [
        ("POST", "/draw/midjourney/waiting"),
        ("POST", "/draw/midjourney/pending"),
        ("GET", "/draw/midjourney/jobs"),
        ("GET", f"/draw/midjourney/jobs/{job['id']}"),
        ("GET", f"/draw/midjourney/jobs/{job['id']}?wait=60&seq=7"),
        ("GET", f"/draw/midjourney/jobs/{job['id']}/callbacks"),
        ("GET", f"/draw/midjourney/find/by/{job['tag']}"),
    ]
    well = [caller(*question) for question in asked]
    assert {answer.status_code for answer in well} == {200}

    with STATES[state](server):
        answers = [caller(*question) for question in asked]

        metrics = caller.app.test_client().get("/metrics")

    told = {answer.status_code for answer in answers}
    assert told == {503} if state in UNREADABLE else told <= {200, 503}
    for answer, before in zip(answers, well, strict=True):
        if answer.status_code == 200:
            assert answer.json == before.json
        else:
            refused(answer, 503)
            assert int(answer.headers["Retry-After"]) > 0
    assert metrics.status_code == 200
    assert [caller(*question).json for question in asked] == [answer.json for answer in well]
