"""GET /v1/models, what a model's name stands for, and pages of other origins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api import create_app
from limner.request import Lane
from limner.settings import Alias, FaceOptions
from tests.api.faces.openai.asking import GENERATIONS, Client

ASYNC = {"Prefer": "respond-async"}


def a_client(settings, store, messages, models, lane=None, **limits) -> Client:
    options = {"openai": FaceOptions(lane=lane, models=models)}
    app = create_app(replace(settings, face_options=options), store, messages)
    return Client(app, store, store.clients.add("cid", **limits).token, "cid")


def names(client) -> list[str]:
    response = client("GET", "/v1/models")
    assert response.status_code == 200
    assert response.json["object"] == "list"
    for model in response.json["data"]:
        assert model.keys() == {"id", "object", "created", "owned_by"}
        assert isinstance(model["created"], int)
    return [model["id"] for model in response.json["data"]]


def job_of(client, **body):
    response = client.generate(ASYNC, **body)
    assert response.status_code == 202, response.text
    return client.jobs()[-1]


def test_without_a_table_programs_find_the_names_that_they_look_for(client):
    found = names(client)

    assert {"limner", "dall-e-3", "gpt-image-1"} <= set(found)
    assert client("GET", "/v1/models/dall-e-3").json["id"] == "dall-e-3"
    for model in (*found, "", "whatever/else"):
        job_of(client, model=model)


def test_lanes_that_a_client_may_not_use_are_not_offered(settings, store, messages):
    client = a_client(settings, store, messages, {}, lanes=[Lane.RELAXED])

    found = names(client)

    assert "limner-relaxed" in found
    assert "limner-fast" not in found
    assert job_of(client, model="limner").lane is Lane.RELAXED


def test_a_table_is_all_there_is(settings, store, messages):
    models = {"dall-e-3": Alias(Lane.RELAXED), "art": Alias(Lane.FAST)}
    client = a_client(settings, store, messages, models)

    assert names(client) == ["dall-e-3", "art"]
    assert job_of(client, model="dall-e-3").lane is Lane.RELAXED
    assert job_of(client, model="art").lane is Lane.FAST
    assert job_of(client, model="dall-e-3", lane="fast").lane is Lane.FAST
    assert job_of(client).lane is Lane.FAST, "who names no model gets the default"


def test_a_star_in_the_table_stands_for_every_other_name(settings, store, messages):
    models = {"*": Alias(Lane.RELAXED), "art": Alias(Lane.FAST)}
    client = a_client(settings, store, messages, models)

    assert "*" not in names(client)
    assert {"art", "gpt-image-1"} <= set(names(client))
    assert job_of(client, model="gpt-image-1").lane is Lane.RELAXED
    assert job_of(client).lane is Lane.RELAXED
    assert job_of(client, model="art").lane is Lane.FAST


def test_the_faces_lane_is_that_of_models_that_name_none(settings, store, messages):
    client = a_client(settings, store, messages, {}, lane=Lane.RELAXED)

    assert job_of(client, model="gpt-image-1").lane is Lane.RELAXED
    assert job_of(client, model="limner-fast").lane is Lane.FAST


@pytest.mark.parametrize(
    "path", [GENERATIONS, "/v1/images/edits", "/v1/models", "/openai/v1/models/dall-e-3"]
)
def test_a_page_of_another_origin_may_ask(app, path):
    response = app.test_client().options(
        path,
        headers={
            "Origin": "https://page.example",
            "Access-Control-Request-Headers": "authorization, x-stainless-os",
        },
    )

    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Headers"] == "authorization, x-stainless-os"


def test_a_page_may_read_an_error_too(app):
    response = app.test_client().get("/v1/models", headers={"Origin": "https://page.example"})

    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == "*"
