"""Sizes of the pictures that follow-ups draw: upscaled, zoomed out, panned.

Used by the API, which tells the size when it accepts a follow-up, and by the drawing worker, which makes
the canvas. A result is at most ``SIDE_MAX_PX`` a side and ``AREA_MAX_PX`` in all; where the picture would
be larger, it is made smaller first.
"""

from __future__ import annotations

import math

from limner.engine import Box

SIDE_MIN_PX, SIDE_MAX_PX = 256, 2048
AREA_MAX_PX = 4 * 1024 * 1024
#: sizes are multiples of this, as every kind of model needs
STEP_PX = 8
UPSCALES_BY = 2.0
#: how much of the picture's side a pan adds
PANS_BY = 0.5
ZOOMS = (1.5, 2.0)
DIRECTIONS = ("left", "right", "up", "down")

Size = tuple[int, int]


def hd(size: Size) -> Size:
    """Return the size of a cell that is to be as large as engines' models allow."""
    return grown(size, UPSCALES_BY, UPSCALES_BY)


def drawable(size: Size) -> Size:
    """Return the size of a cell that engines can draw, in about the ratio of a size that is asked for."""
    by = max(1.0, SIDE_MIN_PX / min(size))
    return grown(size, by, by)


def grown(size: Size, across: float, down: float) -> Size:
    """Return a size so many times as wide and as high, within the limits and in steps."""
    width, height = size[0] * across, size[1] * down
    shrink = _shrink(width, height)
    return _stepped(width * shrink), _stepped(height * shrink)


def zoomed(size: Size, scale: float) -> tuple[Size, Box]:
    """Return the canvas of a zoom, and the box of the picture in its middle."""
    return _placed(size, scale, scale, 0.5, 0.5)


def panned(size: Size, direction: str) -> tuple[Size, Box]:
    """Return the canvas of a pan towards ``direction``, and the box of the picture at the other side."""
    by = 1 + PANS_BY
    match direction:
        case "left":
            return _placed(size, by, 1, 1, 0)
        case "right":
            return _placed(size, by, 1, 0, 0)
        case "up":
            return _placed(size, 1, by, 0, 1)
    return _placed(size, 1, by, 0, 0)


def _placed(size: Size, across: float, down: float, x: float, y: float) -> tuple[Size, Box]:
    """Return the canvas, and in it the picture's box; the room beside it is split by ``x`` and ``y``."""
    # Up to a whole step: the kept picture must not be resized for the sake of the steps.
    canvas, kept = (_stepped_up(size[0] * across), _stepped_up(size[1] * down)), size
    if _shrink(*canvas) < 1:
        canvas = grown(size, across, down)
        shrink = min(canvas[0] / (size[0] * across), canvas[1] / (size[1] * down))
        kept = round(size[0] * shrink), round(size[1] * shrink)
    left, top = round((canvas[0] - kept[0]) * x), round((canvas[1] - kept[1]) * y)
    return canvas, (left, top, left + kept[0], top + kept[1])


def _shrink(width: float, height: float) -> float:
    """Return by what a size has to be multiplied to be within the limits, at most 1."""
    return min(1.0, SIDE_MAX_PX / max(width, height), math.sqrt(AREA_MAX_PX / (width * height)))


def _stepped(length: float) -> int:
    return max(STEP_PX, int(length // STEP_PX) * STEP_PX)


def _stepped_up(length: float) -> int:
    return math.ceil(round(length, 3) / STEP_PX) * STEP_PX
