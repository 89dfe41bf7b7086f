"""The face's OpenAPI document says what it does, and real answers are as it says."""

from __future__ import annotations

import re

import jsonschema
import openapi_spec_validator
import pytest

from schemas.mjproxy import asked, following
from tests.api.faces.mjproxy.speaking import drawn


@pytest.fixture
def document(app):
    return app.test_client().get("/openapi/mjproxy.json").json


def fits(document, name, body):
    jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    ).validate(body)


def test_the_document_is_a_valid_one(document):
    openapi_spec_validator.validate(document, cls=openapi_spec_validator.OpenAPIV31SpecValidator)


def test_every_address_is_in_the_document_and_nothing_else_is(app, document):
    routed = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/mj/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert routed == {(path, method) for path, item in document["paths"].items() for method in item}


@pytest.mark.parametrize("prefix", ["/mj-fast", "/mj-relax", "/mj-turbo"])
def test_the_other_prefixes_have_the_same_addresses(app, prefix):
    rules = {rule.rule for rule in app.url_map.iter_rules()}

    assert {f"{prefix}{rule}" for rule in rules if rule.startswith("/mj/")} <= rules


def test_real_answers_are_as_the_document_says(app, speaker, store, document):
    task_id = speaker.imagine()
    fits(document, "Task", speaker.task(task_id))
    fits(document, "SubmitResult", speaker.asked("POST", "/mj/submit/imagine", {"prompt": "a cat"}))
    fits(document, "SubmitResult", speaker.submit("imagine", 4))
    fits(document, "SubmitResult", speaker("GET", "/mj/nothing").json)

    drawn(app, store, task_id)
    fits(document, "Task", speaker.task(task_id))
    picked = speaker.submit("simple-change", content=f"{task_id} U1")
    fits(document, "SubmitResult", picked)
    custom_id = speaker.button(picked["result"], "Inpaint")
    opened = speaker.submit("action", 21, taskId=picked["result"], customId=custom_id)
    fits(document, "SubmitResult", opened)
    fits(document, "Task", speaker.task(opened["result"]))


def test_a_body_that_is_taken_has_only_documented_fields_with_an_effect(document):
    bodies = {
        path.removeprefix("/mj/submit/"): item["post"]["requestBody"]["content"][
            "application/json"
        ]["schema"]
        for path, item in document["paths"].items()
        if path.startswith("/mj/submit/")
    }
    schemas = {
        "imagine": asked.ImagineBody(),
        "change": following.ChangeBody(),
        "simple-change": following.SimpleChangeBody(),
        "action": following.ActionBody(),
        "modal": following.ModalBody(),
        "blend": asked.BlendBody(),
        "describe": asked.DescribeBody(),
    }
    assert {name: set(body["properties"]) for name, body in bodies.items()} == {
        name: set(schema.names) for name, schema in schemas.items()
    }
