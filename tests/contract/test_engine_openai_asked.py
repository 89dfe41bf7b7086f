"""What the openai engine makes of what callers may ask for, and proof of what it claims."""

from __future__ import annotations

import dataclasses
import io

import pytest
from PIL import Image

from engines.openai.manner import OpenAIManner
from engines.openai.sizes import drawn_size
from limner.engine import Edit, Parent
from limner.errors import BadResult, Refused, Rejected
from tests.contract.engine_suite import a_brief
from tests.contract.remote_drivers import OPENAI, AppliesOnAServer, drawn
from tests.standins.openai import form_of

DRIVER = OPENAI
GENERATIONS, EDITS, CHAT = (
    "/v1/images/generations",
    "/v1/images/edits",
    "/v1/chat/completions",
)


class TestWhatOpenAIApplies(AppliesOnAServer):
    options = {"vision_model": "gpt-text"}
    exact = "count describe"
    near = (
        "ar chaos stylize style niji references negative size quality weird draft "
        "style_references object_references vary edit blend"
    )


class TestWhatOpenAIAppliesWithSeeds(AppliesOnAServer):
    options = {"seeds": "field", "sizes": [], "vision_model": "gpt-text"}
    exact = "ar seed size count describe"
    near = (
        "chaos stylize style niji references negative quality weird draft style_references "
        "object_references vary edit blend"
    )


class TestWhatSdServerApplies(AppliesOnAServer):
    faults = ("sd-server", "json-only")
    options = {"seeds": "sd-server", "sizes": [], "scale": 1.0}
    exact = "ar negative seed size count"
    near = (
        "chaos stylize style niji references quality weird draft style_references "
        "object_references vary edit blend"
    )


def fields_of(server):
    return [asked.json for asked in server.asked_for(GENERATIONS)]


def painted(path, colour, size=(128, 192)):
    Image.new("RGB", size, colour).save(path)
    return path


# -- fields ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "asked", "word"),
    [
        ({}, {}, None),
        ({"quality": "auto"}, {}, "auto"),
        ({"quality": "auto"}, {"quality": 1.0}, "auto"),
        ({}, {"quality": 0.25}, "low"),
        ({}, {"quality": 0.5}, "low"),
        ({"quality": "auto"}, {"quality": 2.0}, "high"),
        ({}, {"quality": 4.0}, "high"),
        ({"quality": "high"}, {"quality": 4.0, "draft": True}, "low"),
        ({"qualities": ["standard", "hd"]}, {"quality": 4.0}, "hd"),
        ({"qualities": []}, {"quality": 4.0, "draft": True}, None),
        ({"model": "sdxl"}, {"quality": 4.0}, None),
    ],
)
def test_quality_and_draft_become_a_word_of_the_model(server, build, brief, options, asked, word):
    server.models = []

    drawn(build(**options), dataclasses.replace(brief, **asked))

    assert {fields.get("quality") for fields in fields_of(server)} == {word}


def test_a_version_is_the_model_that_draws(server, build, brief):
    drawn(build(), dataclasses.replace(brief, model="gpt-image-2"))

    assert {fields["model"] for fields in fields_of(server)} == {"gpt-image-2"}


@pytest.mark.parametrize(
    ("weird", "words"), [(0.0, ""), (200.0, "slightly odd"), (2000.0, "surreal")]
)
def test_weird_is_asked_for_in_words(server, build, brief, weird, words):
    drawn(build(), dataclasses.replace(brief, weird=weird))

    prompts = [fields["prompt"] for fields in fields_of(server)]
    assert all(words in prompt for prompt in prompts)
    assert weird or set(prompts) == {brief.prompt}


def test_a_size_that_the_server_refuses_is_its_callers_matter(server, build, brief):
    server.faults.add("bad-size")
    engine = build(sizes=[])

    with pytest.raises(Rejected):
        drawn(engine, dataclasses.replace(brief, width=256, height=2048))
    with pytest.raises(Refused):
        drawn(engine, dataclasses.replace(brief, width=512, height=512))


def test_a_size_that_the_server_did_not_draw_is_told(server, build, brief):
    server.faults.add("size-drift")

    finished = drawn(build(sizes=[]), brief)

    assert finished.applied == {"ar": "near", "size": "near"}


@pytest.mark.parametrize(
    ("cell", "limits", "size"),
    [
        ((512, 512), {}, (1024, 1024)),
        ((1000, 808), {}, (2000, 1616)),
        ((512, 512), {"scale": 1.0}, (512, 512)),
        ((200, 136), {"scale": 1.0}, (400, 272)),
        ((256, 256), {"pixels": (655_360, 8_294_400)}, (816, 816)),
        ((2048, 2048), {}, (2880, 2880)),
        ((2048, 1024), {"ratio_most": 3.0}, (3840, 1920)),
        # No size of this ratio is within the limits: the nearest, of which a little is cut off.
        ((2048, 2040), {}, (2880, 2864)),
        ((256, 2048), {"ratio_most": 3.0}, (1280, 3840)),
        ((256, 2048), {"pixels": (655_360, 8_294_400), "ratio_most": 3.0, "scale": 0.5}, None),
    ],
)
def test_a_model_of_any_size_is_asked_for_one_within_its_limits(cell, limits, size):
    manner = OpenAIManner("gpt-image-2", **limits)

    found = drawn_size(a_brief(width=cell[0], height=cell[1]), manner)

    assert size is None or found == size
    assert all(side % 16 == 0 for side in found)
    assert manner.pixels[0] <= found[0] * found[1] <= manner.pixels[1]
    assert max(found) <= manner.longest_px


