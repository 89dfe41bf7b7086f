"""What callers may ask of sketch besides words: count, seed, size, negative, quality, weird, style."""

from __future__ import annotations

import io
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from engines import load
from engines.sketch.order import Order
from engines.sketch.painter import paint
from engines.sketch.planner import plan
from limner.engine import Brief, Finished, Preview, Progress
from limner.settings import EngineSettings, LaneLimits

WORDS = "a castle by the sea, birds, sunset"


@pytest.fixture(scope="module")
def engine():
    engine = load(EngineSettings("sketch", "sketch", fast=LaneLimits(2, 0.0)))
    yield engine
    engine.close()


def a_brief(**changes) -> Brief:
    brief = Brief("0f", WORDS, WORDS, "", 64, 64, (1, 2, 3, 4), chaos=80.0)
    return replace(brief, **changes)


def drawn(engine, brief) -> list:
    return list(engine.watch(engine.submit(brief), brief, threading.Event()))


def an_order(prompt=WORDS, **changes) -> Order:
    return Order(**({"prompt": prompt, "width": 64, "height": 64} | changes))


def apart(first, second) -> float:
    return float(np.abs(first.astype(float) - second).mean())


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_it_draws_as_many_cells_as_there_are_seeds(engine, count):
    seeds = (9, 8, 7, 6)[:count]

    *events, finished = drawn(engine, a_brief(seeds=seeds))

    assert isinstance(finished, Finished)
    assert finished.seeds == seeds
    assert len(set(finished.cells)) == count
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    # four sizes of each cell: fewer cells are less work
    assert len(fractions) == 4 * count
    assert fractions[-1] == 1.0


def test_a_single_cell_is_previewed_as_a_cell(engine):
    *events, _ = drawn(engine, a_brief(seeds=(3,)))

    previews = [event for event in events if isinstance(event, Preview)]
    assert [preview.cell for preview in previews] == [0, 0, 0]
    for preview in previews:
        assert Image.open(io.BytesIO(preview.image)).size == (64, 64)


def test_a_cell_depends_on_its_seed_and_on_no_other_cell(engine):
    *_, four = drawn(engine, a_brief())
    *_, one = drawn(engine, a_brief(seeds=(3,)))
    *_, other = drawn(engine, a_brief(seeds=(5,)))

    assert one.cells[0] == four.cells[2]
    assert other.cells[0] not in four.cells


@pytest.mark.parametrize("size", [(256, 2048), (2048, 256), (264, 320)])
def test_any_size_is_exact(size):
    width, height = size

    picture = paint(an_order(width=width, height=height), 0)

    assert picture.shape == (height, width, 3)
    assert picture.std() > 3


@pytest.mark.parametrize(
    ("words", "negative", "gone"),
    [
        ("a harbour with boats", "boats", {"sailboat"}),
        ("a harbour with boats", "ships, no people", {"sailboat"}),
        ("a meadow with a dog and birds", "animals", {"dog", "birds"}),
        ("a woman and a samurai in the rain", "people", {"woman", "samurai"}),
        ("港口和船", "船", {"sailboat"}),
        ("night over the sea", "stars", {"stars"}),
        ("an oak in a meadow", "trees", {"tree", "treeline", "forest"}),
    ],
)
def test_what_the_negative_names_is_in_no_cell(words, negative, gone):
    order = an_order(words, negative=negative, chaos=70.0, weird=2000.0)

    for seed in range(40):
        assert gone.isdisjoint(mention.name for mention in plan(order, seed).mentions)


def test_a_refused_mood_is_not_brought_back_by_a_thing():
    moods = plan(an_order("the moon over a lake", negative="night"), 1).moods

    assert "night" not in moods


@pytest.mark.parametrize(
    ("words", "negative"),
    [
        ("aurora over a lake", "stars"),
        ("rolling hills", "trees"),
        ("a meadow", "flowers"),
        ("mount fuji", "snow"),
        ("an umbrella", "people"),
    ],
)
def test_painters_add_nothing_that_is_refused(words, negative):
    order = an_order(words, width=128, height=128)

    assert apart(paint(order, 0), paint(replace(order, negative=negative), 0)) > 0


def test_quality_and_draft_change_how_fine_a_picture_is():
    order = an_order(width=128, height=128)
    usual = paint(order, 0)

    for changes in ({"quality": 0.25}, {"quality": 4.0}, {"draft": True}):
        other = paint(replace(order, **changes), 0)
        assert other.shape == usual.shape
        # the same picture, painted with more or less care
        assert 0 < apart(usual, other) < 25


def test_weird_strays_the_farther_the_higher_it_is():
    order = an_order()
    usual = paint(order, 0)

    assert np.array_equal(paint(replace(order, weird=0.0), 0), usual)
    assert apart(paint(replace(order, weird=3000.0), 0), usual) > 10


def test_a_style_reference_counts_as_much_as_its_weight_says(tmp_path):
    Image.new("RGB", (64, 64), (20, 160, 40)).save(tmp_path / "green.png")
    order = an_order(style_references=(str(tmp_path / "green.png"),))

    def greenness(weight) -> float:
        picture = paint(replace(order, style_weight=weight), 0).astype(float)
        return float((picture[..., 1] - picture[..., 0]).mean())

    greens = [greenness(weight) for weight in (0.0, 100.0, 1000.0)]
    assert greens == sorted(greens)
    assert np.array_equal(paint(replace(order, style_weight=0.0), 0), paint(an_order(), 0))
