"""Options, models, lists, progress, interrupt; who may call; errors of the framework; the document."""

from __future__ import annotations

import base64
import re

import jsonschema
import openapi_spec_validator
import pytest

from api.access import guard
from api.faces.sdapi.models import alias_for
from limner.request import Lane
from schemas.sdapi.openapi import SHAPES, document
from tests.api.asking import a_caller
from tests.api.drawing import done, images_of, kept, submitted
from tests.api.faces.sdapi.test_drawing import TEXT, error_of, own_jobs
from tests.builders import a_worker, an_accepted_job, an_engine

AT = "/sdapi/v1"


def waiting(caller, store, **more):
    """A job of this face that nobody waits for."""
    return an_accepted_job(
        store, client=caller.name, callback_url=None, destination=None, face="sdapi", **more
    )


def progress(caller, query="") -> dict:
    body = caller("GET", f"{AT}/progress{query}").json
    jsonschema.validate(body, SHAPES["Progress"])
    return body


# -- who may call ---------------------------------------------------------------------------------


def basic(user: str, password: str) -> dict[str, str]:
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


def test_the_token_is_the_password_or_a_bearer_token(app, caller):
    ask = app.test_client().get
    for headers in (
        basic("anybody", caller.token),
        basic("", caller.token),
        {"Authorization": f"Bearer {caller.token}"},
        {"token": caller.token},
    ):
        assert ask(f"{AT}/options", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("ann", "wrong"),
        basic("ann", ""),
        {"Authorization": "Basic %%%"},
        {"Authorization": "Basic"},
    ],
)
def test_without_a_token_nothing_is_said(app, headers):
    for path in (f"{AT}/options", f"{AT}/progress", "/internal/ping"):
        error_of(app.test_client().get(path, headers=headers), 401)


def test_pages_of_other_origins_may_call(app, caller):
    asked = app.test_client().options(TEXT, headers={"Origin": "http://st.example"})
    assert asked.status_code == 204
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]

    assert caller("GET", f"{AT}/options").headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", TEXT, 405), ("GET", f"{AT}/nothing", 404), ("GET", "/internal/x", 404)],
)
def test_errors_of_the_framework_have_the_web_uis_shape(caller, method, path, status):
    error_of(caller(method, path), status)


def test_a_body_that_is_not_json_is_refused(caller):
    error_of(caller("POST", TEXT, data="x", content_type="text/plain"), 415)
    error_of(caller("POST", TEXT, data="[", content_type="application/json"), 400)


def test_a_store_that_is_down_is_told(mortal_app):
    response = mortal_app.test_client().get(f"{AT}/options", headers={"token": "x"})

    error_of(response, 503)
    assert int(response.headers["Retry-After"]) >= 1


# -- lists ----------------------------------------------------------------------------------------


def test_the_settings_name_a_model_of_the_list(caller, store):
    a_worker(store, an_engine("stage"))

    model = caller("GET", f"{AT}/options").json["sd_model_checkpoint"]
    titles = [one["title"] for one in caller("GET", f"{AT}/sd-models").json]

    assert titles == [model, "stage"]


def test_a_model_that_is_chosen_draws_what_names_none(caller, other, store):
    a_worker(store, an_engine("stage"))

    response = caller("POST", f"{AT}/options", json={"sd_model_checkpoint": "stage", "more": 1})

    assert (response.status_code, response.json) == (200, None)
    assert caller("GET", f"{AT}/options").json["sd_model_checkpoint"] == "stage"
    assert other("GET", f"{AT}/options").json["sd_model_checkpoint"] == "limner"
    with caller.app.test_request_context(headers={"token": caller.token}):
        guard.let_in()
        assert alias_for("").engine == "stage"
        assert alias_for("limner").engine is None


def test_a_model_that_is_not_here_cannot_be_chosen(caller):
    said = error_of(caller("POST", f"{AT}/options", json={"sd_model_checkpoint": "x"}), 422)

    assert "must be one of limner" in said["errors"]


def test_a_chosen_model_that_has_gone_is_no_choice(caller, store):
    store.chosen.choose("sdapi", caller.name, "gone")

    assert caller("GET", f"{AT}/options").json["sd_model_checkpoint"] == "limner"


