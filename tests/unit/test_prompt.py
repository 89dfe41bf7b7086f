"""Compiling a request into the final prompt, and taking a prompt apart again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.known_flags import KNOWN
from limner.prompt import (
    NIJI_STYLES,
    QUALITIES,
    Prompt,
    compile_prompt,
    parse_prompt,
    prompt_of,
    without_speed,
)
from limner.ratios import CELL_SIZE_PX
from limner.request import Lane, Request


def a_request(**changes) -> Request:
    return Request(**{"prompt_en": "a lighthouse", "lane": Lane.FAST, "tag": "0" * 32} | changes)


def maybe(strategy):
    return st.none() | strategy


def numbers(high: int):
    """What a caller may send: whole numbers and decimal fractions."""
    return st.integers(0, high) | st.integers(0, high * 100).map(lambda n: n / 100)


#: the fields that are written as flags of the same name
FLAGGED = (
    *("chaos", "stylize", "style", "niji", "tile", "iw", "seed", "quality", "weird"),
    *("raw", "draft", "hd", "style_weight"),
)
REQUESTS = st.builds(
    a_request,
    prompt_en=st.from_regex(r"[a-zA-Z灯塔,.!?()]+([ -][a-zA-Z灯塔,.!?()]+)*", fullmatch=True),
    ar=maybe(st.sampled_from(sorted(CELL_SIZE_PX))),
    chaos=maybe(numbers(100)),
    stylize=maybe(numbers(1000)),
    style=maybe(st.sampled_from(["raw", *NIJI_STYLES])),
    niji=st.booleans(),
    tile=st.booleans(),
    iw=maybe(numbers(2)),
    seed=maybe(st.integers(0, 2**32 - 1)),
    quality=maybe(st.sampled_from(QUALITIES)),
    weird=maybe(numbers(3000)),
    raw=st.booleans(),
    draft=st.booleans(),
    hd=st.booleans(),
    style_weight=maybe(numbers(1000)),
)


#: what people write with dashes, and what looks like it
DASHED = ["--", "—", "–", "——", "−−", "-", "---", "―", "－－"]
NAMES = [*sorted(KNOWN), "open", "thing"]
VALUES = ["3:2", "16：9", "5", "-1", ".5", "raw", "red,blue", "abc1234", "https://a.example/b"]
PROSE = [*'«"()!。=:.,', "fox", "'s", ", ", "\n", "灯塔", "\u200b", " "]
TANGLES = st.lists(
    st.sampled_from([*DASHED, *NAMES, *VALUES, *PROSE, " ", " "])
    | st.builds("".join, st.tuples(st.sampled_from(DASHED), st.sampled_from(NAMES))),
    max_size=12,
).map("".join)


@given(REQUESTS)
def test_what_is_compiled_is_read_back(request):
    found = parse_prompt(compile_prompt(request))

    assert found == Prompt(
        words=request.prompt_en,
        ar=request.ar,
        chaos=request.chaos,
        stylize=request.stylize,
        style=request.style or ("raw" if request.raw else ""),
        niji=request.niji,
        tile=request.tile,
        iw=request.iw,
        seed=request.seed,
        quality=request.quality,
        weird=request.weird,
        raw=request.raw,
        draft=request.draft,
        hd=request.hd,
        style_weight=request.style_weight,
    )


@settings(max_examples=300)
@given(REQUESTS, TANGLES)
def test_the_fields_of_a_request_change_nothing_else_that_its_text_says(request, text):
    said = parse_prompt(text)
    found = parse_prompt(compile_prompt(replace(request, prompt_en=text)))

    given_ar = {"ar": request.ar, "ar_requested": None} if request.ar else {}
    given = {
        name: value
        for name in FLAGGED
        if (value := getattr(request, name)) is not None and value is not False
    }
    if request.raw and not request.style:
        given["style"] = "raw"
    assert found == replace(said, **given_ar, **given)


@settings(max_examples=300)
@given(REQUESTS, TANGLES, st.booleans())
def test_a_request_asks_for_what_its_final_prompt_says(request, text, origin):
    request = replace(request, prompt_en=text, origin=origin)

    assert prompt_of(request) == parse_prompt(compile_prompt(request))


def test_a_request_asks_for_the_ratio_that_its_caller_wrote_not_for_the_one_in_its_text():
    request = a_request(prompt_en="a lighthouse --ar 9:8", ar="7:4", ar_requested="16:9")

    assert prompt_of(request) == Prompt(words="a lighthouse", ar="7:4", ar_requested="16:9")


@given(st.text() | TANGLES | st.text(alphabet=" -—aricstyle0123456789.:nan\t\n"))
def test_no_text_breaks_the_reader(text):
    found = parse_prompt(text)

    assert found.ar is None or found.ar in CELL_SIZE_PX
    assert found.seed is None or 0 <= found.seed < 2**32


def test_a_parameter_that_was_not_given_adds_no_flag():
    assert compile_prompt(a_request()) == "a lighthouse"


def test_a_zero_that_was_given_adds_its_flag():
    zeros = a_request(chaos=0, stylize=0.0, iw=0)

    assert compile_prompt(zeros) == "a lighthouse --chaos 0 --stylize 0 --iw 0"


def test_an_origin_prompt_is_not_touched():
    text = "  a lighthouse --ar 2:3  "

    assert compile_prompt(a_request(prompt_en=text, origin=True, chaos=5)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Prompt(words="")),
        ("--tile", Prompt(words="", tile=True)),
        ("a --AR 3:2", Prompt(words="a", ar="3:2")),
        ("a --aspect 16:9", Prompt(words="a", ar="7:4", ar_requested="16:9")),
        ("a --ar 16：9", Prompt(words="a", ar="7:4", ar_requested="16:9")),
        ("a --ar=3:2 --v6", Prompt(words="a", ar="3:2", version="6")),
        ("a --ar 3:2 --ar 1:1", Prompt(words="a", ar="1:1")),
        ("a --c 300 --s -5 --iw 9", Prompt(words="a", chaos=100, stylize=0, iw=2)),
        ("a --style cute --niji 6", Prompt(words="a", style="cute", niji=True)),
        ("a --raw", Prompt(words="a", style="raw", raw=True)),
        ("a --style cute --raw", Prompt(words="a", style="raw", raw=True)),
        ("a --raw --style Cute", Prompt(words="a", style="cute", raw=True)),
        ("a --no red, blue --tile", Prompt(words="a", negative="red, blue", tile=True)),
        ("a --seed 7", Prompt(words="a", seed=7)),
        ("a --seed 99999999999", Prompt(words="a", seed=2**32 - 1)),
        ("a --seed -1", Prompt(words="a")),
    ],
)
def test_flags_in_a_text_are_read_as_people_write_them(text, expected):
    assert parse_prompt(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "an old sailor —weathered face— holding a brass lantern",
        "un viejo marinero —de rostro curtido— con una linterna",
        "un hombre —no joven— con sombrero",
        "El cartel dice: —no pasar",
        "老水手——满脸皱纹——拿着灯笼",
        "a boat – raw wood – at sea",
        "a knife —raw steel— on a table",
        "a neon sign that reads --open late-- above a noodle bar",
        "a sign that reads --fast food",
        "the band --loop on stage",
        "a --public house",
        "a cat --tile on a sofa",
        "--draft horse in a field",
        "a neon sign that reads --no vacancy-- above a door",
        "a cat --really fluffy, on a red sofa",
        'a shirt that says "--no regrets" in red',
        'a shirt that says "live --no regrets" in red',
        "a poster (--ar 3:2)",
        "--no-smoking area",
        "a well--made --thing",
        "a lighthouse--ar 3:2",
        "a -ar 3:2",
        "a -- b",
        "temperatures of −5 to −no one knows",
        "a --ar",
        "a --ar 0:1",
        "a --ar nan:1",
        "a --ar 3:2:1",
        "a --ar ٣:٢",
        "a --chaos",
        "a --chaos nan --stylize inf",
        "a --chaos 1_0",
        "a --chaos 1e3",
        "a --chaos 5%",
        "a --chaos 5th",
        "a --style bold",
        "a --no",
    ],
)
def test_a_dash_that_begins_no_known_flag_with_a_fitting_value_is_one_of_the_words(text):
    assert parse_prompt(text) == Prompt(words=text)


@pytest.mark.parametrize("dash", ["—", "–", "——", "––", "―", "−−", "---", "—-", "－－", "\u200b--"])
def test_dashes_that_phones_and_input_methods_make_of_two_hyphens_begin_a_flag(dash):
    expected = Prompt(words="a red fox", ar="3:2", chaos=5, negative="text, people", tile=True)

    text = f"a red fox {dash}ar 3:2 {dash}no text, people {dash}chaos 5 {dash}tile"

    assert parse_prompt(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat --ar 3:2 on a sofa", Prompt(words="a cat on a sofa", ar="3:2")),
        ("a cat --ar 3:2, on a sofa", Prompt(words="a cat, on a sofa", ar="3:2")),
        ("--ar 3:2, a cat", Prompt(words="a cat", ar="3:2")),
        ("--ar 3:2\n--chaos 5\na cat", Prompt(words="a cat", ar="3:2", chaos=5)),
        ("a cat --tile, on a sofa", Prompt(words="a cat, on a sofa", tile=True)),
        ("--tile --ar 3:2 a cat", Prompt(words="a cat", tile=True, ar="3:2")),
        ("a cat, --ar 3:2, --chaos 5.", Prompt(words="a cat,", ar="3:2", chaos=5)),
        ("a cat.--ar 3:2--chaos 5", Prompt(words="a cat.", ar="3:2", chaos=5)),
        ('"a cat --ar 3:2"', Prompt(words='"a cat"', ar="3:2")),
        ("(a cat --ar 3:2)", Prompt(words="(a cat)", ar="3:2")),
        ('a cat --ar 3:2 "Tom"', Prompt(words='a cat "Tom"', ar="3:2")),
        ("a cat --no dogs. It sits", Prompt(words="a cat. It sits", negative="dogs")),
        ("A cat. --no text. Sharp", Prompt(words="A cat. Sharp", negative="text")),
        ("a cat --no dogs\non a sofa", Prompt(words="a cat on a sofa", negative="dogs")),
        ("a cat —ar 3:2 —old— on a sofa", Prompt(words="a cat —old— on a sofa", ar="3:2")),
    ],
)
def test_what_follows_a_flag_is_words_again(text, expected):
    assert parse_prompt(text) == expected


@pytest.mark.parametrize(
    "flags",
    [
        "--exp 10 --stop 80 --repeat 4",
        "--r 2",
        "--fast --turbo --relax --public --stealth",
        "--video 1 --motion low --loop --bs 2 --end https://a.example/b.png",
        "--video --upbeta --test --creative",
        "--p",
        "--p 7e1wyou uxv3p1k",
        "--profile abcdefg",
        "--sref random --sv 4",
        "--sref 123 4567::2",
        "--cref https://a.example/b.png --cw 50",
        "—sref 123 —p",
    ],
)
def test_flags_of_midjourneys_that_nothing_here_draws_are_no_words_and_take_none(flags):
    assert parse_prompt(f"a cat {flags}") == Prompt(words="a cat")
    assert parse_prompt(f"a cat {flags} --ar 3:2") == Prompt(words="a cat", ar="3:2")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--v 6.1 --q 2 --weird 30", {"version": "6.1", "quality": 2, "weird": 30}),
        ("--version 5 --quality .5 --w 9999", {"version": "5", "quality": 0.5, "weird": 3000}),
        ("--q 3.9", {"quality": 4}),
        ("--hd --draft", {"hd": True, "draft": True}),
        ("--sw 2000 --ow 400", {"style_weight": 1000, "object_weight": 400}),
        (
            "--sref https://a.example/b--ar.png::2 https://a.example/c 123",
            {"style_references": ("https://a.example/b--ar.png", "https://a.example/c")},
        ),
        ("--oref https://a.example/c.png", {"object_references": ("https://a.example/c.png",)}),
        # A version of niji is another series of models.
        ("--niji 6", {"niji": True}),
    ],
)
def test_flags_of_later_versions_are_read(flags, expected):
    assert parse_prompt(f"a cat {flags}") == replace(Prompt(words="a cat"), **expected)


def test_a_flag_for_links_takes_as_many_as_a_field_may():
    links = " ".join(f"https://a.example/{number}" for number in range(12))

    assert len(parse_prompt(f"a cat --sref {links}").style_references) == 8


def test_pictures_sent_inline_are_in_no_flag():
    request = a_request(style_references=("spool:a/b", "https://a.example/c"))

    assert compile_prompt(request) == "a lighthouse --sref https://a.example/c"


def test_a_size_is_written_as_its_ratio():
    assert compile_prompt(a_request(size=(1024, 576), ar="3:2")) == "a lighthouse --ar 16:9"


def test_what_must_not_be_there_is_the_last_flag():
    compiled = compile_prompt(a_request(negative="boats,\n people", tile=True))

    assert compiled == "a lighthouse --tile --no boats, people"
    assert parse_prompt(compiled).negative == "boats, people"


@pytest.mark.parametrize("dash", ["--", "—", "——", "---"])
def test_what_must_not_be_there_brings_no_flags_along(dash):
    compiled = compile_prompt(a_request(negative=f"cats {dash}v 9 {dash}ar 3:1", ar="3:2"))

    found = parse_prompt(compiled)
    assert (found.negative, found.version, found.ar) == ("cats v 9 ar 3:1", None, "3:2")


def test_a_version_of_the_niji_model_is_its_flags_value():
    assert compile_prompt(a_request(niji=True, version="7")) == "a lighthouse --niji 7"
    assert compile_prompt(a_request(version="7")) == "a lighthouse --v 7"


@pytest.mark.parametrize(
    ("text", "left", "speed"),
    [
        ("a cat", "a cat", None),
        ("a cat --fast", "a cat", "fast"),
        ("a cat --RELAX --ar 3:2", "a cat --ar 3:2", "relax"),
        ("a cat --turbo --v 6 --fast", "a cat --v 6", "fast"),
        ("a sign that reads --fast food", "a sign that reads --fast food", None),
        ("  a  cat  ", "  a  cat  ", None),
    ],
)
def test_a_speed_is_taken_out_of_a_prompt_and_all_else_stays_as_written(text, left, speed):
    assert without_speed(text) == (left, speed)
