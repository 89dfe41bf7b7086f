"""What a request asks for, and what an engine makes of it."""

from __future__ import annotations

import pytest

from limner.applied import applied_of, asked_of, levels_of
from limner.engine import Capabilities
from limner.request import Change
from tests.builders import a_request


def test_a_plain_request_asks_for_nothing():
    assert asked_of(a_request()) == []


def test_a_job_with_other_seeds_than_its_text_says_was_not_drawn_from_that_one():
    request = a_request(prompt_en="a fox --seed 4")

    assert asked_of(request, 4) == ["seed"]
    assert asked_of(request, 5) == []


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({"seed": 0}, ["seed"]),
        ({"negative": "boats"}, ["negative"]),
        ({"negative": ""}, []),
        ({"count": 4}, ["count"]),
        ({"size": (512, 512)}, ["size"]),
        ({"ar": "3:2"}, ["ar"]),
        ({"ar": "7:4", "ar_requested": "16:9"}, ["ar:near"]),
        ({"ar": "3:2", "size": (512, 512)}, ["ar:near", "size"]),
        ({"version": "7"}, ["version/7"]),
        (
            {"chaos": 0, "stylize": 5, "quality": 2, "weird": 9},
            ["chaos", "stylize", "quality", "weird"],
        ),
        ({"raw": True, "draft": True, "hd": True}, ["raw", "draft", "hd"]),
        ({"style": "raw"}, ["style"]),
        ({"references": ("http://p/1",), "iw": 1}, ["references", "iw"]),
        (
            {"style_references": ("http://p/1",), "style_weight": 5},
            ["style_weight", "style_references"],
        ),
        (
            {"prompt_en": "a fox --seed 4 --no dogs --v 6.1 --raw"},
            ["seed", "negative", "raw", "version/6.1"],
        ),
        ({"prompt_en": "a fox --sref http://p/1 77", "origin": True}, ["style_references"]),
    ],
)
def test_what_the_caller_gave_is_asked_for_by_field_or_by_flag(given, asked):
    assert sorted(asked_of(a_request(**given))) == sorted(asked)


def test_what_follows_from_an_operation_is_not_asked_for():
    change = Change(0, kind="subtle")
    upscale = a_request(operation="upscale", change=change, size=(1024, 1024), count=1)

    assert asked_of(upscale) == []
    assert asked_of(a_request(operation="describe", count=1, references=("http://p/1",))) == []


def test_what_a_driver_tells_that_is_no_level_is_ignored():
    levels = levels_of(Capabilities(), ["7"], {"seed": "fully", "version": "none", "ar": "near"})

    assert (levels["seed"], levels["ar"], levels["version/7"]) == ("exact", "near", "none")


def test_levels_of_an_engine_cover_what_depends_on_others():
    levels = levels_of(Capabilities(style="near", size="none", style_references="exact"), ["7"])

    assert (levels["raw"], levels["hd"], levels["style_weight"]) == ("near", "none", "exact")
    assert levels["version/7"] == "exact"
    assert "cancel" not in levels


def test_applied_is_the_engines_level_but_never_above_what_can_be():
    levels = levels_of(Capabilities(ar="exact", negative="none", seed="near"), ["7"])

    asked = ["ar:near", "negative", "seed", "version/7", "version/8", "unknown"]
    assert applied_of(asked[:4], levels) == {
        "ar": "near",
        "negative": "none",
        "seed": "near",
        "version": "exact",
    }
    assert applied_of(["version/8"], levels) == {"version": "none"}
    assert applied_of(["ar:near"], {"ar": "none"}) == {"ar": "none"}
    assert applied_of(["unheard_of"], levels) == {"unheard_of": "none"}
