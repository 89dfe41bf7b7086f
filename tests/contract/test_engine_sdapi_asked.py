"""What the sdapi engine makes of what callers may ask for, and proof of what it claims."""

from __future__ import annotations

import base64
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from limner.engine import Edit, Parent
from limner.errors import EngineError, Refused
from tests.contract.remote_drivers import SDAPI, AppliesOnAServer, drawn
from tests.standins.sdapi import UPSCALER

DRIVER = SDAPI
TXT2IMG, IMG2IMG = "/sdapi/v1/txt2img", "/sdapi/v1/img2img"
EXTRA, INTERROGATE = "/sdapi/v1/extra-single-image", "/sdapi/v1/interrogate"
NIJI, SEVEN = "anything", "random"


class TestWhatA1111Applies(AppliesOnAServer):
    options = {"upscaler": UPSCALER, "niji_checkpoint": NIJI}
    exact = "ar niji tile negative seed size count vary upscale_subtle edit"
    near = "chaos stylize style references iw quality draft upscale_creative blend describe"


class TestWhatSDNextApplies(AppliesOnAServer):
    faults = ("sdnext",)
    options = {"upscaler": UPSCALER}
    exact = "ar tile negative seed size count vary upscale_subtle edit"
    near = "stylize style niji references iw quality draft upscale_creative blend describe"


class TestWhatSdServerApplies(AppliesOnAServer):
    faults = ("sd-server",)
    exact = "ar negative seed size count vary edit"
    near = "stylize style niji references iw quality draft upscale_subtle upscale_creative blend"


