"""Follow-ups of sketch: upscales, zoom and pan, regions, blends and descriptions."""

from __future__ import annotations

import io
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from engines import load
from engines.sketch.order import Order
from engines.sketch.painter import paint
from limner.engine import Brief, Edit, Parent
from limner.settings import EngineSettings, LaneLimits

WORDS = "a castle by the sea, mountains, sunset"
SEED = 5


@pytest.fixture(scope="module")
def engine():
    engine = load(EngineSettings("sketch", "sketch", fast=LaneLimits(2, 0.0)))
    yield engine
    engine.close()


@pytest.fixture
def parent(tmp_path):
    """A drawing, as its order and the path of its picture."""
    order = Order(WORDS, 128, 128, seeds=(SEED,))
    Image.fromarray(paint(order, 0)).save(tmp_path / "parent.png")
    return order, tmp_path / "parent.png"


def apart(first, second) -> float:
    return float(np.abs(np.asarray(first, float) - np.asarray(second, float)).mean())


def a_canvas(picture, size, kept, folder) -> Edit:
    """The parent's picture on a larger ground, and the mask of the rest."""
    canvas, mask = Image.new("RGB", size), Image.new("L", size, 255)
    small = Image.open(picture).resize((kept[2] - kept[0], kept[3] - kept[1]))
    canvas.paste(small, kept[:2])
    mask.paste(0, kept)
    canvas.save(folder / "canvas.png")
    mask.save(folder / "mask.png")
    return Edit(folder / "canvas.png", folder / "mask.png", kept)


def a_brief(**changes) -> Brief:
    return replace(Brief("0f", WORDS, WORDS, "", 128, 128, (77,)), **changes)


def finished(engine, brief):
    *_, last = engine.watch(engine.submit(brief), brief, threading.Event())
    return last


def pixels(engine, brief) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(finished(engine, brief).cells[0])))


@pytest.mark.parametrize("kind", ["subtle", "creative"])
def test_an_upscale_is_the_same_picture_larger_and_no_resize(engine, parent, kind):
    _, picture = parent
    brief = a_brief(
        operation="upscale",
        upscale=kind,
        width=256,
        height=256,
        parent=Parent(picture, 0, seed=SEED),
    )

    large = pixels(engine, brief)

    assert large.shape == (256, 256, 3)
    small = Image.open(picture)
    assert apart(Image.fromarray(large).resize((16, 16)), small.resize((16, 16))) < 6
    # it has edges that no enlarging gives
    steps = [
        np.abs(np.diff(np.asarray(p, float), axis=1)).mean()
        for p in (large, small.resize((256, 256)))
    ]
    assert steps[0] > 1.05 * steps[1]


@pytest.mark.parametrize("seed", [None, 99])
def test_a_picture_whose_plan_is_not_known_is_painted_over(engine, parent, seed):
    _, picture = parent
    brief = a_brief(
        operation="upscale",
        upscale="subtle",
        width=256,
        height=256,
        parent=Parent(picture, 0, seed=seed),
    )

    large = Image.fromarray(pixels(engine, brief))

    assert apart(large.resize((16, 16)), Image.open(picture).resize((16, 16))) < 12


@pytest.mark.parametrize("seed", [SEED, 99])
@pytest.mark.parametrize(
    ("size", "kept"),
    [
        ((128, 128), (32, 32, 96, 96)),
        ((192, 128), (0, 0, 128, 128)),
        ((128, 192), (0, 64, 128, 192)),
        ((128, 192), (0, 0, 128, 128)),
    ],
    ids=["zoom", "right", "up", "down"],
)
def test_a_larger_ground_keeps_the_picture_and_meets_its_edge(
    engine, parent, tmp_path, size, kept, seed
):
    _, picture = parent
    edit = a_canvas(picture, size, kept, tmp_path)
    brief = a_brief(
        operation="edit",
        edit=edit,
        width=size[0],
        height=size[1],
        parent=Parent(picture, 0, seed=seed),
    )

    result = pixels(engine, brief).astype(float)

    assert result.shape[1::-1] == size
    canvas, known = (
        np.asarray(Image.open(edit.canvas), float),
        np.asarray(Image.open(edit.mask)) == 0,
    )
    assert np.abs(result - canvas)[known].max() <= 1
    assert result[~known].std() > 3
    # from the last kept pixel to the first new one is no leap
    left, top, right, bottom = kept
    if right < size[0]:
        seam = np.abs(result[top:bottom, right - 1] - result[top:bottom, right]).mean()
        assert seam < 25
    if top:
        assert np.abs(result[top - 1, left:right] - result[top, left:right]).mean() < 25


def test_another_seed_paints_another_ground(engine, parent, tmp_path):
    _, picture = parent
    edit = a_canvas(picture, (192, 128), (0, 0, 128, 128), tmp_path)
    brief = a_brief(
        operation="edit", edit=edit, width=192, seeds=(1, 2), parent=Parent(picture, 0, seed=SEED)
    )

    first, second = finished(engine, brief).cells

    assert first != second
    assert finished(engine, replace(brief, seeds=(2,))).cells == (second,)


@pytest.mark.parametrize("words", ["a boat", "a forest in the snow"])
def test_a_region_changes_inside_its_mask_only(engine, parent, tmp_path, words):
    _, picture = parent
    mask = Image.new("L", (128, 128))
    ImageDraw.Draw(mask).ellipse((40, 60, 110, 120), fill=255)
    mask.save(tmp_path / "mask.png")
    edit = Edit(picture, tmp_path / "mask.png")

    result = pixels(engine, a_brief(operation="edit", prompt=words, edit=edit)).astype(float)

    before, outside = np.asarray(Image.open(picture), float), np.asarray(mask) == 0
    assert np.abs(result - before)[outside].max() <= 1
    assert np.abs(result - before)[~outside].mean() > 4


@pytest.mark.parametrize("words", ["", "a dragon over hills"])
def test_a_blend_has_something_of_all_its_pictures(engine, tmp_path, words):
    colours = {"red.png": (200, 40, 30), "blue.png": (30, 60, 200)}
    for name, colour in colours.items():
        Image.new("RGB", (64, 96), colour).save(tmp_path / name)
    references = tuple(tmp_path / name for name in colours)
    brief = a_brief(operation="blend", prompt=words, references=references, seeds=(1, 2))

    cells = finished(engine, brief).cells

    assert len(set(cells)) == 2
    for cell in cells:
        mean = np.asarray(Image.open(io.BytesIO(cell)), float).mean(axis=(0, 1))
        # neither green nor without colour: between red and blue
        assert mean[1] < min(mean[0], mean[2]) + 12


def test_a_description_is_four_prompts_that_tell_what_can_be_measured(engine, tmp_path):
    picture = Image.new("RGB", (300, 200), (240, 130, 30))
    picture.paste((20, 30, 90), (0, 130, 300, 200))
    picture.save(tmp_path / "picture.png")
    brief = a_brief(
        operation="describe", prompt="", references=(tmp_path / "picture.png",), seeds=()
    )

    last = finished(engine, brief)

    assert last.cells == ()
    assert len(set(last.prompts)) == 4
    for word in ("orange", "landscape-format", "low horizon", "calm"):
        assert word in last.prompts[0]


def test_a_dark_upright_picture_is_described_as_one(engine, tmp_path):
    Image.new("RGB", (200, 300), (12, 14, 30)).save(tmp_path / "picture.png")
    brief = a_brief(operation="describe", references=(tmp_path / "picture.png",))

    first = finished(engine, brief).prompts[0]

    assert "dark" in first
    assert "portrait-format" in first
    assert "horizon" not in first
