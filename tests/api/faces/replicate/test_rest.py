"""Models, versions, the account, the webhooks' secret, refusals of every kind, and the document."""

from __future__ import annotations

import re
from dataclasses import replace

import jsonschema
import openapi_spec_validator
import pytest

from api import create_app
from api.errors import STATUS_CODES
from limner.callback.signature import verify
from limner.request import Lane
from limner.settings import Alias, FaceOptions
from limner.store import Store
from schemas.callback_shape import callback_shape
from schemas.replicate.asked import InputSchema, PredictionSchema
from schemas.replicate.model import version_id
from tests.api.faces.replicate.asking import MODEL, Client, problem

HOOK = "https://receiver.example/hook"


def with_models(settings, store, messages, models) -> Client:
    options = {"replicate": FaceOptions(models=models)}
    app = create_app(replace(settings, face_options=options), store, messages)
    return Client(app, store, store.clients.add("dee").token, "dee")


def test_a_model_has_a_version_with_the_schema_of_its_input(client):
    model = client("GET", "/v1/models/acme/poster").json

    assert (model["owner"], model["name"]) == ("acme", "poster")
    schema = model["latest_version"]["openapi_schema"]["components"]["schemas"]
    assert schema["Input"]["required"] == ["prompt"]
    assert "x-cog-array-type" not in schema["Output"]
    (version,) = client("GET", "/v1/models/acme/poster/versions").json["results"]
    assert version == model["latest_version"]
    assert client("GET", f"/v1/models/acme/poster/versions/{version['id']}").json == version
    problem(client("GET", "/v1/models/acme/poster/versions/1"), 404)


def test_only_listed_models_are_here_where_the_operator_lists_some(settings, store, messages):
    table = {"acme/poster": Alias(lane=Lane.RELAXED)}
    client = with_models(settings, store, messages, table)

    made = client("POST", "/v1/models/acme/poster/predictions", json={"input": {"prompt": "a"}})
    assert client.request_of(made.json).lane is Lane.RELAXED
    by_id = {"version": version_id("acme/poster"), "input": {"prompt": "a"}}
    assert client("POST", "/v1/predictions", json=by_id).json["model"] == "acme/poster"
    problem(client("GET", "/v1/models/acme/flux"), 404)
    problem(client.ask(), 404)
    problem(
        client("POST", "/v1/predictions", json={"version": "b" * 64, "input": {"prompt": "a"}}), 404
    )


def test_any_model_may_be_listed(settings, store, messages):
    client = with_models(settings, store, messages, {"*": Alias(lane=Lane.RELAXED)})

    assert client.request_of(client.made()).lane is Lane.RELAXED
    body = {"version": "b" * 64, "input": {"prompt": "a"}}
    assert client("POST", "/v1/predictions", json=body).status_code == 201


def test_the_account_is_the_client(client):
    account = client("GET", "/v1/account").json

    assert account == {"type": "organization", "username": "ann", "name": "ann", "github_url": None}


def test_the_secret_is_the_one_that_signs_and_follows_its_rotation(client, store):
    key = client("GET", "/v1/webhooks/default/secret").json["key"]
    assert key == store.clients.get("ann").secrets[0]
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]+=*", key)
    assert not verify({}, b"", key, 0)


@pytest.mark.parametrize(
    ("events", "statuses"),
    [
        (..., None),
        (None, None),
        ([], ()),
        (["completed"], ()),
        (["start", "completed"], ("waiting", "submitted")),
        (["logs", "output"], ("drawing",)),
        (["start", "output", "logs", "completed"], ("waiting", "submitted", "drawing")),
    ],
)
def test_events_are_filtered_by_the_statuses_that_they_are_here(client, events, statuses):
    body = {"input": {"prompt": "a"}, "webhook": HOOK}
    if events is not ...:
        body["webhook_events_filter"] = events
    request = client.request_of(client("POST", MODEL, json=body).json)

    assert (request.callback_url, request.callback_statuses) == (HOOK, statuses)


@pytest.mark.parametrize("events", [["end"], "start", [1], ["start"] * 9])
def test_an_unknown_event_is_refused(client, events):
    body = {"input": {"prompt": "a"}, "webhook": HOOK, "webhook_events_filter": events}

    assert problem(client("POST", MODEL, json=body), 422)["invalid_fields"]


