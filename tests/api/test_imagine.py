"""What imagine takes, field by field, and what it answers."""

from __future__ import annotations

import json
import re

import pytest

from api.accept import new_seeds
from tests.api.asking import DASHED_TAG, TAG, a_body, refused

#: what chat programs, web pages and keyboards leave in a text that no reader sees
NOTHING_VISIBLE = [
    *("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u200e", "\u200f", "\u202e", "\u061c"),
    *(
        "\u00a0",
        "\u00ad",
        "\u034f",
        "\u2003",
        "\u2028",
        "\u205f",
        "\u3000",
        "\u180e",
        "\x1f",
        "\x85",
    ),
    *("\u115f", "\u1160", "\u3164", "\uffa0", "\u2800", "\ufffc", "\u2065"),
    *("\ufe0f", "\U000e0100", "\U000e0041", "\U000e0001", "\u0301", "\u20dd", "\u0651", "\u093c"),
]

SHAPE = """
id messageId tag status progress prompt promptEn finalPrompt promptTranslated fast drawType parentId ar arRequested url width
height images u1 u2 u3 u4 r v1 v2 v3 v4 reason reasonCode engine position ahead
startsInS waitsFor notes applied seeds buttons count deadline prompts extra createdAt startedAt finishedAt seq
"""


def test_the_smallest_request_is_answered_with_the_whole_job(caller):
    response = caller.imagine()

    job = response.json
    assert response.status_code == 202
    assert response.mimetype == "application/json"
    assert list(job) == SHAPE.split()
    assert re.fullmatch("[0-9a-f]{32}", job["id"])
    assert job == {
        "id": job["id"],
        "messageId": job["id"],
        "tag": TAG,
        "status": -2,
        "progress": 0,
        "prompt": None,
        "promptEn": "a lighthouse at dusk",
        "finalPrompt": "a lighthouse at dusk",
        "promptTranslated": None,
        "fast": True,
        "drawType": "draw",
        "parentId": None,
        "ar": "1:1",
        "arRequested": None,
        "url": None,
        "width": None,
        "height": None,
        "images": [],
        **dict.fromkeys(("u1", "u2", "u3", "u4", "r", "v1", "v2", "v3", "v4"), 0),
        "reason": None,
        "reasonCode": None,
        "engine": None,
        "position": 1,
        "waitsFor": None,
        "ahead": 0,
        "startsInS": None,
        "notes": {},
        "applied": {},
        "seeds": None,
        "buttons": [],
        "count": 4,
        "deadline": None,
        "prompts": [],
        "extra": None,
        "createdAt": "2027-01-15T08:00:00.000Z",
        "startedAt": None,
        "finishedAt": None,
        "seq": 0,
    }


def test_a_request_with_everything_is_taken(caller):
    job = caller.drawn(
        prompt="灯塔",
        promptEn="  lighthouse  ",
        fast=False,
        tag=DASHED_TAG,
        callBackUrl="https://caller.example/hook?key=1",
        isNiji=True,
        ar="3:2",
        chaos=0,
        stylize=250,
        style="scenic",
        isTile=True,
        iw=0.5,
        imageList=["https://pictures.example/a.png"],
        extra="kept",
    )

    assert job["finalPrompt"] == (
        "lighthouse --ar 3:2 --chaos 0 --stylize 250 --style scenic --tile --iw 0.5 --niji 6"
    )
    assert job["promptEn"] == "  lighthouse  "
    assert (job["prompt"], job["extra"], job["fast"]) == ("灯塔", "kept", False)
    assert job["tag"] == DASHED_TAG


def test_the_job_joins_the_lane_that_fast_names(caller, store):
    fast, relaxed = caller.drawn(fast=True)["id"], caller.drawn(fast=False)["id"]

    assert [fast in message for message in store.redis.lrange("fast", 0, -1)] == [True]
    assert [relaxed in message for message in store.redis.lrange("relaxed", 0, -1)] == [True]


def test_the_position_counts_from_one_in_each_lane(caller):
    fast = [True, True, False, True]

    assert [caller.drawn(fast=lane)["position"] for lane in fast] == [1, 2, 1, 3]


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "True", "1", " TRUE "])
def test_every_spelling_of_true_is_true(caller, value):
    job = caller.drawn(fast=value, isTile=value)

    assert job["fast"] is True
    assert "--tile" in job["finalPrompt"]


@pytest.mark.parametrize("value", [False, 0, 0.0, "false", "False", "0"])
def test_every_spelling_of_false_is_false(caller, value):
    job = caller.drawn(fast=value, isTile=value, isNiji=value)

    assert job["fast"] is False
    assert job["finalPrompt"] == "a lighthouse at dusk"


@pytest.mark.parametrize("value", ["yes", "", "t", 2, -1, 0.5, [], {}, [True], "1.0", "2"])
@pytest.mark.parametrize("field", ["fast", "isTile", "isNiji"])
def test_what_is_no_boolean_is_refused(caller, field, value):
    assert caller.wrong(**{field: value}) == {field: ["Must be true or false."]}