def asked_of(server, path=TXT2IMG):
    return [asked.json for asked in server.asked_for(path)]


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def a_picture(path, size=(128, 192), left="navy", right="orange"):
    picture = Image.new("RGB", size, left)
    picture.paste(right, (size[0] // 2, 0, *size))
    picture.save(path)
    return path


# -- seeds and counts -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["a1111", "sdnext", "sd-server"])
@pytest.mark.parametrize("batch", [True, False])
def test_a_seed_gives_its_picture_alone_and_among_others(server, build, brief, kind, batch):
    server.faults.add(kind)
    engine = build(batch=batch)
    for seeds in (brief.seeds, (7, 8, 9, 10)):
        four = drawn(engine, dataclasses.replace(brief, seeds=seeds))
        assert four.seeds == seeds
        assert len(set(four.cells)) == 4
        for cell, seed in enumerate(seeds):
            alone = drawn(engine, dataclasses.replace(brief, seeds=(seed,)))
            assert (alone.cells, alone.seeds) == ((four.cells[cell],), (seed,))
    assert four.applied == {}


@pytest.mark.parametrize(
    ("seeds", "sizes"),
    [
        ((5,), [1]),
        ((5, 6), [2]),
        ((5, 6, 7, 8), [4]),
        ((4294967294, 4294967295, 0, 1), [2, 2]),
        ((5, 7, 6), [1, 1, 1]),
    ],
)
def test_seeds_that_follow_each_other_are_drawn_in_one_request(server, build, brief, seeds, sizes):
    finished = drawn(build(), dataclasses.replace(brief, seeds=seeds))

    assert [body["batch_size"] for body in asked_of(server)] == sizes
    assert finished.seeds == seeds
    assert len(finished.cells) == len(seeds)


def test_chaos_tells_what_it_costs_the_seed_and_that_one_picture_has_none(server, build, brief):
    engine = build()
    chaotic = dataclasses.replace(brief, chaos=50.0)
    assert drawn(engine, chaotic).applied == {"seed": "near"}
    alone = drawn(engine, dataclasses.replace(chaotic, seeds=(11,)))
    assert alone.applied == {"chaos": "none"}
    assert "subseed" not in asked_of(server)[-1]


# -- parameters -----------------------------------------------------------------------------------


def test_negative_words_change_the_picture_where_there_is_guidance(server, build, brief):
    brief = dataclasses.replace(brief, seeds=(5,))
    without = dataclasses.replace(brief, negative="people")
    guided, distilled = build(), build(cfg=1.0)
    assert guided.capabilities().negative == "exact"
    assert drawn(guided, brief).cells != drawn(guided, without).cells
    assert distilled.capabilities().negative == "none"
    assert drawn(distilled, brief).cells == drawn(distilled, without).cells


def test_quality_multiplies_the_steps_and_a_draft_takes_few(server, build, brief):
    engine, asked = build(), dataclasses.replace(brief, seeds=(5,))
    for change in ({"quality": 0.25}, {"quality": 4}, {"draft": True}, {}):
        drawn(engine, dataclasses.replace(asked, **change))
    drawn(build(steps=100), dataclasses.replace(asked, quality=4))

    assert [body["steps"] for body in asked_of(server)] == [5, 80, 6, 20, 150]
    assert engine.capabilities().draft == "near"
    assert build(steps=4).capabilities().draft == "none"


@pytest.mark.parametrize("size", [(264, 512), (2048, 256), (1000, 808)])
def test_sizes_are_exact_and_the_servers_own_rounding_is_told(server, build, brief, size):
    asked = dataclasses.replace(brief, seeds=(5,), width=size[0], height=size[1])
    engine = build()
    plain = drawn(engine, asked)
    server.faults.add("size-drift")
    rounded = drawn(engine, asked)

    for finished in (plain, rounded):
        assert pixels(*finished.cells).shape == (size[1], size[0], 3)
    assert (asked_of(server)[0]["width"], asked_of(server)[0]["height"]) == size
    assert plain.applied == {}
    assert rounded.applied == {"size": "near"}
    assert rounded.notes["drawn"] == [f"{size[0] + 24}x{size[1] + 64}"]


def test_a_large_size_is_not_drawn_larger_still(server, build, brief):
    drawn(build(scale=4.0), dataclasses.replace(brief, seeds=(5,), width=2048, height=1024))

    (body,) = asked_of(server)
    assert body["width"] * body["height"] <= 4 * 1024 * 1024
    assert (body["width"], body["height"]) == (2048, 1024)


def test_a_version_is_drawn_by_its_checkpoint_which_is_restored(server, build, brief):
    engine = build(niji_checkpoint=NIJI)
    plain = dataclasses.replace(brief, seeds=(5,))
    seven = dataclasses.replace(plain, model=SEVEN, niji=True)

    finished = drawn(engine, seven)

    (body,) = asked_of(server)
    assert body["override_settings"] == {"sd_model_checkpoint": SEVEN}
    assert body["override_settings_restore_afterwards"] is True
    assert finished.applied == {"niji": "near"}
    assert (
        drawn(engine, dataclasses.replace(plain, model=SEVEN)).cells != drawn(engine, plain).cells
    )


def test_a_version_whose_checkpoint_is_missing_is_the_operators_matter(server, build, brief):
    engine = build()
    with pytest.raises(Refused, match="gone") as raised:
        engine.submit(dataclasses.replace(brief, model="gone"))
    assert raised.value.kind == "setup"
    server.faults.add("sd-server")
    blind = drawn(build(), dataclasses.replace(brief, model="gone"))
    assert blind.applied == {"version": "none"}
    assert "override_settings" not in asked_of(server)[-1]


# -- operations -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["a1111", "sdnext", "sd-server"])
def test_a_part_is_redrawn_and_the_rest_is_kept(server, build, brief, tmp_path, kind):
    server.faults.add(kind)
    canvas = a_picture(tmp_path / "canvas.png")
    mask = a_picture(tmp_path / "mask.png", left="black", right="white")
    engine = build()
    asked = dataclasses.replace(brief, operation="edit", edit=Edit(canvas, mask), seeds=(5,))

    result = pixels(*drawn(engine, asked).cells)
    other = pixels(*drawn(engine, dataclasses.replace(asked, prompt="a harbour")).cells)

    assert (result[:, :64] == pixels(canvas.read_bytes())[:, :64]).all()
    assert not (result[:, 64:] == other[:, 64:]).all()
    body = asked_of(server, IMG2IMG)[0]
    assert {"mask_blur", "inpainting_fill", "inpainting_mask_invert"} <= set(body)
    assert engine.capabilities().edit == "exact"


def test_beside_a_kept_picture_the_canvas_has_its_colours(server, build, brief, tmp_path):
    canvas = Image.new("RGB", (192, 192), "black")
    canvas.paste("orange", (0, 0, 128, 192))
    canvas.save(tmp_path / "canvas.png")
    mask = Image.new("L", (192, 192), 255)
    mask.paste(0, (0, 0, 128, 192))
    mask.save(tmp_path / "mask.png")
    edit = Edit(tmp_path / "canvas.png", tmp_path / "mask.png", (0, 0, 128, 192))

    drawn(
        build(),
        dataclasses.replace(brief, operation="edit", edit=edit, width=192, seeds=(5,)),
    )

    (body,) = asked_of(server, IMG2IMG)
    start = pixels(base64.b64decode(body["init_images"][0]))
    assert np.abs(start - np.array([255, 165, 0])).max() <= 4


@pytest.mark.parametrize(("kind", "strength"), [("subtle", 0.15), ("creative", 0.3)])
def test_an_upscale_without_an_upscaler_starts_from_the_enlarged_picture(
    server, build, brief, tmp_path, kind, strength
):
    parent = Parent(a_picture(tmp_path / "cell.png"), 0)
    asked = dataclasses.replace(
        brief, operation="upscale", upscale=kind, parent=parent, width=256, height=384, seeds=(5,)
    )
    engine = build(upscaler="not there")

    assert pixels(*drawn(engine, asked).cells).shape == (384, 256, 3)
    assert asked_of(server, IMG2IMG)[0]["denoising_strength"] == strength
    assert engine.capabilities().upscale_subtle == "near"


def test_a_subtle_upscale_is_the_servers_upscalers(server, build, brief, tmp_path):
    parent = Parent(a_picture(tmp_path / "cell.png"), 0)
    asked = dataclasses.replace(
        brief,
        operation="upscale",
        upscale="subtle",
        parent=parent,
        width=256,
        height=384,
        seeds=(5,),
    )
    engine = build(upscaler=UPSCALER)

    result = pixels(*drawn(engine, asked).cells)

    (body,) = asked_of(server, EXTRA)
    assert body["upscaler_1"] == UPSCALER
    assert result.shape == (384, 256, 3)
    assert not asked_of(server, IMG2IMG)
    assert engine.capabilities().upscale_subtle == "exact"


def test_a_blend_takes_from_every_picture(server, build, brief, tmp_path):
    pictures = (
        a_picture(tmp_path / "a.png", left="red", right="red"),
        a_picture(tmp_path / "b.png", left="blue", right="blue"),
    )
    drawn(build(), dataclasses.replace(brief, operation="blend", references=pictures, seeds=(5,)))

    start = pixels(base64.b64decode(asked_of(server, IMG2IMG)[0]["init_images"][0]))
    assert np.abs(start - np.array([127, 0, 127])).max() <= 1


@pytest.mark.parametrize("faults", [(), ("no-deepdanbooru",), ("no-clip",), ("sdnext",)])
def test_a_picture_is_described_in_four_different_prompts(server, build, brief, tmp_path, faults):
    server.faults |= set(faults)
    engine = build()
    asked = dataclasses.replace(
        brief, operation="describe", references=(a_picture(tmp_path / "a.png"),)
    )

    said = drawn(engine, asked)

    assert said.cells == ()
    assert len({prompt.casefold() for prompt in said.prompts}) == 4
    assert engine.capabilities().describe == "near"


def test_a_server_whose_models_say_nothing_cannot_describe(server, build, brief, tmp_path):
    server.faults |= {"no-clip", "no-deepdanbooru"}
    asked = dataclasses.replace(
        brief, operation="describe", references=(a_picture(tmp_path / "a.png"),)
    )
    with pytest.raises(EngineError) as raised:
        drawn(build(), asked)
    assert type(raised.value) is EngineError


def test_sd_server_promises_no_description_and_no_upscaler(server, build):
    server.faults.add("sd-server")
    can = build(upscaler=UPSCALER).capabilities()
    assert (can.describe, can.upscale_subtle, can.edit) == ("none", "near", "exact")
    assert (can.style_references, can.object_references) == ("none", "none")


def test_a_handle_of_before_is_watched_to_the_end(build, brief):
    former = {"engine": "drawer", "task": f"limner-{brief.job_id}-0"}

    assert len(drawn(build(), brief, handle=former).cells) == 4
