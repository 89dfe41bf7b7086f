"""The seven ratios, and which of them is nearest."""

from __future__ import annotations

from fractions import Fraction
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.ratios import CELL_SIZE_PX, nearest_ratio

SIDES = st.floats(min_value=0.001, max_value=1e6)


def value(ratio: str) -> Fraction:
    width, _, height = ratio.partition(":")
    return Fraction(int(width), int(height))


@pytest.mark.parametrize(("ratio", "size"), CELL_SIZE_PX.items())
def test_a_cell_has_exactly_its_ratio_in_whole_eights(ratio, size):
    assert Fraction(*size) == value(ratio)
    assert all(side % 8 == 0 for side in size)


@pytest.mark.parametrize("ratio", CELL_SIZE_PX)
def test_each_ratio_is_nearest_to_itself_at_any_size(ratio):
    for scale in (0.01, 1, 7, 1000):
        assert (
            nearest_ratio(value(ratio).numerator * scale, value(ratio).denominator * scale) == ratio
        )


@given(SIDES, SIDES)
def test_no_other_ratio_is_nearer(width, height):
    def distance(ratio: str) -> float:
        return abs(log(value(ratio)) - (log(width) - log(height)))

    chosen = nearest_ratio(width, height)

    assert all(distance(chosen) <= distance(ratio) + 1e-9 for ratio in CELL_SIZE_PX)


@pytest.mark.parametrize(
    ("width", "height", "nearest"),
    [
        (16, 9, "7:4"),
        (9, 16, "4:7"),
        (4, 3, "5:4"),
        (1, 3, "4:7"),
        (21, 20, "1:1"),
        (1e5, 1, "7:4"),
    ],
)
def test_ratios_that_people_ask_for(width, height, nearest):
    assert nearest_ratio(width, height) == nearest
