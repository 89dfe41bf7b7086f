"""The OpenAPI document, held against the addresses, the schemas and real answers."""

from __future__ import annotations

import re

import jsonschema
import openapi_spec_validator
import pytest

from api.errors import STATUS_CODES
from api.faces.openai.places import BASES
from schemas.openai.asked import EditSchema, GenerationSchema


@pytest.fixture
def document(app):
    return app.test_client().get("/openapi/openai.json").json


def check(document, name, body) -> None:
    shape = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema.Draft202012Validator(shape).validate(body)
    known = document["components"]["schemas"][name]["properties"]
    assert body.keys() <= known.keys(), "what is answered is in the document"


def test_the_document_is_a_valid_one(document):
    openapi_spec_validator.validate(document, cls=openapi_spec_validator.OpenAPIV31SpecValidator)


def test_every_address_is_in_the_document_under_each_base(app, document):
    routed = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("openai.")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    shown = {
        (base + path, method)
        for base in BASES
        for path, item in document["paths"].items()
        for method in item
    }

    assert routed == shown
    assert [server["url"] for server in document["servers"]] == [
        f"https://draw.example{base}" for base in BASES
    ]


@pytest.mark.parametrize(
    ("name", "schema"), [("Generation", GenerationSchema()), ("Edit", EditSchema())]
)
def test_every_field_of_a_body_is_in_the_document(document, name, schema):
    shape = document["components"]["schemas"][name]

    assert shape["properties"].keys() == schema.names
    required = {key for key, one in schema.load_fields.items() if one.required}
    assert set(shape["required"]) == required


def test_every_refusal_of_the_gateway_is_in_the_document(document):
    # A wrong field is 400 here.
    codes = {str(int(code)) for code in STATUS_CODES.values()} - {"422"}

    assert codes <= set(document["components"]["responses"])


def test_real_answers_have_the_documents_shapes(document, client, draughtsman):
    job = client.generate({"Prefer": "respond-async"}, seed=5)
    check(document, "Job", job.json)
    draughtsman.draw(client.jobs()[0])
    images = client("GET", f"/v1/images/generations/{job.json['id']}").json
    check(document, "Images", images)
    check(document, "Image", images["data"][0])
    check(document, "Models", client("GET", "/v1/models").json)
    check(document, "Model", client("GET", "/v1/models/limner").json)
    check(document, "Error", client.generate(n=99).json)
