"""docs/fields.md has every field that a caller may send or is shown, with its bounds, and examples that are taken."""

from __future__ import annotations

import json
import re
from functools import singledispatch
from typing import Any

import pytest
from marshmallow import Schema, fields
from PIL import Image

from limner.canvas import AREA_MAX_PX, SIDE_MAX_PX, SIDE_MIN_PX, STEP_PX
from limner.pictures.editing import grid
from limner.ratios import CELL_SIZE_PX, nearest_ratio
from schemas.buttons import fields_of_button
from schemas.fields import (
    AspectRatio,
    Boolean,
    CallbackUrl,
    Integer,
    Name,
    Number,
    NumberOf,
    OneOf,
    Size,
    Statuses,
    Tag,
    Text,
)
from schemas.limner.followup import ButtonSchema
from schemas.limner.imagine import BlendSchema, DescribeSchema, ImagineSchema, OriginImagineSchema
from schemas.limner.job import JobSchema
from schemas.limner.listing import LIMIT_DEFAULT, ListingSchema
from schemas.prompt_fields import PromptText
from schemas.references import Reference, References
from tests.docs.blocks import HOME, blocks

PAGE = (HOME / "docs/fields.md").read_text(encoding="utf-8")
BODIES: dict[str, Any] = {
    "imagine": ImagineSchema(),
    "origin": OriginImagineSchema(),
    "blend": BlendSchema(),
    "describe": DescribeSchema(),
    "button": ButtonSchema(),
}
#: what each body needs besides
LEAST: dict[str, dict[str, Any]] = {
    "imagine": {"promptEn": "a fox", "fast": True, "tag": "0" * 32},
    "origin": {"promptEn": "a fox", "fast": True, "tag": "0" * 32},
    "blend": {"fast": True, "tag": "0" * 32, "imageList": ["https://a.example/1.png"] * 2},
    "describe": {"fast": True, "tag": "0" * 32, "imageList": ["https://a.example/1.png"]},
    "button": {"buttonType": "u1", "messageId": "0" * 32, "fast": True, "tag": "0" * 32},
}
#: what a field needs beside it
BESIDE: dict[str, dict[str, Any]] = {
    "iw": {"imageList": ["https://a.example/1.png"]},
    "styleWeight": {"styleRefs": ["https://a.example/1.png"]},
    "objectWeight": {"objectRefs": ["https://a.example/1.png"]},
}


@singledispatch
def bounds(field: fields.Field) -> str:
    raise NotImplementedError(type(field).__name__)


@bounds.register
def _(field: Text) -> str:
    return f"at most {field.longest:,} characters"


@bounds.register
def _(field: PromptText) -> str:
    return f"at most {field.longest:,} characters, something visible"


@bounds.register
def _(field: Boolean) -> str:
    absent = "" if field.absent is None else f"; absent: {str(field.absent).lower()}"
    return f"true, false{absent}"


@bounds.register
def _(field: Number) -> str:
    return f"{field.low:,.10g} to {field.high:,.10g}"


@bounds.register
def _(field: Integer) -> str:
    return f"{field.low:,} to {field.high:,}, whole"


@bounds.register
def _(field: NumberOf) -> str:
    return ", ".join(f"{number:g}" for number in field.numbers)


@bounds.register
def _(_field: Size) -> str:
    return f"sides from {SIDE_MIN_PX} to {SIDE_MAX_PX:,} in steps of {STEP_PX}, at most {AREA_MAX_PX:,} pixels"


@bounds.register
def _(_field: Name) -> str:
    return "a name"


@bounds.register
def _(_field: Statuses) -> str:
    return "of −2 to 2"


@bounds.register
def _(_field: Tag) -> str:
    return "a UUID"


@bounds.register
def _(field: OneOf) -> str:
    return ", ".join(field.words)


@bounds.register
def _(_field: AspectRatio) -> str:
    return "width:height"


@bounds.register
def _(_field: CallbackUrl) -> str:
    return "an http or https URL"


@bounds.register
def _(field: References) -> str:
    if field.least == field.most:
        return str(field.most)
    return f"{field.least or 'at most'}{' to ' if field.least else ' '}{field.most}"


@bounds.register
def _(_field: Reference) -> str:
    return "a picture"