@pytest.mark.parametrize("field", ["promptEn", "fast", "tag"])
@pytest.mark.parametrize("value", [..., None])
def test_a_required_field_that_is_missing_or_null_is_named(caller, field, value):
    assert caller.wrong(**{field: value}) == {field: ["Is required."]}


def test_all_that_is_wrong_is_said_at_once(caller):
    errors = caller.wrong(promptEn=..., tag="x", chaos=-1, style="bold", wibble=1)

    assert set(errors) == {"promptEn", "tag", "chaos", "style", "wibble"}


OPTIONAL = sorted(
    {"prompt", "callBackUrl", "isNiji", "ar", "chaos", "stylize", "style", "isTile", "iw"}
    | {"imageList", "extra"}
)


@pytest.mark.parametrize("field", OPTIONAL)
def test_null_in_an_optional_field_says_nothing(caller, field):
    assert caller.drawn(**{field: None})["finalPrompt"] == "a lighthouse at dusk"


@pytest.mark.parametrize("length", [1, 6000])
def test_a_prompt_of_up_to_6000_characters_is_taken(caller, length):
    assert caller.drawn(promptEn="灯" * length)["promptEn"] == "灯" * length


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("", "Must not be blank."),
        (" \n\t", "Must not be blank."),
        ("a" * 6001, "Must be at most 6000 characters."),
        (7, "Must be a string."),
        (["a"], "Must be a string."),
        ("a\0b", "Must not contain a NUL character."),
        ("a\ud800b", "Must not contain an unpaired surrogate."),
    ],
)
def test_a_prompt_that_cannot_be_drawn_is_refused(caller, value, sentence):
    assert caller.wrong(promptEn=value) == {"promptEn": [sentence]}


@pytest.mark.parametrize("ask", ["imagine", "origin"])
@pytest.mark.parametrize("text", NOTHING_VISIBLE, ids=ascii)
def test_a_prompt_that_shows_nothing_is_blank(caller, ask, text):
    for blank in (text, f" {text}\n{text}"):
        response = getattr(caller, ask)(promptEn=blank)
        assert refused(response, 422) == {"promptEn": ["Must not be blank."]}


@pytest.mark.parametrize("ask", ["imagine", "origin"])
@pytest.mark.parametrize(
    "text", ["--ar 3:2", "--ar 3:2 --no text", "—ar 3:2", " --tile\u200b--raw\n", "--v 6 --p, "]
)
def test_a_prompt_of_flags_alone_says_nothing_to_draw(caller, ask, text):
    response = getattr(caller, ask)(promptEn=text)

    assert refused(response, 422) == {"promptEn": ["Must say what to draw, besides its flags."]}


@pytest.mark.parametrize(
    "text", ["?", "灯", "👩\u200d🚀", "e\u0301", "\u0915\u093e", "\ue000", "\u2800x"]
)
def test_a_prompt_that_shows_anything_is_taken_as_it_is(caller, text):
    assert caller.drawn(promptEn=text)["promptEn"] == text


@pytest.mark.parametrize("field", ["prompt", "extra", "tag", "callBackUrl", "ar", "style"])
@pytest.mark.parametrize("value", ["a\0", "\udfff"])
def test_no_text_may_hold_what_cannot_be_kept(caller, field, value):
    assert list(caller.wrong(**{field: value})) == [field]


def test_extra_of_4096_characters_comes_back_unchanged(caller):
    extra = '{"a": "ü"} ' * 372 + "...."
    assert len(extra) == 4096

    assert caller.drawn(extra=extra)["extra"] == extra
    assert caller.wrong(extra=extra + ".") == {"extra": ["Must be at most 4096 characters."]}


@pytest.mark.parametrize("tag", [TAG, TAG.upper(), DASHED_TAG, DASHED_TAG.upper()])
def test_a_tag_comes_back_as_it_was_sent(caller, tag):
    assert caller.drawn(tag=tag)["tag"] == tag


@pytest.mark.parametrize(
    "tag",
    ["", TAG[:-1], TAG + "0", "g" * 32, TAG[:16] + "-" + TAG[16:], f"{{{DASHED_TAG}}}", 5, []],
)
def test_a_tag_that_is_no_uuid_is_refused(caller, tag):
    assert caller.wrong(tag=tag) == {"tag": ["Must be a UUID: 32 hex digits, or the dashed form."]}


@pytest.mark.parametrize("ratio", ["4:5", "2:3", "4:7", "1:1", "5:4", "3:2", "7:4"])
def test_each_of_the_seven_ratios_is_kept(caller, ratio):
    job = caller.drawn(ar=ratio)

    assert (job["ar"], job["arRequested"]) == (ratio, None)
    assert job["finalPrompt"].endswith(f"--ar {ratio}")


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("16:9", "7:4"),
        ("9:16", "4:7"),
        ("4:3", "5:4"),
        ("6:4", "3:2"),
        ("100:1", "7:4"),
        ("1.91:1", "7:4"),
        ("1024:1024", "1:1"),
    ],
)
def test_another_ratio_becomes_the_nearest_and_the_job_says_so(caller, asked, nearest):
    job = caller.drawn(ar=asked)

    assert (job["ar"], job["arRequested"]) == (nearest, asked)
    assert job["finalPrompt"].endswith(f"--ar {nearest}")


