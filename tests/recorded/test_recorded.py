"""An old caller is answered as before: what was recorded is replayed, and differs in new keys only."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest

from tests.recorded.house import TOKENS, Step, a_house
from tests.recorded.marks import Marks
from tests.recorded.recording import as_text, differences, read, without_new_keys
from tests.recorded.scenes import SCENES

BEFORE = Path(__file__).with_name("before_ask_for_more")
RECORDINGS = sorted(BEFORE.glob("*.json"))
FIELDS = {
    *("promptEn", "prompt", "fast", "tag", "callBackUrl", "isNiji", "ar", "chaos", "stylize"),
    *("style", "isTile", "iw", "imageList", "extra"),
}
#: the beginning of "recording: step: place" → why something else has to be said there than before
DIFFERS: dict[str, str] = {
    "imagine: 14: ": "positions are those of the fair order: one job of a client is the next but one",
    "follow_ups: 28: ": "the list of buttons in a refusal has new ones",
    **dict.fromkeys(
        ("flags_in_text: 34: ", "flags_in_text: 37: "),
        "--hd in a text was ignored, and means what the field hd means now",
    ),
}


def replayed(steps: list[Step], redis_url: str, folder: Path) -> dict[str, str]:
    """Where the code of today says something else, and what."""
    marks, found = Marks(), {}
    with a_house(redis_url, folder) as house:
        for number, step in enumerate(steps):
            told = house.play(step["do"], marks.shown(step["with"]))
            now = marks.hidden(without_new_keys(told, step["told"]), house.ids)
            for place, what in differences(now, step["told"]):
                found[f"{number}: {place}"] = f"{what}, asked {_asked(step)}"
    return found


def _asked(step: Step) -> str:
    return f"{step['do']} {json.dumps(step['with'], ensure_ascii=False)[:400]}"


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_an_old_caller_is_told_what_was_told_before_and_new_keys_at_most(path, redis_url, tmp_path):
    found = replayed(read(path), redis_url, tmp_path)

    named = {f"{path.stem}: {place}": what for place, what in found.items()}
    of_this = tuple(key for key in DIFFERS if key.startswith(f"{path.stem}: "))
    new = [f"{place} {what}" for place, what in named.items() if not place.startswith(of_this)]
    assert not new, "\n".join(["an old caller is told something else:", *new])
    gone = [key for key in of_this if not any(place.startswith(key) for place in named)]
    assert gone == [], "no longer differs: take it out of DIFFERS"


def test_every_scene_has_its_recording():
    assert {path.stem for path in RECORDINGS} == SCENES.keys()


def test_the_recordings_ask_for_every_documented_field():
    taken = [
        step["with"]["json"]
        for step in read(BEFORE / "imagine.json")
        if step["do"] == "ask" and step["told"]["status"] == 202
    ]

    assert set().union(*taken) == FIELDS
    assert FIELDS in [body.keys() for body in taken]


def test_a_changed_answer_is_noticed(redis_url, tmp_path):
    steps = read(BEFORE / "imagine.json")[:2]
    changed = deepcopy(steps)
    changed[1]["told"]["body"] |= {"ar": "7:4", "gone": None}
    changed[1]["told"]["status"] = 200

    assert replayed(steps, redis_url, tmp_path) == {}
    assert list(replayed(changed, redis_url, tmp_path)) == [
        "1: status",
        "1: body.ar",
        "1: body.gone",
    ]


@pytest.mark.parametrize(
    ("now", "place"),
    [
        ({"a": {"b": 1}, "c": [{"d": 1}], "errors": {"e": ["Is wrong."]}}, None),
        (
            {
                "a": {"b": 1, "new": 2},
                "c": [{"d": 1, "new": 2}],
                "errors": {"e": ["Is wrong."]},
                "f": 1,
            },
            None,
        ),
        ({"a": {"b": True}, "c": [{"d": 1}], "errors": {"e": ["Is wrong."]}}, "a.b"),
        ({"a": {"b": 1.0}, "c": [{"d": 1}], "errors": {"e": ["Is wrong."]}}, "a.b"),
        ({"a": None, "c": [{"d": 1}], "errors": {"e": ["Is wrong."]}}, "a"),
        ({"a": {}, "c": [{"d": 1}], "errors": {"e": ["Is wrong."]}}, "a.b"),
        ({"a": {"b": 1}, "c": [{"d": 1}, {}], "errors": {"e": ["Is wrong."]}}, "c"),
        ({"a": {"b": 1}, "c": [{"d": 2}], "errors": {"e": ["Is wrong."]}}, "c[0].d"),
        ({"a": {"b": 1}, "c": [{"d": 1}], "errors": {"e": ["Is odd."]}}, "errors.e[0]"),
        ({"a": {"b": 1}, "c": [{"d": 1}], "errors": {"e": ["Is wrong."], "n": []}}, "errors.n"),
    ],
)
def test_new_keys_are_no_difference_and_all_else_is(now, place):
    then = {"a": {"b": 1}, "c": [{"d": 1}], "errors": {"e": ["Is wrong."]}}

    found = [there for there, _ in differences(without_new_keys(now, then), then)]

    assert found == ([place] if place else [])


def test_a_random_value_has_one_mark_wherever_it_appears():
    marks, job = Marks(), "a" * 32
    url = f"https://draw.example/images/drawings/20270115/{'b' * 32}.png"
    told = [
        {"id": job, "tag": "c" * 32, "url": url},
        f"msg_{job}_3_0123456789",
        f"1800000000000-{job}",
        f"{url}?x-oss-process=style/scale512",
    ]
    hidden = [
        {"id": "<job 1>", "tag": "c" * 32, "url": "<picture 1>"},
        "msg_<job 1>_3_<epoch>",
        "1800000000000-<job 1>",
        "<picture 1>?x-oss-process=style/scale512",
    ]

    assert marks.hidden(told, {job}) == hidden
    assert marks.shown({"path": "/jobs/<job 1>", "to": ["<picture 1>", "<job 2>"]}) == {
        "path": f"/jobs/{job}",
        "to": [url, "<job 2>"],
    }


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_is_as_the_recorder_writes_it_and_nothing_in_it_is_random(path):
    text = path.read_text(encoding="utf-8")

    assert as_text(read(path)) == text
    assert "draw.example/images/drawings" not in text
    assert TOKENS["ann"] in text
