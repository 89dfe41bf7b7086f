"""The README's recording of a terminal: what is typed in it can be typed today, and any browser shows it."""

from __future__ import annotations

import re
import shlex
from xml.etree import ElementTree

import pytest

from cli import parser
from tests.recording import COLUMNS, PICTURE, Film, Screen, svg


def rows(picture: str) -> list[str]:
    return [
        "".join(row.itertext())
        for row in ElementTree.fromstring(picture).iter()
        if row.tag.endswith("}text")
    ]


def typed() -> set[str]:
    """The commands of the recording, whole: rows show them as they are typed, too."""
    seen = [row.removeprefix("$ ") for row in rows(PICTURE.read_text()) if row.startswith("$ ")]
    return {one for one in seen if one and not any(o != one and o.startswith(one) for o in seen)}


def test_what_is_typed_in_the_recording_is_understood():
    commands = [shlex.split(line, comments=True) for line in typed()]
    assert {words[1] for words in commands} == {"up", "draw", "listen"}
    for words in commands:
        assert parser.parse(words[1:]).run


def test_the_recording_shows_nothing_of_the_machine_it_was_made_on():
    text = PICTURE.read_text()
    assert set(re.findall(r"127[.]0[.]0[.]1:(\d+)", text)) <= {"8000", "5555", "9000"}
    assert "/tmp/" not in text


def test_a_line_that_is_written_over_and_colours_are_as_on_a_terminal():
    screen = Screen()
    screen.feed("one\n\x1b[32m10 %\x1b[0m of it\r\x1b[K\x1b[1m20 %\x1b[0m")
    assert screen.shown() == ((("one", ""),), (("20 %", "font-weight:bold"),))
    screen.feed("\n" + "x" * (COLUMNS + 1))
    assert [len(row[0][0]) for row in screen.shown()[2:]] == [COLUMNS, 1]
    with pytest.raises(NotImplementedError):
        screen.feed("\x1b[2J")


def test_a_film_has_each_row_once_and_each_frame_in_its_time():
    film, screen = Film(), Screen()
    for text in ("a <b>", "\n", "c"):
        screen.feed(text)
        film.take(screen, 0.5)
    film.look(1.0)
    picture = svg(film)
    assert sorted(rows(picture)) == ["a <b>", "c"]
    assert re.findall(r"([\d.]+)%{transform:translateX[(](-?\d+)", picture)[:3] == [
        ("0.000", "0"),
        ("25.000", "-872"),
        ("50.000", "-1744"),
    ]
