"""The form of Draw: every parameter that the API takes, and those of an earlier drawing."""

from __future__ import annotations

import pytest

from api.console.form import APART, parameters
from schemas.limner.openapi import document
from tests.api.console.browsing import Browser
from tests.api.drawing import a_picture, inline

FIELDS = {field.name: field for group in parameters() for field in group.fields}
PICTURE = inline(a_picture(7))


@pytest.fixture
def ann(app, caller) -> Browser:
    browser = Browser(app)
    browser.enter(caller.token)
    return browser


def test_the_form_has_each_parameter_of_the_api_once():
    known = document("http://localhost", "")["components"]["schemas"]["Imagine"]["properties"]

    assert sorted([*FIELDS, *APART]) == sorted(known)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("stylize", "number"), ("seed", "integer"), ("quality", "choice"), ("style", "choice")),
        *(("raw", "yes"), ("ar", "text"), ("negative", "long"), ("callbackEvents", "several")),
        *(("engine", "text"), ("callBackUrl", "text"), ("deadline", "number")),
    ],
)
def test_a_field_is_of_the_kind_that_the_document_says(name, kind):
    assert FIELDS[name].kind == kind


def test_a_choice_has_what_the_document_lists():
    assert FIELDS["quality"].choices == ("0.25", "0.5", "1", "2", "4")
    assert FIELDS["ar"].hints == ("4:5", "2:3", "4:7", "1:1", "5:4", "3:2", "7:4")
    assert FIELDS["previews"].on
    assert not FIELDS["raw"].on


def test_only_the_clients_lanes_are_offered(app, store):
    browser = Browser(app)
    browser.enter(store.clients.add("slow", lanes=frozenset({"relaxed"})).token)

    page = browser.get("/console/draw").text

    assert 'value="relaxed" checked' in page
    assert 'value="fast"' not in page


def test_an_earlier_drawing_fills_the_form(ann, caller):
    asked = {
        "promptEn": 'a "lighthouse" </textarea><script>',
        "fast": False,
        "ar": "16:9",
        "stylize": 250,
        "quality": "0.5",
        "raw": True,
        "seed": 7,
        "previews": False,
        "callbackEvents": [0, 1],
        "size": None,
        "negative": "fog\nrain",
        "imageList": ["https://pictures.example/a.png", PICTURE],
        "iw": 1.5,
    }
    page = ann.get(f"/console/draw?from={caller.drawn(**asked)['id']}").text

    assert "a &#34;lighthouse&#34; &lt;/textarea&gt;&lt;script&gt;</textarea>" in page
    assert 'value="relaxed" checked' in page
    for name, value in (("ar", "16:9"), ("stylize", "250"), ("seed", "7"), ("iw", "1.5")):
        assert f'id="{name}" name="{name}" value="{value}"' in page
    assert "<option selected>0.5</option>" in page
    assert "fog\nrain</textarea>" in page
    assert 'name="callbackEvents" value="0" checked' in page
    assert 'name="callbackEvents" value="2" checked' not in page
    assert 'id="raw" name="raw" aria-describedby="raw-help raw-wrong" checked' in page
    assert 'id="previews" name="previews" aria-describedby="previews-help previews-wrong">' in page
    assert "https://pictures.example/a.png" in page
    assert "reference pictures are not in the form" in page


def test_a_job_of_another_client_fills_nothing(ann, other):
    theirs = other.drawn()

    answer = ann.get(f"/console/draw?from={theirs['id']}")

    assert answer.status_code == 404
    assert theirs["promptEn"] not in answer.text
    assert ann.get("/console/draw?from=nonsense").status_code == 200
