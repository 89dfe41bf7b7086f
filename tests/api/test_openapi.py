"""The document says what the API does, and the page shows it without help from elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace

import jsonschema
import openapi_spec_validator
import pytest

from api import create_app
from api.errors import STATUS_CODES
from api.face import face_at
from limner.faces import LIMNER
from limner.reasons import Reason
from schemas.limner.imagine import ImagineSchema
from schemas.limner.job import MARKS
from tests.api.asking import a_body
from tests.api.drawing import done, failed


@pytest.fixture
def document(app):
    return app.test_client().get("/openapi.json").json


def face_of(app, path):
    face = face_at(app, path)
    return face and face.name


def against(document, name):
    """A validator of one of the document's shapes."""
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    )


def test_every_endpoint_is_in_the_document_and_nothing_else_is(app, document):
    routed = {
        (re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        # Operators' views and the other faces have documents of their own; the console's pages are for people.
        if rule.rule != "/"
        and not rule.rule.startswith(("/ops/", "/console"))
        and face_of(app, rule.rule) in (LIMNER, None)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    shown = {(path, method) for path, item in document["paths"].items() for method in item}

    assert routed - shown == {
        ("/docs", "get"),
        ("/openapi.json", "get"),
        ("/openapi/{name}.json", "get"),
    }
    assert shown <= routed


def test_every_refusal_of_ours_is_in_the_document(document):
    assert {str(int(code)) for code in STATUS_CODES.values()} <= set(
        document["components"]["responses"]
    )


def test_the_document_is_of_openapi_3_1_and_names_this_gateway(document):
    assert document["openapi"].startswith("3.1.")
    assert document["servers"] == [{"url": "https://draw.example"}]
    assert document["webhooks"]["job"]["post"]["requestBody"]["required"] is True


def test_the_document_is_a_valid_one(document):
    openapi_spec_validator.validate(document, cls=openapi_spec_validator.OpenAPIV31SpecValidator)


def test_every_body_and_answer_in_json_has_a_named_shape(document):
    """What clients generate from the document then has these names."""
    content = [
        part["content"]["application/json"]["schema"]
        for item in document["paths"].values()
        for operation in item.values()
        if operation["tags"] != ["House"]
        for part in (operation.get("requestBody", {}), *operation["responses"].values())
        if "application/json" in part.get("content", {})
    ]

    assert len(content) >= 17
    assert all("$ref" in schema for schema in content)


def test_every_reference_leads_somewhere(document):
    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                found = document
                for part in node["$ref"].removeprefix("#/").split("/"):
                    found = found[part]
            for one in node.values():
                walk(one)
        elif isinstance(node, list):
            for one in node:
                walk(one)

    walk(document)


def test_every_job_has_the_documents_shape_and_all_of_it(app, caller, store, document):
    jobs = [
        caller.drawn(ar="16:9", extra="x"),
        done(app, store, caller.drawn()),
        failed(store, caller.drawn()),
    ]
    validator = against(document, "Job")

    for job in jobs:
        shown = caller("GET", f"/draw/midjourney/jobs/{job['id']}").json
        validator.validate(shown)
        assert set(shown) == set(document["components"]["schemas"]["Job"]["properties"])
    assert set(MARKS) <= set(document["components"]["schemas"]["Job"]["required"])


def test_the_document_lists_every_reason_code(document):
    shown = document["components"]["schemas"]["Job"]["properties"]["reasonCode"]

    assert shown["enum"] == [*Reason, None]


def test_callbacks_have_the_documents_shape(caller, store, document):
    job = failed(store, caller.drawn(callBackUrl="https://receiver.example/hook"))

    shown = caller("GET", f"/draw/midjourney/jobs/{job['id']}/callbacks").json

    against(document, "Callbacks").validate(shown)


def test_every_field_that_imagine_takes_is_in_the_document(document):
    body = document["paths"]["/draw/midjourney/imagine"]["post"]["requestBody"]
    shape = document["components"]["schemas"]["Imagine"]
    validator = against(document, "Imagine")

    named = body["content"]["application/json"]["schema"]
    assert named == {"$ref": "#/components/schemas/Imagine"}
    assert set(shape["properties"]) == ImagineSchema().names
    assert shape["properties"]["isNiji"]["default"] is False
    validator.validate(a_body(chaos=5, ar="16:9", iw="0.5", imageList=["eA=="]))
    for right in (
        {"isNiji": 1, "style": "cute"},
        {"style": ""},
        {"iw": 0},
        {"chaos": " 99.5 ", "stylize": "1000"},
        {"callBackUrl": "https://receiver.example:8443/hook?key=é"},
        {"callBackUrl": "http://[::1]/"},
    ):
        validator.validate(a_body(**right))
    for wrong in (
        {"style": "cute"},
        {"isNiji": True, "style": "raw"},
        {"iw": 1},
        {"iw": "0.5", "imageList": []},
        {"chaos": "100.5"},
        {"stylize": "1e999"},
        {"ar": "0:0"},
        {"promptEn": "\u200b\u3164"},
        {"callBackUrl": "HTTP://"},
        {"callBackUrl": "http://a:22/"},
        {"callBackUrl": "http://a#b"},
        {"imageList": ["<svg>"]},
        {"fast": "maybe"},
        {"chaos": 101},
        {"tag": "x"},
        {"cfg": 1},
        {"promptEn": ...},
    ):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(a_body(**wrong))


def test_the_page_needs_nothing_from_elsewhere(app):
    response = app.test_client().get("/docs")

    assert response.status_code == 200
    assert response.mimetype == "text/html"
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", response.text)
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_the_page_finds_everything_beside_itself_whatever_path_it_is_under(app):
    page = app.test_client().get("/docs").text

    rooted = re.findall(
        r"""(?:fetch\(|href[=:] ?|src[=:] ?|origin \+ )["'](/[^"'/][^"']*)["']""", page
    )
    assert rooted == []
    assert page.count("location.origin") == 1  # where the page's own place is made out


@pytest.mark.parametrize("base", ["https://draw.example/limner", "https://draw.example/a%20b/c"])
def test_the_api_answers_under_its_path_whether_or_not_a_proxy_takes_it_off(
    settings, store, messages, base
):
    app = create_app(replace(settings, public_url=base), store, messages)
    ask = app.test_client().get
    path = base.removeprefix("https://draw.example")

    for address in ("/openapi.json", path + "/openapi.json"):
        assert ask(address).json["servers"] == [{"url": base}]
    assert ask(path + "/docs").status_code == 200
    assert ask(path + "/nothing").status_code == 404
    assert ask(path).status_code == 404
    assert ask(path + "x/docs").status_code == 404


def test_a_path_that_is_one_of_the_apis_own_is_left_to_the_proxy(settings, store, messages):
    app = create_app(replace(settings, public_url="https://draw.example/draw"), store, messages)

    assert app.test_client().get("/draw/midjourney/jobs").status_code == 401