@pytest.mark.parametrize("value", ["", "0", 0, 0.0])
def test_no_ratio_is_square(caller, value):
    job = caller.drawn(ar=value)

    assert (job["ar"], job["arRequested"]) == ("1:1", None)


@pytest.mark.parametrize(
    "value",
    [
        "0:1",
        "1:0",
        "a:b",
        "16/9",
        "-1:2",
        "1:2:3",
        "nan:1",
        "inf:1",
        "1e3:1",
        "٣:٢",
        1.5,
        False,
        [3, 2],
        "9" * 400 + ":1",
    ],
)
def test_a_ratio_that_makes_no_sense_is_refused(caller, value):
    assert caller.wrong(ar=value) == {"ar": ["Must be a ratio like 3:2."]}


BOUNDS = [("chaos", 0, 100), ("stylize", 0, 1000), ("iw", 0, 2)]
PICTURES = ["https://pictures.example/a.png"]


@pytest.mark.parametrize(("field", "low", "high"), BOUNDS)
def test_numbers_at_their_bounds_are_taken_and_make_a_flag_zero_included(caller, field, low, high):
    for value in (low, high, str(low), f" {high} ", float(high)):
        job = caller.drawn(**{field: value, "imageList": PICTURES})
        assert job["finalPrompt"].endswith(f"--{field} {int(float(value))}")


@pytest.mark.parametrize(("field", "low", "high"), BOUNDS)
def test_numbers_beyond_their_bounds_are_refused(caller, field, low, high):
    for value in (low - 0.01, high + 0.01, str(high + 1), -1, 10**400 if high > 2 else 1e300):
        errors = caller.wrong(**{field: value, "imageList": PICTURES})
        assert errors[field][0] in (f"Must be from {low} to {high}.", "Must be a finite number.")


@pytest.mark.parametrize("field", ["chaos", "stylize", "iw"])
@pytest.mark.parametrize(
    "value", ["nan", "inf", "-Infinity", "", "ten", "1_0", "0x10", "٣", "1,5", True, False, [], {}]
)
def test_what_is_no_number_is_refused(caller, field, value):
    assert caller.wrong(**{field: value}) == {field: ["Must be a number."]}


def test_a_number_beyond_every_float_is_refused(caller):
    response = caller(
        "POST",
        "/draw/midjourney/imagine",
        data=json.dumps(a_body(chaos="HUGE")).replace('"HUGE"', "1e999"),
        content_type="application/json",
    )

    assert response.status_code == 422
    assert response.json["errors"] == {"chaos": ["Must be a finite number."]}


@pytest.mark.parametrize(("value", "flag"), [(12.5, "12.5"), ("1e1", "10"), (0.1 + 0.2, "0.3")])
def test_a_fraction_is_written_as_people_write_it(caller, value, flag):
    assert caller.drawn(chaos=value)["finalPrompt"].endswith(f"--chaos {flag}")


@pytest.mark.parametrize("style", ["cute", "expressive", "original", "scenic"])
def test_niji_has_its_own_styles(caller, style):
    assert f"--style {style}" in caller.drawn(isNiji=True, style=style)["finalPrompt"]
    assert caller.wrong(style=style) == {"style": ["Must be raw without isNiji."]}


def test_the_other_model_has_the_style_raw(caller):
    assert "--style raw" in caller.drawn(style="raw")["finalPrompt"]
    assert caller.wrong(style="raw", isNiji=1)["style"][0].endswith("with isNiji.")


@pytest.mark.parametrize("value", ["Raw", "bold", 1, True, [], ["raw"]])
def test_an_unknown_style_is_refused_with_those_known(caller, value):
    assert "cute" in caller.wrong(style=value)["style"][0]


def test_an_empty_style_is_none(caller):
    assert "--style" not in caller.drawn(style="")["finalPrompt"]


def test_a_weight_needs_images_unless_it_is_zero(caller):
    assert caller.wrong(iw=0.1) == {"iw": ["Must be 0 without imageList."]}
    assert caller.wrong(iw=1, imageList=[]) == {"iw": ["Must be 0 without imageList."]}
    assert caller.drawn(iw=0)["finalPrompt"].endswith("--iw 0")


def test_a_seed_in_the_prompt_seeds_the_four_cells(caller, store):
    job = caller.drawn(promptEn="a lighthouse --seed 4294967294")

    assert store.jobs.get(job["id"]).seeds == (4294967294, 4294967295, 0, 1)


def test_without_a_seed_each_job_gets_four_of_its_own(caller, store):
    jobs = [store.jobs.get(caller.drawn()["id"]) for _ in range(2)]

    assert len({seed for job in jobs for seed in job.seeds}) == 8
    assert all(0 <= seed < 2**32 for job in jobs for seed in job.seeds)


def test_four_seeds_are_four_parts_of_one_number_that_have_no_bit_in_common(monkeypatch):
    number = (4 << 96) + (3 << 64) + (2 << 32) + 1
    monkeypatch.setattr("api.accept.random_number", lambda: number)

    assert new_seeds() == (1, 2, 3, 4)
