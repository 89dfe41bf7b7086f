"""Compiling a request into the final prompt, and taking a prompt apart again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.job import Lane, Request
from limner.prompt import NIJI_STYLES, Prompt, compile_prompt, parse_prompt
from limner.ratios import CELL_SIZE_PX


def a_request(**changes) -> Request:
    return Request(**{"prompt_en": "a lighthouse", "lane": Lane.FAST, "tag": "0" * 32} | changes)


def maybe(strategy):
    return st.none() | strategy


def numbers(high: int):
    """What a caller may send: whole numbers and decimal fractions."""
    return st.integers(0, high) | st.integers(0, high * 100).map(lambda n: n / 100)


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
)


@given(REQUESTS)
def test_what_is_compiled_is_read_back(request):
    found = parse_prompt(compile_prompt(request))

    assert found == Prompt(
        words=request.prompt_en,
        ar=request.ar,
        chaos=request.chaos,
        stylize=request.stylize,
        style=request.style or "",
        niji=request.niji,
        tile=request.tile,
        iw=request.iw,
    )


@given(st.text() | st.text(alphabet=" -—aricstyle0123456789.:nan\t\n"))
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
        ("a —ar 3:2", Prompt(words="a", ar="3:2")),
        ("a --aspect 16:9", Prompt(words="a", ar="7:4", ar_requested="16:9")),
        ("a --ar 3:2 --ar 1:1", Prompt(words="a", ar="1:1")),
        ("a --ar 0:1", Prompt(words="a")),
        ("a --ar nan:1", Prompt(words="a")),
        ("a --ar ٣:٢", Prompt(words="a")),
        ("a --c 300 --s -5 --iw 9", Prompt(words="a", chaos=100, stylize=0, iw=2)),
        ("a --chaos nan --stylize inf", Prompt(words="a")),
        ("a --chaos 1_0", Prompt(words="a")),
        ("a --chaos", Prompt(words="a")),
        ("a --style cute --niji 6", Prompt(words="a", style="cute", niji=True)),
        ("a --style bold", Prompt(words="a")),
        ("a --no red, blue --tile", Prompt(words="a", negative="red, blue", tile=True)),
        ("a --seed 7", Prompt(words="a", seed=7)),
        ("a --seed 99999999999", Prompt(words="a", seed=2**32 - 1)),
        ("a well--made --thing", Prompt(words="a well--made")),
    ],
)
def test_flags_in_a_text_are_read_as_people_write_them(text, expected):
    assert parse_prompt(text) == expected
