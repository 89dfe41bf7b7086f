"""Errors in OpenAI's shape, those of the framework too, and whether its libraries are to try again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api import create_app
from api.face import face_at
from limner import errors
from limner.request import Lane
from limner.settings import Alias, FaceOptions
from tests.api.faces.openai.asking import EDITS, GENERATIONS, Client, error_of


def client_with(app, store, name="cid", **limits) -> Client:
    return Client(app, store, store.clients.add(name, **limits).token, name)


def app_with(settings, store, messages, **options):
    return create_app(
        replace(settings, face_options={"openai": FaceOptions(**options)}), store, messages
    )


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer wrong"])
def test_a_wrong_key_is_invalid_api_key(client, header):
    response = client("GET", "/v1/models", headers={"Authorization": header})

    error = error_of(response, 401, "invalid_api_key")
    assert error["type"] == "invalid_request_error"
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": "--ar 1:1"}, "prompt"),
        ({"prompt": "x" * 32_001}, "prompt"),
        ({"n": 0}, "n"),
        ({"n": 11}, "n"),
        ({"n": "many"}, "n"),
        ({"size": "big"}, "size"),
        ({"size": "4000x4000"}, "size"),
        ({"size": "1024x256"}, "size"),
        ({"size": "8x8"}, "size"),
        ({"size": "3840x3840"}, "size"),
        ({"size": "3840x2160", "n": 10}, "n"),
        ({"response_format": "gif"}, "response_format"),
        ({"output_format": "gif"}, "output_format"),
        ({"output_compression": 101}, "output_compression"),
        ({"background": "transparent"}, "background"),
        ({"partial_images": 4}, "partial_images"),
        ({"stream": "perhaps"}, "stream"),
        ({"model": 7}, "model"),
        ({"lane": "slow"}, "lane"),
        ({"callBackUrl": "ftp://x"}, "callBackUrl"),
    ],
)
def test_a_wrong_field_is_named_as_param(client, body, param):
    error = error_of(client.generate(**body), 400)

    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"].startswith(f"{param}: ")
    assert client.jobs() == []


def test_a_body_that_is_no_json_is_refused(client):
    for data, kind, status in [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "text/plain", 415),
    ]:
        error_of(client("POST", GENERATIONS, data=data, content_type=kind), status)
    error_of(client("POST", EDITS, data=b"x", content_type="text/plain"), 415)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("POST", "/openai/v1/images/variations"),
        ("GET", "/v1/images/generations/nothing/more"),
    ],
)
def test_an_address_that_is_not_there_is_said_so_in_the_same_shape(client, method, path):
    error = error_of(client(method, path), 404, "unknown_url")

    assert error["message"] == f"Invalid URL ({method} {path})"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/predictions",
        "/v1/predictions/abc",
        "/v1/models/acme/art",
        "/v1/models/acme/art/predictions",
        "/v1/deployments/a/b/predictions",
        "/v1/files",
        "/v1/account",
        "/v1/webhooks/default/secret",
        "/v2/images",
        "/v10",
    ],
)
def test_what_lies_beside_is_not_this_faces(app, path):
    found = face_at(app, path)
    assert found is None or found.name != "openai"


def test_a_method_that_an_address_does_not_take_is_said_in_the_same_shape(client):
    response = client("GET", GENERATIONS)

    error_of(response, 405, "method_not_supported")
    assert set(response.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_a_job_that_is_not_there_is_not_found(client):
    error_of(client("GET", f"{GENERATIONS}/{'0' * 32}"), 404, "not_found")


def test_a_lane_that_the_client_may_not_use_is_forbidden(app, store):
    client = client_with(app, store, lanes=[Lane.RELAXED])

    error_of(client.generate(lane="fast"), 403, "lane_not_allowed")


def test_who_calls_too_fast_is_told_when_to_come_back(app, store):
    client = client_with(app, store, rate_per_s=0.01)
    responses = [client("GET", "/v1/models") for _ in range(3)]

    error_of(responses[-1], 429, "rate_limit_exceeded", retry=True)
    assert int(responses[-1].headers["Retry-After"]) > 0


def test_who_has_too_many_waiting_jobs_may_try_again(app, store):
    client = client_with(app, store, waiting_cap=0)

    error_of(client.generate(), 429, "rate_limit_exceeded", retry=True)


def test_a_spent_budget_is_an_insufficient_quota_and_final(app, store):
    client = client_with(app, store, per_day=0)

    error_of(client.generate(), 429, "insufficient_quota")


def test_if_one_job_of_several_is_refused_the_others_are_called_off(app, store):
    client = client_with(app, store, waiting_cap=1)

    error_of(client.generate(n=8), 429, "rate_limit_exceeded", retry=True)
    assert [job.reason_code for job in client.jobs()] == ["cancelled"]


def test_nothing_is_accepted_that_nobody_could_wait_for(settings, store, messages):
    app = create_app(replace(settings, api_client_waits=1), store, messages)
    client = client_with(app, store)

    with app.extensions["limner"].waits.hold("cid"):
        error_of(client.generate(), 429, "rate_limit_exceeded", retry=True)
    assert client.jobs() == []


def test_whatever_breaks_is_a_server_error_without_a_word_of_it(app, client, monkeypatch):
    def breaks(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr("api.faces.openai.images.jobs_for", breaks)

    response = client.generate()

    error_of(response, 500, "server_error", retry=True)
    assert "secret" not in response.text


def test_a_store_that_is_away_may_be_tried_again(app, client, monkeypatch):
    def breaks(*_):
        raise errors.StoreDown

    monkeypatch.setattr("api.faces.openai.images.jobs_for", breaks)

    response = client.generate()

    error_of(response, 503, "server_error", retry=True)
    assert response.headers["Retry-After"]


@pytest.mark.parametrize(
    ("reason", "status", "code", "kind"),
    [
        ("moderated", 400, "content_policy_violation", "image_generation_user_error"),
        ("parameter", 400, "unsupported_parameter", "invalid_request_error"),
        ("reference", 400, "invalid_image", "invalid_request_error"),
        ("engine_down", 503, "server_error", "server_error"),
        ("engine_failed", 500, "server_error", "server_error"),
        ("a reason of another release", 500, "server_error", "server_error"),
    ],
)
def test_a_job_that_fails_is_a_final_error_with_its_id(
    client, draughtsman, reason, status, code, kind
):
    thread = draughtsman.meanwhile(client, lambda job: draughtsman.fail(job, "It broke.", reason))
    response = client.generate()
    thread.join()

    error = error_of(response, status, code)
    assert (error["type"], error["message"]) == (kind, "It broke.")
    assert response.headers["x-request-id"] == client.jobs()[0].id


def test_pictures_that_are_gone_are_a_final_error(client, draughtsman, app):
    thread = draughtsman.meanwhile(client, draughtsman.draw)
    client.generate()
    thread.join()
    (job,) = client.jobs()
    images = app.extensions["limner"].images
    images.delete(images.key_of(job.cells[0].url))

    path = f"{GENERATIONS}/{job.id}"
    assert client("GET", path).status_code == 200, "a URL is told all the same"
    job = client.generate({"Prefer": "respond-async"}, response_format="b64_json").json["id"]
    draughtsman.draw(client.jobs()[-1])
    images.delete(images.key_of(client.jobs()[-1].cells[0].url))
    error_of(client("GET", f"{GENERATIONS}/{job}"), 410)


def test_an_unknown_model_is_not_found_if_the_operator_names_the_models(settings, store, messages):
    models = {"dall-e-3": Alias(Lane.RELAXED)}
    client = client_with(app_with(settings, store, messages, models=models), store)

    error = error_of(client.generate(model="gpt-image-1"), 404, "model_not_found")
    assert error["param"] == "model"
    error_of(client("GET", "/v1/models/gpt-image-1"), 404, "model_not_found")


def test_a_model_of_an_engine_that_is_gone_is_not_found(settings, store, messages):
    models = {"art": Alias(engine="gone")}
    client = client_with(app_with(settings, store, messages, models=models), store)

    error = error_of(client.generate(model="art"), 404, "model_not_found")
    assert error["param"] == "model"
    assert "not here any more" in error["message"]
