"""What the ComfyUI engine makes of what callers may ask for, and proof of what it claims."""

from __future__ import annotations

import io
import json
import threading

import pytest
from PIL import Image, ImageChops, ImageDraw

import engines
from engines.comfyui.graph import GROW_PX
from limner.engine import Edit, Finished, Parent
from limner.errors import EngineDown, Refused, Rejected
from tests.contract.engine_suite import a_brief
from tests.contract.remote_drivers import COMFYUI as DRIVER
from tests.contract.remote_drivers import AppliesOnAServer, drawn
from tests.standins.comfyui import Comfy

UPSCALER, PRESET = "4x-sharp.pth", "STANDARD (medium strength)"


@pytest.fixture
def engine(build):
    return build()


def cells(finished):
    pictures = [Image.open(io.BytesIO(cell)).convert("RGB") for cell in finished.cells]
    for picture in pictures:
        # Their graphs differ where only the pixels are looked at.
        picture.info.clear()
    return pictures


def cell(engine, **asked):
    (picture,) = cells(drawn(engine, a_brief(**{"seeds": (7,), **asked})))
    return picture


def sent(server):
    """The inputs of the newest graph's nodes, by class."""
    found: dict[str, list[dict]] = {}
    for node in list(server.prompts.values())[-1]["prompt"].values():
        found.setdefault(node["class_type"], []).append(node["inputs"])
    return found


def saved(tmp_path, name, image):
    image.save(tmp_path / name)
    return tmp_path / name


@pytest.fixture
def parent(tmp_path):
    return Parent(saved(tmp_path, "parent.png", Image.linear_gradient("L").convert("RGB")), cell=1)


@pytest.fixture
def canvas(tmp_path):
    """A canvas of 128x192 of which the middle is to be drawn."""
    mask = Image.new("L", (128, 192))
    ImageDraw.Draw(mask).rectangle((32, 48, 95, 143), fill=255)
    gradient = Image.linear_gradient("L").convert("RGB").resize((128, 192))
    return Edit(saved(tmp_path, "canvas.png", gradient), saved(tmp_path, "mask.png", mask))


class TestWhatComfyUIApplies(AppliesOnAServer):
    seam_px = GROW_PX
    exact = "ar niji tile negative seed size count vary upscale_subtle upscale_creative edit"
    near = "chaos stylize style references iw quality weird draft blend"
    #: only the pixels count: there is a graph in each picture
    same_within = 0.0
    options = {"upscale_model": UPSCALER, "niji_checkpoint": "anime.safetensors"}

    @pytest.fixture
    def server(self):
        with Comfy(tile=True) as server:
            yield server


class TestWhatComfyUIAppliesInBatches(AppliesOnAServer):
    seam_px = GROW_PX
    exact = "ar negative size count vary upscale_creative edit"
    near = "stylize style niji references iw seed quality weird draft blend"
    same_within = 0.0
    options = {"batch": True}


# -- parameters ---------------------------------------------------------------------------------


def test_the_same_seed_draws_the_same_picture_and_another_one_another(engine):
    first, again = (drawn(engine, a_brief(job_id=c * 32, seeds=(7,))) for c in "ab")

    assert first.cells == again.cells
    assert first.seeds == (7,)
    assert cell(engine, seeds=(8,)) != cell(engine)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("batch", [False, True])
def test_as_many_cells_are_drawn_as_there_are_seeds(server, build, count, batch):
    finished = drawn(build(batch=batch), a_brief(seeds=(7, 8, 9, 10)[:count]))

    assert len(finished.cells) == len(finished.seeds) == count
    assert list(server.ledger.values()) == [count]


def test_a_cell_of_four_is_drawn_again_by_its_seed_alone(engine):
    four = drawn(engine, a_brief())

    assert cell(engine, seeds=four.seeds[2:3]) == cells(four)[2]


def test_a_negative_prompt_changes_the_picture_unless_the_guidance_is_one(build):
    for cfg, level in ((7.0, "exact"), (1.0, "none")):
        engine = build(cfg=cfg)
        assert engine.capabilities().negative == level
        assert (cell(engine) != cell(engine, negative="fog")) == (level == "exact")


def test_any_size_is_drawn_by_the_model_itself(server, engine):
    assert cell(engine, width=264, height=1032).size == (264, 1032)

    (latent,) = sent(server)["EmptyLatentImage"]
    assert (latent["width"], latent["height"]) == (264, 1032)
    assert engine.capabilities().size == "exact"


def test_a_version_is_drawn_by_its_model(server, engine):
    assert cell(engine, model="flux.safetensors") != cell(engine)

    drawn(engine, a_brief(model="flux.safetensors"))
    assert [node["ckpt_name"] for node in sent(server)["CheckpointLoaderSimple"]] == [
        "flux.safetensors"
    ]


def test_a_version_that_the_server_lacks_fails_the_job_and_not_the_engine(engine):
    with pytest.raises(Rejected, match="version") as caught:
        engine.submit(a_brief(model="gone.safetensors"))

    assert caught.value.kind == "parameter"
    assert engine.health().state == "ok"


def test_the_engines_own_model_is_missed_by_the_engine_even_if_it_is_a_version(build):
    with pytest.raises(Refused):
        build(checkpoint="gone.safetensors").submit(a_brief())


def test_references_of_style_and_object_go_through_the_adapter(parent):
    asked = {"style_references": (parent.picture,) * 2, "object_references": (parent.picture,)}
    with Comfy(adapter=True) as server:
        engine = engines.load(DRIVER.entry(server.url, ip_adapter=PRESET))
        able = engine.capabilities()
        plain = cell(engine)

        styled = cell(engine, **asked, style_weight=50)

        assert able.style_references == able.object_references == "near"
        weights = {node["weight_type"]: node["weight"] for node in sent(server)["IPAdapter"]}
        assert weights == {"style transfer": 0.5, "standard": 1.0}
        assert styled != plain
        engine.close()


