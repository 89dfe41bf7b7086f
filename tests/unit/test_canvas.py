"""Sizes of what follow-ups draw, and where the kept picture lies in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.canvas import (
    AREA_MAX_PX,
    DIRECTIONS,
    SIDE_MAX_PX,
    SIDE_MIN_PX,
    STEP_PX,
    ZOOMS,
    drawable,
    grown,
    hd,
    panned,
    zoomed,
)
from limner.ratios import CELL_SIZE_PX

SIDES = st.integers(32, 256).map(lambda eighths: eighths * STEP_PX)
SIZES = st.tuples(SIDES, SIDES).filter(lambda size: size[0] * size[1] <= AREA_MAX_PX)


def is_within_limits(size):
    return (
        max(size) <= SIDE_MAX_PX
        and size[0] * size[1] <= AREA_MAX_PX
        and not size[0] % STEP_PX
        and not size[1] % STEP_PX
    )


@pytest.mark.parametrize("size", CELL_SIZE_PX.values())
def test_a_cell_is_upscaled_to_exactly_twice_its_size(size):
    assert grown(size, 2, 2) == hd(size) == (size[0] * 2, size[1] * 2)


@given(SIZES)
def test_no_upscaled_picture_is_larger_than_allowed_or_much_out_of_shape(size):
    larger = grown(size, 2, 2)

    assert is_within_limits(larger)
    assert larger[0] / larger[1] == pytest.approx(size[0] / size[1], rel=0.05)


@given(SIZES, st.sampled_from(ZOOMS))
def test_a_zoomed_canvas_has_the_picture_in_its_middle(size, scale):
    canvas, (left, top, right, bottom) = zoomed(size, scale)

    assert is_within_limits(canvas)
    assert 0 <= left < right <= canvas[0]
    assert 0 <= top < bottom <= canvas[1]
    assert abs(left - (canvas[0] - right)) <= 1
    assert abs(top - (canvas[1] - bottom)) <= 1


@given(SIZES, st.sampled_from(DIRECTIONS))
def test_a_panned_canvas_has_the_picture_at_the_other_side(size, direction):
    canvas, (left, top, right, bottom) = panned(size, direction)

    room = {"left": left, "right": canvas[0] - right, "up": top, "down": canvas[1] - bottom}
    assert is_within_limits(canvas)
    assert room[direction] > 0
    # Beside it there may be what fills the steps of eight.
    assert all(px <= 2 * STEP_PX for side, px in room.items() if side != direction)


@given(SIZES, st.sampled_from(ZOOMS))
def test_a_picture_keeps_its_size_on_a_canvas_that_has_room_for_it(size, scale):
    _, (left, top, right, bottom) = zoomed(size, scale)

    if max(size) * scale <= SIDE_MAX_PX and size[0] * size[1] * scale**2 <= AREA_MAX_PX:
        assert (right - left, bottom - top) == size
    else:
        assert right - left <= size[0]
        assert bottom - top <= size[1]


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [((1024, 1024), (1024, 1024)), ((64, 128), (256, 512)), ((4096, 2048), (2048, 1024))],
)
def test_a_size_that_is_asked_for_is_drawn_in_its_ratio_within_the_limits(asked, drawn):
    assert drawable(asked) == drawn
    assert min(drawn) >= SIDE_MIN_PX
