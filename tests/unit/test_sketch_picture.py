"""What sketch paints: sound pictures of every word, and parameters that do what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from engines.sketch.catalogue import ELEMENTS
from engines.sketch.moods import MOODS
from engines.sketch.order import Order
from engines.sketch.painter import notes, paint
from engines.sketch.palette import from_bytes, to_oklab
from engines.sketch.vocabulary import words_of
from limner.ratios import CELL_SIZE_PX

SMALL = 64


def an_order(prompt="a castle on a hill under the moon", **changes) -> Order:
    return Order(**({"prompt": prompt, "width": SMALL, "height": SMALL} | changes))


def is_sound(picture) -> bool:
    """Say that a picture is neither blank nor a single tone."""
    return bool(picture.dtype == np.uint8 and picture.std() > 3 and 8 < picture.mean() < 250)


def cells(order) -> np.ndarray:
    return np.stack([paint(order, cell) for cell in range(len(order.seeds))]).astype(float)


@pytest.mark.parametrize("name", ELEMENTS)
def test_every_element_is_painted(name):
    word = words_of(ELEMENTS[name].words)[0]

    assert is_sound(paint(an_order(word, width=48, height=48), 0))


@pytest.mark.parametrize("name", MOODS)
def test_every_mood_is_painted(name):
    word = words_of(MOODS[name].words)[0]

    assert is_sound(paint(an_order(word, width=48, height=48), 0))


@pytest.mark.parametrize("name", ELEMENTS)
def test_every_element_changes_the_picture_it_is_added_to(name):
    word = words_of(ELEMENTS[name].words)[0]
    without = paint(an_order("zzyzx", negative=word), 0).astype(float)
    with_it = paint(an_order(f"zzyzx, {word}"), 0).astype(float)

    assert np.abs(with_it - without).mean() > 0.1


@pytest.mark.parametrize(
    "prompt",
    [
        "qwrtp zxcvb",
        "the weight of an unwritten letter " * 180,
        "🦊🌕✨",
        "закат над морем",
        "غروب الشمس فوق البحر",
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "{{7*7}} ${jndi:ldap://x} '; DROP TABLE cells; --",
        "\x00\x01\u202e\ufffd",
        "%s%s%n" * 40,
        ", , , . . .",
        ", ".join(words_of(known.words)[0] for known in ELEMENTS.values()),
    ],
    ids=lambda prompt: ascii(prompt[:14]),
)
def test_an_odd_prompt_gives_a_sound_picture(prompt):
    order = an_order(prompt)

    assert is_sound(paint(order, 0))
    said = notes(order)
    assert "not a neural model" in said["painter"]
    assert all(len(word) <= 40 for word in said["ignored"])


def test_the_same_seed_gives_the_same_picture():
    order = an_order(chaos=60.0)

    assert np.array_equal(paint(order, 1), paint(order, 1))


def test_the_four_cells_differ():
    four = cells(an_order())

    for i in range(4):
        for j in range(i):
            assert np.abs(four[i] - four[j]).mean() > 2


def test_unknown_words_steer_the_picture():
    first, second = paint(an_order("brouhaha"), 0), paint(an_order("kerfuffle"), 0)

    assert np.abs(first.astype(float) - second).mean() > 2


@pytest.mark.parametrize("ratio", CELL_SIZE_PX)
def test_a_cell_has_exactly_the_size_asked_for(ratio):
    width, height = (side // 8 for side in CELL_SIZE_PX[ratio])

    assert paint(an_order(width=width, height=height), 0).shape == (height, width, 3)


@pytest.mark.parametrize("shrink", [2, 4, 8])
def test_a_preview_shows_the_picture_to_come(shrink):
    order = an_order("a sailboat at sunset", width=256, height=256)
    whole = np.asarray(
        Image.fromarray(paint(order, 0)).resize((16, 16), Image.Resampling.BOX), float
    )
    coarse = Image.fromarray(paint(order, 0, shrink)).resize((16, 16), Image.Resampling.BOX)

    assert np.abs(whole - np.asarray(coarse, float)).mean() < 12


def test_more_chaos_spreads_the_four_further():
    prompts = (
        "a castle on a hill under the moon",
        "a sailboat on the sea",
        "deer in a meadow, dawn",
    )

    def spread(chaos) -> float:
        orders = [an_order(text, chaos=chaos, seeds=tuple(range(10))) for text in prompts]
        return float(np.mean([cells(order).std(axis=0).mean() for order in orders]))

    spreads = [spread(chaos) for chaos in (0.0, 35.0, 70.0, 100.0)]
    assert spreads == sorted(spreads)
    assert spreads[-1] > 1.5 * spreads[0]


def test_more_stylize_is_more_colour_and_farther_from_none():
    def looks(stylize) -> tuple[float, np.ndarray]:
        pictures = cells(
            an_order("mountains and a lake at dusk", stylize=stylize, width=96, height=96)
        )
        lab = to_oklab(from_bytes(pictures.astype(np.uint8)))
        return float(np.hypot(lab[..., 1], lab[..., 2]).mean()), pictures

    steps = [looks(stylize) for stylize in (0.0, 100.0, 400.0, 1000.0)]
    colours = [colour for colour, _ in steps]
    away = [np.abs(pictures - steps[0][1]).mean() for _, pictures in steps]
    assert colours == sorted(colours)
    assert away == sorted(away)
    assert away[-1] > 4


def test_raw_leaves_out_the_brush():
    def roughness(**changes) -> float:
        picture = paint(an_order("clear sky", width=128, height=128, **changes), 0).astype(float)
        return float(np.abs(np.diff(picture[:40], axis=0)).mean())

    assert roughness(style="raw") < 0.7 * roughness()


@pytest.mark.parametrize("style", ["", "cute", "expressive", "original", "scenic"])
def test_niji_and_its_styles_are_seen(style):
    usual = paint(an_order(), 0).astype(float)
    niji = paint(an_order(niji=True, style=style), 0).astype(float)

    assert np.abs(usual - niji).mean() > 1


def test_niji_has_fewer_tones():
    def tones(**changes) -> int:
        light = paint(an_order(width=128, height=128, **changes), 0).mean(axis=2).astype(int)
        counts = np.bincount(light.ravel(), minlength=256)
        return int((np.sort(counts)[::-1].cumsum() < 0.7 * counts.sum()).sum())

    assert tones(niji=True) < 0.75 * tones()


def test_niji_styles_differ_from_each_other():
    styles = [
        paint(an_order(niji=True, style=s), 0).astype(float)
        for s in ("cute", "expressive", "scenic")
    ]

    assert np.abs(styles[0] - styles[1]).mean() > 1
    assert np.abs(styles[1] - styles[2]).mean() > 1


@pytest.mark.parametrize("prompt", ["flowers and butterflies", "castle, moon, mountains", "zzyzx"])
def test_a_tile_has_no_seam(prompt):
    picture = paint(an_order(prompt, tile=True, width=128, height=128), 0).astype(float)

    for axis in (0, 1):
        inner = np.abs(np.diff(picture, axis=axis)).mean(axis=(1 - axis, 2))
        seam = np.abs(np.take(picture, 0, axis) - np.take(picture, -1, axis)).mean()
        # no worse than a line inside the picture may be
        assert seam < 1.5 * inner.mean()


def test_a_reference_is_nearer_the_more_it_weighs(tmp_path):
    rng = np.random.default_rng(5)
    blocks = rng.integers(0, 255, (4, 4, 3), dtype=np.uint8)
    source = Image.fromarray(blocks).resize((SMALL, SMALL), Image.Resampling.BICUBIC)
    source.save(tmp_path / "reference.png")
    wanted = np.asarray(source, float)

    def distance(weight) -> float:
        order = an_order(references=(str(tmp_path / "reference.png"),), image_weight=weight)
        return float(np.abs(cells(order) - wanted).mean())

    distances = [distance(weight) for weight in (0.0, 0.5, 1.0, 1.5, 2.0)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.6 * distances[0]


def test_a_variation_is_nearer_its_parent_the_weaker_it_is(tmp_path):
    order = an_order(width=96, height=96)
    parent = paint(order, 2)
    Image.fromarray(parent).save(tmp_path / "parent.png")

    def distance(strength) -> float:
        varied = replace(
            order,
            seeds=(90, 91, 92, 93),
            parent=str(tmp_path / "parent.png"),
            parent_strength=strength,
        )
        return float(np.abs(cells(varied) - parent).mean())

    unrelated = float(np.abs(cells(replace(order, seeds=(90, 91, 92, 93))) - parent).mean())
    assert distance(0.2) < distance(0.8) < unrelated
