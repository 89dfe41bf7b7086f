"""The page of OpenAI's face says what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from limner.settings.faces import face_options_of
from schemas.openai.asked import EditSchema
from schemas.openai.failures import _BY_REASON

PAGE = (Path(__file__).parents[2] / "docs/faces/openai.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(EditSchema().names))
def test_every_field_is_on_the_page(name):
    assert f"`{name}`" in PAGE


def test_every_code_of_a_failed_job_is_on_the_page():
    for _status, _kind, code in _BY_REASON.values():
        assert f"`{code}`" in PAGE


def test_the_example_of_a_table_is_one():
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)

    options = face_options_of(tomllib.loads(text)["faces"])["openai"]

    assert options.hang_up_cancels
    assert set(options.models) == {"dall-e-3", "art", "*"}
