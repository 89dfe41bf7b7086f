"""What the mjproxy engine makes of what callers may ask for, and proof of what it claims."""

from __future__ import annotations

import dataclasses
import io
import re

import pytest
from PIL import Image

from engines.mjproxy.task import task_of
from limner.canvas import panned, zoomed
from limner.engine import Edit, Parent
from limner.errors import EngineBusy, Rejected
from tests.contract.engine_suite import a_brief
from tests.contract.remote_drivers import MJPROXY, AppliesOnAServer, drawn, sent_to

DRIVER = MJPROXY
IMAGINE, ACTION, MODAL = "/mj/submit/imagine", "/mj/submit/action", "/mj/submit/modal"


def sent(server, path=IMAGINE):
    return [asked.json for asked in server.asked_for(path)]


def seeded(brief):
    """A brief whose picture can be had again: the stand-in draws by the prompt if that has a seed."""
    return dataclasses.replace(brief, final_prompt=f"{brief.final_prompt} --seed 11")


class AppliesOnMjServer(AppliesOnAServer):
    names_the_cell = True

    @pytest.fixture
    def brief(self):
        return seeded(a_brief())

    @pytest.fixture
    def sent(self, server):
        def submitted():
            # Each is a task of its own, and which cell is meant is said beside it.
            return [
                (path, re.sub(rb'"taskId": "\d+"', b"", body))
                for path, body in sent_to(server)
                if path.startswith("/mj/submit/")
            ]

        return submitted


class TestWhatNovicezkApplies(AppliesOnMjServer):
    exact = "ar chaos stylize style niji tile references iw negative describe"
    near = "seed size count quality weird draft style_references object_references vary blend"


class TestWhatTrueaiApplies(AppliesOnMjServer):
    faults = ("trueai", "four-urls")
    options = {"buttons": True}
    exact = "ar chaos stylize style niji tile references iw negative describe"
    near = (
        "seed size count quality weird draft style_references object_references vary "
        "upscale_subtle upscale_creative edit blend"
    )


# -- flags ----------------------------------------------------------------------------------------


def test_a_seed_that_was_sent_is_told_for_every_cell(server, build, brief):
    assert drawn(build(), seeded(brief)).seeds == (11, 11, 11, 11)
    assert drawn(build(send_seed=True), brief).seeds == (brief.seeds[0],) * 4
    assert drawn(build(), brief).seeds == ()


def test_a_seed_that_the_server_knows_is_told(server, build, brief):
    server.faults.add("seeds")

    assert drawn(build(), brief).seeds == (4242,) * 4


@pytest.mark.parametrize(
    ("words", "niji", "sent_words"),
    [
        ("a cat --v newest --ar 2:3", False, "a cat --v 8.1 --ar 2:3"),
        ("a cat --niji newest", True, "a cat --niji 8.1"),
        ("a cat", False, "a cat"),
    ],
)
def test_a_version_is_sent_by_the_name_it_has_there(server, build, brief, words, niji, sent_words):
    asked = dataclasses.replace(brief, final_prompt=words, niji=niji, model="8.1")

    drawn(build(), asked)

    assert sent(server)[0]["prompt"] == sent_words


@pytest.mark.parametrize(
    ("words", "applied"),
    [("a cat --sref https://pictures/1.png", {}), ("a cat", {"style_references": "none"})],
)
def test_pictures_for_style_that_have_no_address_are_told_as_ignored(
    build, brief, tmp_path, words, applied
):
    path = tmp_path / "style.png"
    Image.new("RGB", (64, 64), "red").save(path)

    finished = drawn(
        build(), dataclasses.replace(brief, final_prompt=words, style_references=(path,))
    )

    assert finished.applied == applied


# -- buttons of single pictures -------------------------------------------------------------------


def cell_of(engine, brief, tmp_path):
    """The brief of a follow-up of the third cell, less what it asks for."""
    handle = engine.submit(brief)
    finished = drawn(engine, brief, handle)
    path = tmp_path / "cell.png"
    path.write_bytes(finished.cells[2])
    return dataclasses.replace(brief, parent=Parent(path, 2, 0.45, "drawer", handle))


def editing(brief, tmp_path, size, kept):
    Image.new("RGB", size, "grey").save(tmp_path / "canvas.png")
    Image.new("L", size, 255).save(tmp_path / "mask.png")
    edit = Edit(tmp_path / "canvas.png", tmp_path / "mask.png", kept)
    return dataclasses.replace(brief, operation="edit", edit=edit, width=size[0], height=size[1])


CELL = (128, 192)
CHANGES = [
    ("Outpaint::75::1", *zoomed(CELL, 1.5)),
    ("Outpaint::50::1", *zoomed(CELL, 2.0)),
    *((f"JOB::pan_{way}::1", *panned(CELL, way)) for way in ("left", "right", "up", "down")),
    ("Inpaint::1", CELL, None),
]


@pytest.mark.parametrize(("button", "size", "kept"), CHANGES)
def test_an_edit_picks_its_cell_and_presses_the_button_for_it(
    server, build, brief, tmp_path, button, size, kept
):
    server.faults.add("trueai")
    engine = build(buttons=True)
    asked = editing(cell_of(engine, brief, tmp_path), tmp_path, size, kept)

    finished = drawn(engine, asked)

    pick, press = sent(server, ACTION)
    assert pick == {
        "taskId": asked.parent.handle["task"],
        "customId": "MJ::JOB::upsample::3::5f1c",
    }
    assert press["customId"] == f"MJ::{button}::5f1c::SOLO"
    assert press["taskId"] not in (pick["taskId"], None)
    assert Image.open(io.BytesIO(finished.cells[0])).size == size
    masks = [body["maskBase64"][:22] for body in sent(server, MODAL)]
    assert masks == ([] if kept else ["data:image/png;base64,"])