def test_a_callback_has_the_shape_of_a_look_up(client, store, app):
    prediction = client.drawn()
    job = store.jobs.get(prediction["id"])

    assert callback_shape("replicate").body(job, "https://draw.example") == prediction


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/predictions/nothing", 404),
        ("GET", "/v1/predictions/x/y/z", 404),
        ("PUT", "/v1/predictions", 405),
        ("GET", "/v1/deployments/acme/poster", 404),
        ("GET", "/v1/webhooks", 404),
        ("GET", "/v1/models/acme/po%20ster", 404),
    ],
)
def test_what_is_not_there_is_refused_in_shape(client, method, path, status):
    problem(client(method, path), status)


def test_a_wrong_token_is_refused(client):
    told = problem(client("GET", "/v1/account", headers={"Authorization": "Bearer x"}), 401)
    assert told["title"] == "Unauthenticated"
    problem(client("GET", "/v1/account", headers={"Authorization": ""}), 401)


def test_bodies_that_cannot_be_read_are_refused(client):
    problem(client("POST", MODEL, data="{", content_type="application/json"), 400)
    problem(client("POST", MODEL, data="{}", content_type="text/plain"), 415)
    problem(client("POST", MODEL, data=b"x" * (10 * 2**20), content_type="application/json"), 400)


def test_a_throttled_client_is_told_when(app, store):
    slow = Client(app, store, store.clients.add("eve", rate_per_s=0.01).token, "eve")
    answers = [slow("GET", "/v1/account") for _ in range(3)]

    told = problem(answers[-1], 429)
    assert re.fullmatch(r"Request was throttled. Your rate limit resets in ~\d+s.", told["detail"])
    assert int(answers[-1].headers["Retry-After"]) == told["retry_after"]


def test_limits_and_budgets_are_told_apart(app, store):
    full = Client(app, store, store.clients.add("fay", waiting_cap=1).token, "fay")
    full.made()
    problem(full.ask(), 429)
    spent = Client(app, store, store.clients.add("gus", per_day=1).token, "gus")
    spent.made()
    assert problem(spent.ask(), 402)["title"] == "Insufficient credit"
    slow = Client(app, store, store.clients.add("hal", lanes=[Lane.RELAXED]).token, "hal")
    assert slow.request_of(slow.made()).lane is Lane.RELAXED
    problem(slow.ask(lane="fast"), 403)


def test_a_gateway_without_its_store_says_so(settings, messages, tmp_path):
    away = Store("redis://127.0.0.1:1/0")
    app = create_app(settings, away, messages)
    response = app.test_client().get("/v1/account", headers={"Authorization": "Bearer x"})

    assert problem(response, 503)["title"] == "Service Unavailable"
    away.close()


def test_what_breaks_is_a_bare_500(app, client, monkeypatch):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr("api.faces.replicate.predictions.prediction_body", None)

    assert problem(client.ask(), 500)["detail"] == "Something went wrong in the gateway."


def test_pages_of_other_origins_may_ask(client):
    answer = client("OPTIONS", MODEL, headers={"Authorization": ""})

    assert answer.status_code == 204
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert client("GET", "/v1/account").headers["Access-Control-Allow-Origin"] == "*"


@pytest.fixture
def document(app):
    return app.test_client().get("/openapi/replicate.json").json


def check(document, name, body) -> None:
    shape = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema.Draft202012Validator(shape).validate(body)
    known = document["components"]["schemas"][name]["properties"]
    assert body.keys() <= known.keys(), "what is answered is in the document"


def test_the_document_is_a_valid_one(document):
    openapi_spec_validator.validate(document, cls=openapi_spec_validator.OpenAPIV31SpecValidator)


def test_every_address_is_in_the_document(app, document):
    routed = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule).removeprefix("/v1"), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("replicate.")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    shown = {
        (path, method)
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }

    assert routed == shown


def test_every_field_of_a_body_is_in_the_document(document):
    shapes = document["components"]["schemas"]

    assert shapes["NewPrediction"]["properties"].keys() == PredictionSchema().names
    assert shapes["Input"]["properties"].keys() == InputSchema().names


def test_every_refusal_is_in_the_document(document):
    ours = {str(int(code)) for code in STATUS_CODES.values()}

    assert ours <= set(document["components"]["responses"])


def test_real_answers_have_the_documents_shapes(client, document):
    for one in (client.made(), client.begun(), client.drawn(), client.failed()):
        check(document, "Prediction", one)
    check(document, "Predictions", client("GET", "/v1/predictions").json)
    check(document, "Model", client("GET", "/v1/models/acme/poster").json)
    check(document, "Versions", client("GET", "/v1/models/acme/poster/versions").json)
    check(document, "Account", client("GET", "/v1/account").json)
    check(document, "Secret", client("GET", "/v1/webhooks/default/secret").json)
    check(document, "Files", client("GET", "/v1/files").json)
    check(document, "Problem", problem(client.ask(seed="x"), 422))
