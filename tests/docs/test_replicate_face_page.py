"""The page of Replicate's face says what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from api.faces.replicate.files import KEEP_S
from api.faces.replicate.predictions import EARLY_S, PAGE_LENGTH, WAIT_MOST_S
from limner.settings.faces import face_options_of
from limner.store.uploads import UPLOADS_MOST
from schemas.replicate.asked import EVENTS, InputSchema
from schemas.replicate.echo import ECHO_MAX_BYTES, TEXT_LENGTH
from schemas.replicate.openapi import document
from schemas.replicate.prediction import STATUSES

PAGE = (Path(__file__).parents[2] / "docs/faces/replicate.md").read_text(encoding="utf-8")


def part(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(title: str) -> set[str]:
    rows = re.findall(r"^\| (.*?) \|", part(title), re.M)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_every_input_is_on_the_page_and_nothing_else_is():
    assert first_cells("Input") == InputSchema().names


def test_every_status_and_event_is_on_the_page():
    assert first_cells("The prediction") == set(STATUSES)
    assert all(f"`{event}`" in part("Webhooks") for event in EVENTS)


def test_every_address_is_on_the_page():
    # What the document shows is held against the routes by a test of the face.
    shown = part("Addresses").replace("…", "/v1/models/{owner}/{name}")
    for path in document("https://draw.example", "1")["paths"]:
        assert "/v1" + re.sub(r"{(?:\w+_id|known)}", "{id}", path) in shown


def test_the_example_of_settings_is_right():
    text = PAGE.partition("```toml\n")[2].partition("```")[0]
    options = face_options_of(tomllib.loads(text)["faces"])["replicate"]

    assert set(options.models) == {"black-forest-labs/flux-schnell", "acme/poster", "*"}


def test_the_numbers_on_the_page_are_those_of_the_code():
    assert (WAIT_MOST_S, EARLY_S, PAGE_LENGTH, KEEP_S) == (60, 0.5, 100, 86_400)
    assert (UPLOADS_MOST, ECHO_MAX_BYTES, TEXT_LENGTH) == (1000, 8 * 1024, 1000)
    for said in (
        "up to 60 s",
        "half a second",
        "100 a page",
        "after a day",
        "at most 1,000",
        "8 KB",
    ):
        assert said in PAGE