@pytest.mark.parametrize("kind", ["subtle", "creative"])
def test_an_upscaled_picture_is_no_grid(server, build, brief, tmp_path, kind):
    server.faults.add("trueai")
    engine = build(buttons=True)
    asked = dataclasses.replace(
        cell_of(engine, brief, tmp_path), operation="upscale", upscale=kind, width=256, height=384
    )

    finished = drawn(engine, asked)

    assert sent(server, ACTION)[1]["customId"] == f"MJ::JOB::upsample_v7_2x_{kind}::1::5f1c::SOLO"
    (picture,) = finished.cells
    assert Image.open(io.BytesIO(picture)).size == (256, 384)


def test_a_single_picture_is_not_picked_again(server, build, brief, tmp_path):
    server.faults.add("trueai")
    engine = build(buttons=True)
    first = dataclasses.replace(
        cell_of(engine, brief, tmp_path),
        operation="upscale",
        upscale="subtle",
        width=256,
        height=384,
    )
    handle = engine.submit(first)
    drawn(engine, first, handle)
    parent = dataclasses.replace(first.parent, cell=0, handle=handle)

    asked = editing(dataclasses.replace(first, parent=parent, upscale=None), tmp_path, CELL, None)
    drawn(engine, asked)

    picks = [body for body in sent(server, ACTION) if "::upsample::" in body["customId"]]
    assert len(picks) == 1


def test_a_cell_that_is_still_being_picked_is_waited_for(
    server, build, brief, tmp_path, monkeypatch
):
    monkeypatch.setattr("engines.mjproxy.upstream.PICKS_S", 0.05)
    server.faults |= {"trueai", "slow-pick"}
    engine = build(buttons=True)
    asked = editing(cell_of(engine, brief, tmp_path), tmp_path, CELL, None)

    with pytest.raises(EngineBusy):
        engine.submit(asked)


@pytest.mark.parametrize(("fault", "kind"), [("no-zoom", "parameter"), (None, "reference")])
def test_what_cannot_be_pressed_says_why(server, build, brief, tmp_path, fault, kind):
    server.faults |= {"trueai", fault} - {None}
    engine = build(buttons=True)
    asked = editing(cell_of(engine, brief, tmp_path), tmp_path, CELL, None)
    if fault is None:
        server.forget_all()

    with pytest.raises(Rejected) as caught:
        engine.submit(asked)

    assert caught.value.kind == kind


def test_a_server_without_buttons_claims_none(build):
    able = build().capabilities()

    assert (able.edit, able.upscale_subtle, able.upscale_creative) == ("none",) * 3


# -- variations -----------------------------------------------------------------------------------


def test_a_strong_variation_and_new_words_are_asked_for(server, build, brief, tmp_path):
    server.faults.add("trueai")
    engine = build()
    varied = cell_of(engine, brief, tmp_path)
    strong = dataclasses.replace(varied.parent, strength=0.7)
    remixed = dataclasses.replace(varied, prompt="a cat", final_prompt="a cat --ar 2:3")

    drawn(engine, dataclasses.replace(varied, parent=strong))
    drawn(engine, remixed)

    plain, remix = sent(server, ACTION)
    assert (plain.get("strong"), plain.get("enableRemix")) == (True, None)
    assert (remix.get("strong"), remix.get("enableRemix")) == (None, True)
    assert [body["prompt"] for body in sent(server, MODAL)] == ["a cat --ar 2:3"]


def test_without_buttons_new_words_are_drawn_from_the_picture(server, build, brief, tmp_path):
    engine = build()
    varied = cell_of(engine, seeded(brief), tmp_path)

    drawn(engine, dataclasses.replace(varied, prompt="a cat", final_prompt="a cat"))
    # A follow-up has no seed: these are the same words.
    drawn(engine, dataclasses.replace(varied, final_prompt=brief.final_prompt))

    assert [body["prompt"] for body in sent(server)][1:] == ["a cat"]
    assert len(sent(server)[1]["base64Array"]) == 1
    assert len(sent(server, "/mj/submit/change")) == 1


# -- blending and describing ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "shape"),
    [((128, 192), "PORTRAIT"), ((136, 128), "SQUARE"), ((192, 128), "LANDSCAPE")],
)
def test_a_blend_has_the_nearest_of_three_shapes(server, build, brief, tmp_path, size, shape):
    paths = []
    for colour in ("red", "navy"):
        paths.append(tmp_path / f"{colour}.png")
        Image.new("RGB", (64, 64), colour).save(paths[-1])
    asked = dataclasses.replace(
        brief, operation="blend", references=tuple(paths), width=size[0], height=size[1]
    )

    finished = drawn(build(), asked)

    (body,) = sent(server, "/mj/submit/blend")
    assert (body["dimensions"], len(body["base64Array"])) == (shape, 2)
    assert {Image.open(io.BytesIO(cell)).size for cell in finished.cells} == {size}


@pytest.mark.parametrize("fault", [None, "bare"])
def test_the_four_prompts_of_a_description_are_read(server, build, brief, tmp_path, fault):
    server.faults |= {fault} - {None}
    path = tmp_path / "picture.png"
    Image.new("RGB", (64, 64), "red").save(path)

    finished = drawn(build(), dataclasses.replace(brief, operation="describe", references=(path,)))

    assert finished.prompts == tuple(f"a picture, way {number}" for number in range(1, 5))
    (body,) = sent(server, "/mj/submit/describe")
    assert body["base64"].startswith("data:image/png;base64,")


def test_a_drawings_own_prompt_is_no_description():
    assert task_of({"id": "1", "action": "IMAGINE", "promptEn": "a cat"}).prompts == ()