def test_settings_without_a_model_are_taken(caller):
    assert caller("POST", f"{AT}/options", json={"samples_format": "jpg"}).status_code == 200


def test_a_model_of_a_lane_is_offered_to_those_who_may_use_it(app, store):
    narrow = a_caller(app, store, "narrow", lanes=(Lane.RELAXED,))

    assert [one["title"] for one in narrow("GET", f"{AT}/sd-models").json] == ["limner"]


@pytest.mark.parametrize(
    "name", ["samplers", "schedulers", "upscalers", "latent-upscale-modes", "sd-vae", "loras"]
)
def test_lists_that_clients_fill_their_menus_with_are_there(caller, name):
    response = caller("GET", f"{AT}/{name}")

    assert response.status_code == 200
    assert all(isinstance(one["name"], str) for one in response.json)


def test_memory_and_ping_are_answered(caller):
    assert "cuda" in caller("GET", f"{AT}/memory").json
    assert caller("GET", "/internal/ping").json == {}


# -- progress and interrupt -----------------------------------------------------------------------


def test_progress_without_a_drawing_is_none(caller):
    body = progress(caller)

    assert (body["progress"], body["state"]["job_count"]) == (0, 0)


def test_progress_shows_what_is_drawn_with_its_preview(app, caller, store):
    first = waiting(caller, store)
    waiting(caller, store)
    token = submitted(store, {"id": first.id})
    store.lanes.progress(first.id, token, 40, kept(app, 5))

    body = progress(caller)

    assert (body["progress"], body["state"]["job_count"]) == (0.4, 2)
    assert body["current_task"] == first.id
    images = images_of(app)
    shown = own_jobs(caller)[1]["url"]
    assert base64.b64decode(body["current_image"]) == images.get(images.key_of(shown))
    assert progress(caller, "?skip_current_image=true")["current_image"] is None


def test_progress_tells_a_waiting_job_its_place(caller, store):
    waiting(caller, store, echo='{"task":"task(7)"}')

    body = progress(caller)

    assert body["textinfo"] == "Waiting: place 1"
    assert body["current_task"] == "task(7)"
    assert body["progress"] == 0


def test_progress_is_the_callers_own_and_of_this_face(app, caller, other, store):
    waiting(other, store)
    caller.drawn()
    done(app, store, {"id": waiting(caller, store).id})

    assert progress(caller)["state"]["job_count"] == 0


def test_interrupt_cancels_what_progress_shows_and_nothing_else(caller, other, store):
    neighbour = waiting(other, store)
    first, second = waiting(caller, store), waiting(caller, store)

    for path in ("interrupt", "skip", "interrupt"):
        shown = progress(caller)["state"]["job"]
        response = caller("POST", f"{AT}/{path}")
        assert (response.status_code, response.json) == (200, {})
        if path == "interrupt" and shown:
            assert shown == first.id

    assert {job["id"]: job["reasonCode"] for job in own_jobs(caller)} == {
        first.id: "cancelled",
        second.id: "cancelled",
    }
    assert progress(other)["state"]["job"] == neighbour.id


# -- the document ---------------------------------------------------------------------------------


def test_the_document_is_valid_and_complete(app):
    body = app.test_client().get("/openapi/sdapi.json").json

    openapi_spec_validator.validate(body, cls=openapi_spec_validator.OpenAPIV31SpecValidator)
    routed = {
        (rule.rule, method.lower())
        for rule in app.url_map.iter_rules()
        if re.match(r"/(sdapi|internal)/", rule.rule)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert routed == {(path, method) for path, item in body["paths"].items() for method in item}


def test_every_answer_of_a_view_has_the_documents_shape(caller, store):
    a_worker(store, an_engine("stage"))
    body = document("http://x", "1")
    for path, item in body["paths"].items():
        for method, operation in item.items():
            if "requestBody" in operation:
                continue
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            answer = caller(method.upper(), path).json
            whole = schema | {"components": body["components"]}
            jsonschema.Draft202012Validator(whole).validate(answer)