# -- pictures -------------------------------------------------------------------------------------


def test_an_edit_sends_the_canvas_and_a_mask_that_is_transparent_where_to_draw(
    server, build, brief, tmp_path
):
    mask = Image.new("L", (128, 192), 0)
    mask.paste(255, (0, 0, 64, 192))
    mask.save(tmp_path / "mask.png")
    edit = Edit(painted(tmp_path / "canvas.png", "red"), tmp_path / "mask.png")

    drawn(
        build(sizes=[]),
        dataclasses.replace(brief, operation="edit", edit=edit, seeds=brief.seeds[:1]),
    )

    (form,) = (form_of(asked) for asked in server.asked_for(EDITS))
    (canvas,), (sent,) = form["image[]"], form["mask"]
    assert Image.open(io.BytesIO(canvas)).size == (256, 384)
    sent = Image.open(io.BytesIO(sent))
    assert (sent.size, sent.mode) == ((256, 384), "RGBA")
    # White for servers that look at colours, transparent for those that look at that.
    assert sent.getpixel((10, 10)) == (255, 255, 255, 0)
    assert sent.getpixel((250, 10)) == (0, 0, 0, 255)
    assert "masked part" in form["prompt"]


@pytest.mark.parametrize("sizes", [["128x128"], ["192x128"], []])
def test_a_canvas_of_another_ratio_stays_where_it_is(server, build, brief, tmp_path, sizes):
    server.faults.add("unchanged")
    canvas = Image.new("RGB", (128, 192), "black")
    canvas.paste("white", (0, 0, 32, 48))
    canvas.save(tmp_path / "canvas.png")
    Image.new("L", (128, 192), 0).save(tmp_path / "mask.png")
    edit = Edit(tmp_path / "canvas.png", tmp_path / "mask.png")

    finished = drawn(build(sizes=sizes), dataclasses.replace(brief, operation="edit", edit=edit))

    cell = Image.open(io.BytesIO(finished.cells[0])).convert("RGB")
    assert cell.size == canvas.size
    for corner in ((2, 2), (28, 44)):
        assert min(cell.getpixel(corner)) > 200
    for beyond in ((36, 4), (4, 52), (126, 190)):
        assert max(cell.getpixel(beyond)) < 55


def test_pictures_for_style_and_things_follow_those_to_start_from(server, build, brief, tmp_path):
    style, thing, parent = (painted(tmp_path / f"{c}.png", c) for c in ("red", "navy", "gold"))
    asked = dataclasses.replace(
        brief,
        parent=Parent(parent, 0, 0.45),
        style_references=(style, style),
        object_references=(thing,),
    )

    drawn(build(), asked)

    form = form_of(server.asked_for(EDITS)[0])
    assert form["image[]"][1:] == [style.read_bytes()] * 2 + [thing.read_bytes()]
    assert "in the style of pictures 2 to 3" in form["prompt"]
    assert "with what is shown in picture 4" in form["prompt"]


def test_no_more_pictures_are_sent_than_the_model_takes(server, build, brief, tmp_path):
    pictures = tuple(painted(tmp_path / f"{n}.png", "red") for n in range(3))
    engine = build(pictures_most=2)

    finished = drawn(
        engine, dataclasses.replace(brief, references=pictures, style_references=pictures)
    )

    form = form_of(server.asked_for(EDITS)[0])
    assert len(form["image[]"]) == 2
    assert "style" not in form["prompt"]
    assert finished.applied == {"style_references": "none"}
    with pytest.raises(Rejected, match="at most 2"):
        drawn(engine, dataclasses.replace(brief, operation="blend", references=pictures))
    assert build(pictures_most=1).capabilities().blend == "none"


def test_a_server_without_edits_claims_nothing_that_needs_them(build):
    able = build(edits=False).capabilities()

    claimed = (able.references, able.vary, able.edit, able.blend)
    assert claimed == ("none",) * 4
    assert (able.style_references, able.object_references) == ("none", "none")


# -- describing -----------------------------------------------------------------------------------


def describing(brief, tmp_path):
    picture = painted(tmp_path / "picture.png", "red")
    return dataclasses.replace(brief, operation="describe", references=(picture,))


@pytest.mark.parametrize("fault", [None, "in-lines"])
def test_a_model_that_sees_gives_four_prompts(server, build, brief, tmp_path, fault):
    server.faults |= {fault} - {None}

    finished = drawn(build(vision_model="gpt-text"), describing(brief, tmp_path))

    assert finished.prompts == tuple(f"a picture, way {number}" for number in range(1, 5))
    (asked,) = server.asked_for(CHAT)
    assert asked.json["model"] == "gpt-text"
    assert not server.drawn


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("thrice", BadResult),
        ("says-nothing", BadResult),
        ("moderated", Rejected),
        ("no-model", Refused),
    ],
)
def test_a_description_that_fails_says_what_to_do(server, build, brief, tmp_path, fault, error):
    server.faults.add(fault)

    with pytest.raises(error):
        drawn(build(vision_model="gpt-text"), describing(brief, tmp_path))


def test_a_server_without_such_a_model_describes_nothing(build, brief, tmp_path):
    engine = build()

    assert engine.capabilities().describe == "none"
    with pytest.raises(Rejected):
        drawn(engine, describing(brief, tmp_path))
