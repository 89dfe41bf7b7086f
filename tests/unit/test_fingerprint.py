"""When an engine is taken for another one: what of its settings counts, and what can be read of them."""

from __future__ import annotations

import os

import pytest

from limner.fingerprint import READ_MAX_BYTES, fingerprint
from tests.builders import an_engine

ENV = {"A_KEY": "one", "A_TEAM": "red"}


def mark(environ=ENV, **options) -> str:
    return fingerprint(an_engine(**options), environ)


def test_the_same_settings_have_the_same_mark_whatever_their_order():
    one = mark(seconds=1, api_key_env="A_KEY")

    assert one == mark(api_key_env="A_KEY", seconds=1)
    assert one == mark(api_key_env="A_KEY", seconds=1, environ=ENV | {"OTHER": "x"})


@pytest.mark.parametrize(
    "changed",
    [
        {"seconds": 2},
        {"seconds": "1"},
        {"seconds": 1, "more": None},
        {},
        {"nested": {"seconds": 1}},
        {"nested": ["seconds", 1]},
    ],
)
def test_another_option_is_another_mark(changed):
    assert mark(**changed) != mark(seconds=1)


@pytest.mark.parametrize("options", [{"api_key_env": "A_KEY"}, {"headers_env": {"X": "A_KEY"}}])
@pytest.mark.parametrize("other", [{"A_KEY": "two"}, {}])
def test_another_value_of_a_variable_that_is_named_is_another_mark(options, other):
    assert mark(ENV, **options) != mark(other, **options)


@pytest.mark.parametrize("name", ["api_key_file", "workflow"])
def test_another_content_of_a_file_that_is_named_is_another_mark(tmp_path, name):
    path = tmp_path / "it"
    marks = []
    for content in ("one", "two", "one"):
        path.write_text(content)
        marks.append(mark(**{name: str(path)}))
    path.unlink()
    marks.append(mark(**{name: str(path)}))

    assert marks[0] == marks[2]
    assert len(set(marks)) == 3


def test_a_long_file_counts_by_its_size_and_time(tmp_path):
    model = tmp_path / "model"
    model.write_bytes(bytes(READ_MAX_BYTES + 1))
    one = mark(model=str(model))
    os.utime(model, (1, 1))

    assert mark(model=str(model)) != one


@pytest.mark.parametrize("odd", ["a\0b", "~nobody-here/x", "", ".", "x" * 5000, "\ud800"])
def test_texts_that_are_no_files_are_only_texts(odd):
    assert mark(model=odd) == mark(model=odd) != mark(model="other")