def expected() -> dict[str, tuple[str, str]]:
    """For each field: which bodies have it, and its bounds in each."""
    found: dict[str, dict[str, fields.Field]] = {}
    for body, schema in BODIES.items():
        for field in schema.load_fields.values():
            found.setdefault(str(field.data_key), {})[body] = field
    return {name: (where(having), told(having)) for name, having in found.items()}


def where(having: dict[str, fields.Field]) -> str:
    need = [body for body, field in having.items() if field.required]
    may = [body for body in having if body not in need]
    words = ["all" if len(need) == len(BODIES) else ", ".join(need)] if need else []
    words = [f"**{word}**" for word in words]
    if may:
        words.append("all" if len(may) == len(BODIES) else ", ".join(may))
    return "; ".join(words)


def told(having: dict[str, fields.Field]) -> str:
    by_words: dict[str, list[str]] = {}
    for body, field in having.items():
        by_words.setdefault(bounds(field), []).append(body)
    first, *others = by_words
    return "; ".join([first, *(f"{', '.join(by_words[words])}: {words}" for words in others)])


def table(title: str) -> list[list[str]]:
    part = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+) \|$", part, re.M)[1:]
    return [row.split(" | ") for row in rows]


ROWS = {cells[0].strip("`"): cells[1:] for cells in table("What you send")}


def test_every_field_that_may_be_sent_is_there_with_where_it_goes_and_its_bounds():
    assert {name: (cells[0], cells[1]) for name, cells in ROWS.items()} == expected()


@pytest.mark.parametrize("name", ROWS)
def test_a_fields_example_is_taken_wherever_the_field_goes(name):
    example = json.loads(ROWS[name][3].strip("`"))
    tried = 0
    for body, schema in BODIES.items():
        if name not in schema.names:
            continue
        asked = LEAST[body] | BESIDE.get(name, {}) | {name: example}
        if body == "button":
            asked = asked | press(name)
        elif body == "blend" and name == "imageList":
            asked[name] = example * 2
        schema.read(asked | {name: asked[name]})
        tried += 1
    assert tried


def press(name: str) -> dict[str, Any]:
    """The button that a field belongs to, with what else that one needs."""
    whole = {"mask": "https://a.example/1.png", "scale": 1.5, "direction": "left", "promptEn": "x"}
    for button in ("upscale", "region", "zoom", "pan", "remix"):
        needed, allowed = fields_of_button(button)
        wire = {"prompt_en": "promptEn"}
        needed = tuple(wire.get(one, one) for one in needed)
        if name in (*needed, *(wire.get(one, one) for one in allowed)):
            return {"buttonType": button} | {one: whole[one] for one in needed if one != name}
    return {}


def test_every_ratio_is_there_with_the_size_of_a_cell_and_of_the_grid():
    rows = {cells[0].strip("`"): cells[1:] for cells in table("Ratios") if cells[0][1:2].isdigit()}
    assert set(rows) == set(CELL_SIZE_PX)
    for ratio, (cell, whole, becomes) in rows.items():
        assert cell == "×".join(map(str, CELL_SIZE_PX[ratio]))
        cells = [Image.new("RGB", CELL_SIZE_PX[ratio])] * 4
        assert whole == "×".join(map(str, grid(cells).size))
        for asked in re.findall(r"`([\d.]+):([\d.]+)`", becomes):
            assert nearest_ratio(*map(float, asked)) == ratio, asked


def test_every_field_of_a_job_is_there_in_its_order():
    names = [one for cells in table("What a job says") for one in re.findall(r"`(\w+)`", cells[0])]
    schema: Schema = JobSchema()
    assert names == [field.data_key for field in schema.dump_fields.values()]


def test_the_callback_of_the_readme_has_every_field_of_a_job():
    (block,) = (block for block in blocks("json") if block.name == "callback")
    assert list(json.loads(block.text)) == [f.data_key for f in JobSchema().dump_fields.values()]


def test_every_parameter_of_the_list_is_there():
    names = {cells[0].strip("`"): cells[1] for cells in table("Your jobs, in pages")}
    assert set(names) == ListingSchema().names
    assert f"{LIMIT_DEFAULT}" in names["limit"]
