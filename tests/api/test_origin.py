"""Origin imagine: the prompt goes to the engine as it stands."""

from __future__ import annotations

import pytest

from tests.api.asking import refused


def test_the_text_is_final_flags_and_spaces_and_all(caller):
    text = "  a lighthouse --ar 16:9 --niji 6  --chaos 5 "

    response = caller.origin(promptEn=text, prompt="灯塔", extra="kept")

    job = response.json
    assert response.status_code == 202
    assert job["finalPrompt"] == text
    assert (job["ar"], job["arRequested"]) == ("7:4", "16:9")
    assert (job["prompt"], job["extra"]) == ("灯塔", "kept")


def test_it_looks_the_same_when_it_is_looked_up(caller):
    job = caller.origin(promptEn="a lighthouse --ar 3:2").json

    assert caller("GET", f"/draw/midjourney/jobs/{job['id']}").json == job


@pytest.mark.parametrize(
    "field", ["ar", "chaos", "stylize", "style", "isTile", "isNiji", "iw", "imageList"]
)
def test_the_fields_that_stand_in_the_text_are_unknown_here(caller, field):
    assert list(refused(caller.origin(**{field: None}), 422)) == [field]


def test_its_own_fields_have_the_same_rules(caller):
    errors = refused(caller.origin(promptEn=" ", fast="maybe", tag="1", callBackUrl="x"), 422)

    assert set(errors) == {"promptEn", "fast", "tag", "callBackUrl"}