def test_without_an_adapter_they_are_ignored_and_that_is_said(server, build, parent):
    for options in ({}, {"ip_adapter": PRESET}):
        engine = build(**options)
        assert engine.capabilities().style_references == "none"
        assert cell(engine, style_references=(parent.picture,)) == cell(engine)


# -- operations ---------------------------------------------------------------------------------


def test_a_variation_departs_as_far_as_is_asked(engine, parent):
    kept, left = (cell(engine, parent=Parent(parent.picture, 1, strength=s)) for s in (0.1, 0.9))

    plain = cell(engine)
    assert distance(left, plain) < distance(kept, plain)


def distance(one, other):
    return sum(ImageChops.difference(one, other).convert("L").tobytes())


@pytest.mark.parametrize("kept", [None, (32, 48, 96, 144)])
def test_an_edit_draws_where_the_mask_is_white_and_nowhere_else(build, canvas, tmp_path, kept):
    engine = build()
    mask = Image.open(canvas.mask)
    if kept:
        mask = ImageChops.invert(mask)
    edit = Edit(canvas.canvas, saved(tmp_path, "white.png", mask), kept)

    edited = cell(engine, operation="edit", edit=edit)

    changed = ImageChops.difference(edited, Image.open(canvas.canvas)).convert("L")
    changed = changed.point(lambda value: 255 if value else 0)
    # Around a picture, the sampler may go a few pixels into it; the worker puts those back.
    edge = Image.new("L", mask.size)
    if kept:
        ImageDraw.Draw(edge).rectangle((40, 56, 87, 135), fill=255)
    else:
        edge = ImageChops.invert(mask)
    assert not ImageChops.multiply(changed, edge).getbbox()
    assert ImageChops.multiply(changed, mask).getbbox() == mask.getbbox()
    assert engine.capabilities().edit == "exact"


def test_an_edit_is_drawn_with_its_own_denoising(server, engine, canvas):
    around = Edit(canvas.canvas, canvas.mask, (0, 0, 64, 64))
    for edit, denoise in ((canvas, 0.9), (around, 1.0)):
        drawn(engine, a_brief(seeds=(7,), operation="edit", edit=edit))
        assert [sampler["denoise"] for sampler in sent(server)["KSampler"]] == [denoise]


def test_a_subtle_upscale_takes_the_model_and_no_sampler(server, build, parent):
    engine = build(upscale_model=UPSCALER)
    brief = a_brief(
        width=520, height=520, seeds=(7,), operation="upscale", upscale="subtle", parent=parent
    )

    finished = drawn(engine, brief)

    assert engine.capabilities().upscale_subtle == "exact"
    assert [picture.size for picture in cells(finished)] == [(520, 520)]
    assert finished.seeds == ()
    assert finished.applied["seed"] == finished.applied["negative"] == "none"
    assert list(server.ledger.values()) == [0]


@pytest.mark.parametrize("options", [{}, {"upscale_model": "gone.pth"}])
def test_without_an_upscale_model_there_is_no_subtle_upscale(build, parent, options):
    engine = build(**options)

    assert engine.capabilities().upscale_subtle == "none"
    with pytest.raises(Rejected, match="enlarge"):
        engine.submit(a_brief(operation="upscale", upscale="subtle", parent=parent))


@pytest.mark.parametrize("model", [None, UPSCALER])
def test_a_creative_upscale_redraws_a_little_at_the_new_size(server, build, parent, model):
    asked = {"operation": "upscale", "upscale": "creative", "parent": parent}

    picture = cell(build(upscale_model=model), width=520, height=520, **asked)

    assert picture.size == (520, 520)
    assert [sampler["denoise"] for sampler in sent(server)["KSampler"]] == [0.3]
    assert ("ImageUpscaleWithModel" in sent(server)) == bool(model)


def test_a_blend_starts_from_the_mean_of_its_pictures(server, engine, tmp_path):
    shades = [saved(tmp_path, f"{c}.png", Image.new("RGB", (64, 64), c)) for c in ("red", "lime")]

    cell(engine, operation="blend", references=tuple(shades), prompt="")

    (upload,) = server.uploads.values()
    blended = Image.open(io.BytesIO(upload))
    assert (blended.size, blended.getpixel((9, 9))) == ((128, 192), (127, 127, 0))
    assert engine.capabilities().blend == "near"


def test_an_operation_that_a_server_cannot_do_is_not_promised(server, build, canvas):
    del server.nodes["SetLatentNoiseMask"]
    engine = build()

    assert engine.capabilities().edit == "none"
    assert engine.capabilities().describe == "none"
    with pytest.raises(Rejected):
        engine.submit(a_brief(operation="edit", edit=canvas))


def test_an_operation_waits_for_a_server_that_cannot_be_asked(server, build, canvas):
    server.faults.add("unavailable")

    with pytest.raises(EngineDown):
        build().submit(a_brief(operation="edit", edit=canvas))


# -- handles of the releases before -------------------------------------------------------------


def test_a_handle_of_a_former_release_is_watched_to_its_end(engine):
    handle = dict(engine.submit(a_brief()))
    del handle["count"], handle["applied"]

    *_, last = engine.watch(json.loads(json.dumps(handle)), a_brief(), threading.Event())

    assert isinstance(last, Finished)
    assert len(last.cells) == 4
    assert last.seeds == (11, 22, 33, 44)
