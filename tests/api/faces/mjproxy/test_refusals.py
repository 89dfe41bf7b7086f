"""Secrets in all their forms, and refusals that every client can read."""

from __future__ import annotations

import json

import pytest

from api.errors import STATUS_CODES
from limner import errors
from limner.forbidden import WordsForbidden
from tests.api.faces.mjproxy.speaking import Speaker

IMAGINE = "/mj/submit/imagine"
BODY = {"prompt": "a cat"}


def refused(response, status, code):
    """Check the shape of a refusal; return its sentence."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json"
    body = json.loads(response.text)
    assert body["code"] == code
    assert body["result"] is None
    banned = {"promptEn", "bannedWord"} if code == 24 else set()
    assert set(body["properties"]) == banned
    assert body["error"] == body["description"] != ""
    return body["description"]


@pytest.mark.parametrize(
    "headers",
    [
        {"mj-api-secret": "TOKEN"},
        {"MJ-API-SECRET": "TOKEN"},
        {"Authorization": "TOKEN"},
        {"Authorization": "Bearer TOKEN"},
        {"authorization": "bearer  TOKEN"},
        {"Authorization": "midjourney-proxy", "mj-api-secret": "TOKEN"},
        {"Authorization": "Bearer midjourney-proxy", "mj-api-secret": "TOKEN"},
    ],
)
def test_the_secret_is_taken_in_every_form_that_clients_send(app, speaker, headers):
    headers = {name: value.replace("TOKEN", speaker.token) for name, value in headers.items()}

    assert app.test_client().post(IMAGINE, json=BODY, headers=headers).json["code"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"mj-api-secret": "wrong"},
        {"Authorization": "midjourney-proxy"},
        {"Authorization": "Basic x"},
    ],
)
@pytest.mark.parametrize("prefix", ["/mj", "/mj-fast/mj", "/mj-relax/mj", "/mj-turbo/mj"])
def test_a_wrong_secret_is_refused_in_json(app, headers, prefix):
    response = app.test_client().post(f"{prefix}/submit/imagine", json=BODY, headers=headers)

    refused(response, 401, 4)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/mj", 404),
        ("GET", "/mj/", 404),
        ("POST", "/mj/submit/video", 404),
        ("POST", "/mj/insight-face/swap", 404),
        ("GET", "/mj-turbo/mj/submit/nothing", 404),
        ("GET", "/mj-fast", 404),
        ("GET", "/mj/submit/imagine", 405),
        ("DELETE", "/mj/task/list", 405),
    ],
)
def test_the_frameworks_refusals_have_the_shape_too(speaker, method, path, status):
    refused(speaker(method, path), status, 4)


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff", b'{"a":1,"a":2}'])
def test_what_is_no_json_object_is_refused(app, speaker, data):
    response = app.test_client().post(
        IMAGINE,
        data=data,
        content_type="application/json",
        headers={"mj-api-secret": speaker.token},
    )
    refused(response, 400, 4)


def test_what_is_not_sent_as_json_is_refused(app, speaker):
    headers = {"mj-api-secret": speaker.token}
    refused(app.test_client().post(IMAGINE, data="a=1", headers=headers), 415, 4)


def test_a_full_client_is_told_so_and_how_long_to_wait(app, store):
    speaker = Speaker(app, store.clients.add("small", waiting_cap=1).token, "small")
    speaker.imagine()
    response = speaker("POST", IMAGINE, BODY)

    refused(response, 200, 23)
    assert int(response.headers["Retry-After"]) > 0


def test_a_lane_that_the_client_may_not_use_is_refused(app, store):
    token = store.clients.add("slow", lanes=["relaxed"]).token
    speaker = Speaker(app, token, "slow")

    refused(speaker("POST", "/mj-fast/mj/submit/imagine", BODY), 200, 4)
    assert speaker("POST", IMAGINE, BODY).json["code"] == 1


def test_a_store_that_is_away_is_an_internal_failure(mortal_app, server):
    response = mortal_app.test_client().post(IMAGINE, json=BODY, headers={"mj-api-secret": "any"})

    refused(response, 503, 9)


@pytest.mark.parametrize("kind", [*STATUS_CODES])
def test_every_refusal_of_the_gateway_has_the_shape(app, speaker, monkeypatch, kind):
    wrong = {"prompt": ["Is required."]}
    made = {
        errors.InvalidRequest: lambda: kind(wrong),
        WordsForbidden: lambda: kind(wrong, "a word", "word"),
    }
    seconds = (errors.TooFast, errors.WaitingFull, errors.InlineFull, errors.TokensSlowed)

    def raising(*_: object, **__: object) -> None:
        if kind is errors.BudgetSpent:
            raise kind("1 drawing", "day", app.extensions["limner"].now(), 5.0)
        raise made[kind]() if kind in made else kind(5.0) if kind in seconds else kind()

    monkeypatch.setattr("api.faces.mjproxy.submit.accept", raising)
    response = speaker("POST", IMAGINE, BODY)

    assert response.status_code in (200, STATUS_CODES[kind])
    code = json.loads(response.text)["code"]
    assert code in (4, 9, 23, 24)
    refused(response, response.status_code, code)


def test_a_failure_of_ours_shows_nothing_of_it(speaker, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("api.faces.mjproxy.submit.accept", broken)
    response = speaker("POST", IMAGINE, BODY)

    assert "secret" not in refused(response, 500, 9)


@pytest.mark.parametrize("path", [IMAGINE, "/mj-fast/mj/task/list", "/mj/task/1/fetch"])
def test_pages_of_other_origins_may_call_it(app, path):
    response = app.test_client().options(path)

    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
