"""The input: what is understood by convention, what is ignored and told, what is given back."""

from __future__ import annotations

import pytest

from schemas.replicate.asked import InputSchema
from schemas.replicate.echo import ECHO_MAX_BYTES
from schemas.replicate.model import INPUTS
from tests.api.drawing import a_picture
from tests.api.faces.replicate.asking import MODEL, data_url, problem

PICTURE = "https://pictures.example/a.png"


@pytest.mark.parametrize(
    ("sent", "field", "understood"),
    [
        ({}, "count", 1),
        ({"num_outputs": 3}, "count", 3),
        ({"number_of_images": "2"}, "count", 2),
        ({"negative_prompt": "fog"}, "negative", "fog"),
        ({"aspect_ratio": "3:2"}, "ar", "3:2"),
        ({"aspect_ratio": "16:9"}, "ar_requested", "16:9"),
        ({"aspect_ratio": "match_input_image"}, "ar", None),
        ({"size": "1024x768"}, "size", (1024, 768)),
        ({"size": "1024*768"}, "size", (1024, 768)),
        ({"size": "2K"}, "size", None),
        ({"size": "1024x768", "aspect_ratio": "1:1"}, "ar", None),
        ({"width": 1000, "height": 500}, "size", (1000, 496)),
        ({"width": 64, "height": 64}, "size", (256, 256)),
        ({"width": 4096, "height": 4096}, "size", (2048, 2048)),
        ({"seed": 7}, "seed", 7),
        ({"seed": -1}, "seed", None),
        ({"seed": None}, "seed", None),
        ({"image": PICTURE}, "references", (PICTURE,)),
        ({"image": ""}, "references", ()),
        ({"input_image_2": PICTURE + "2", "input_image": PICTURE}, "references", (PICTURE, PICTURE + "2")),
        ({"image_input": [PICTURE]}, "references", (PICTURE,)),
        ({"style_reference_images": [PICTURE]}, "style_references", (PICTURE,)),
        ({"image": PICTURE, "prompt_strength": 0.8}, "iw", 0.4),
        ({"image": PICTURE, "strength": 0}, "iw", 2.0),
        ({"prompt_strength": 0.8}, "iw", None),
        ({"lane": "relaxed"}, "lane", "relaxed"),
    ],
)  # fmt: skip
def test_each_name_is_understood_by_convention(client, sent, field, understood):
    assert getattr(client.request_of(client.made(**sent)), field) == understood


def test_what_is_not_understood_is_told_in_the_logs(client):
    logs = client.made(go_fast=True, guidance_scale=3.5, size="2K", width=512)["logs"].splitlines()

    assert logs[:3] == [
        "Not used here: go_fast, guidance_scale.",
        "Not used: this value of size.",
        "Not used: width without height.",
    ]
    assert "Drawn at 1000x496." in client.made(width=1000, height=500)["logs"]


def test_many_unknown_names_are_told_in_short(client):
    logs = client.made(**{f"n{number:04}" + "x" * 100: number for number in range(500)})["logs"]

    assert "and 480 more." in logs
    assert len(logs) < 2000


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"prompt": ""}, "input.prompt"),
        ({"prompt": ...}, "input.prompt"),
        ({"num_outputs": 9}, "input.num_outputs"),
        ({"seed": "x"}, "input.seed"),
        ({"image": "no picture"}, "input.image"),
        ({"image": [PICTURE] * 5, "image_input": [PICTURE] * 4}, "input.image"),
        ({"strength": 2}, "input.strength"),
        ({"mask": PICTURE}, "input.mask"),
        ({"aspect_ratio": "0:1"}, "input.aspect_ratio"),
    ],
)
def test_a_wrong_value_is_refused_by_name(client, sent, field):
    given = {
        name: value for name, value in ({"prompt": "a dog"} | sent).items() if value is not ...
    }
    told = problem(client("POST", MODEL, json={"input": given}), 422)

    assert [one["field"] for one in told["invalid_fields"]] == [field]
    assert told["title"] == "Input validation failed"
    assert f"- {field}: " in told["detail"]


@pytest.mark.parametrize("body", [{}, {"input": []}, {"input": None}, {"input": "a dog"}])
def test_a_body_without_an_input_is_refused(client, body):
    assert problem(client("POST", MODEL, json=body), 422)["invalid_fields"][0]["field"] == "input"


def test_the_input_comes_back_without_pictures_secrets_and_long_texts(client):
    url = data_url(a_picture(1))
    prediction = client.made(
        image=url, hf_api_token="hf_1", lora_weights="x" * 5000, extra={"a": [url]}, seed=5
    )

    assert prediction["input"]["prompt"] == "a lighthouse at dusk"
    assert prediction["input"]["image"] == f"data:image/png;base64,… ({len(url)} characters)"
    assert prediction["input"]["hf_api_token"] == "[REDACTED]"
    assert prediction["input"]["lora_weights"].endswith("… (5000 characters)")
    assert prediction["input"]["extra"]["a"][0].startswith("data:image/png")
    assert prediction["input"]["seed"] == 5
    assert client.seen(prediction)["input"] == prediction["input"]


def test_what_comes_back_is_bounded(client):
    long = "é" * 6000
    prediction = client.made(prompt=long, **{f"x{n}": "é" * 900 for n in range(60)})

    assert len(client.request_of(prediction).echo.encode()) <= ECHO_MAX_BYTES
    assert client.seen(prediction)["input"]["prompt"] == long


def test_half_a_character_comes_back_as_a_question_mark(client):
    prediction = client.made(scheduler="\ud800", **{"\udc00": 1})

    assert prediction["input"]["scheduler"] == "?"
    assert "Not used here: scheduler, ?." in prediction["logs"]
    assert client.seen(prediction)["input"] == prediction["input"]


def test_the_schema_of_a_version_has_every_input():
    assert INPUTS.keys() == InputSchema().names
