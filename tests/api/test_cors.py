"""Pages of origins that the operator names may call the gateway's own protocol."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api import create_app
from limner.settings.faces import FaceOptions
from tests.api.asking import Caller

PAGE = "https://app.example"
IMAGINE = "/draw/midjourney/imagine"


@pytest.fixture
def opened(settings, store, messages, caller) -> Caller:
    options = {"limner": FaceOptions(origins=(PAGE,))}
    app = create_app(replace(settings, face_options=options), store, messages)
    return Caller(app, caller.token, caller.name)


def preflight(caller: Caller, path: str, origin: str):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,token",
    }
    # A browser sends no token with it.
    return caller.app.test_client().open(path, method="OPTIONS", headers=headers)


def test_a_named_page_is_told_what_it_may_send(opened):
    response = preflight(opened, IMAGINE, PAGE)

    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == PAGE
    assert response.headers["Access-Control-Allow-Methods"] == "POST"
    assert response.headers["Access-Control-Allow-Headers"] == "content-type,token"


def test_a_named_page_reads_answers_and_refusals(opened):
    job = opened.imagine(headers={"Origin": PAGE})
    wrong = opened.imagine(headers={"Origin": PAGE}, chaos=500)
    stream = f"/draw/midjourney/jobs/{job.json['id']}/events"

    assert (job.status_code, wrong.status_code) == (202, 422)
    for response in (job, wrong, opened("HEAD", stream, headers={"Origin": PAGE})):
        assert response.headers["Access-Control-Allow-Origin"] == PAGE
        # What is kept on the way must not be shown to another page.
        assert "Origin" in response.headers["Vary"]
        assert "retry-after" in response.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("origin", ["https://other.example", "null", f"{PAGE}.evil", ""])
def test_another_page_is_told_nothing(opened, origin):
    assert preflight(opened, IMAGINE, origin).status_code == 405
    response = opened.imagine(headers={"Origin": origin})

    assert response.status_code == 202
    assert "Access-Control-Allow-Origin" not in response.headers


def test_a_named_page_may_not_call_what_is_for_operators(opened):
    for path in ("/ops/overview", "/metrics", "/"):
        response = opened("GET", path, headers={"Origin": PAGE})
        assert "Access-Control-Allow-Origin" not in response.headers, path


def test_nothing_is_open_unless_it_is_set(caller):
    assert preflight(caller, IMAGINE, PAGE).status_code == 405
    response = caller.imagine(headers={"Origin": PAGE})

    assert "Access-Control-Allow-Origin" not in response.headers
