"""What is in the frame, repeated around it on a canvas that is larger: points and shapes.

Used by ``stage.py``. Land is mirrored, so that it meets itself at the frame's edge; stars and rain need not, and
would show the mirror.
"""

from __future__ import annotations

from collections.abc import Callable
from math import floor
from typing import Literal

from engines.sketch.canvas import Canvas
from engines.sketch.noise import Floats
from engines.sketch.shape import Mask

#: how what is in the frame goes on around it: not at all, to its left and right, on all sides
Spread = Literal["", "across", "around"]

#: one image of the frame along one axis: its sign and its shift, in frames
Image = tuple[int, int]

#: turns a shape's paint as its mask was turned
Turn = Callable[[Floats], Floats]


def repeated(canvas: Canvas, spread: Spread, x: float, y: float) -> list[tuple[float, float]]:
    """Return a point of the frame and its images that lie on the canvas."""
    if not spread or not canvas.around:
        return [(x, y)]
    across, down = _images(canvas, spread)
    xs = [flip * x + turn for flip, turn in across]
    ys = [flip * y + turn for flip, turn in down]
    x_start, x_end = float(canvas.x[0, 0]), float(canvas.x[0, -1])
    y_start, y_end = float(canvas.y[0, 0]), float(canvas.y[-1, 0])
    return [(a, b) for a in xs for b in ys if x_start < a < x_end and y_start < b < y_end]


def copies(canvas: Canvas, spread: Spread, mask: Mask) -> list[tuple[Mask, Turn]]:
    """Return a mask and its images, each with what turns its paint likewise."""
    found: list[tuple[Mask, Turn]] = [(mask, lambda paint: paint)]
    if not spread or not canvas.around:
        return found
    columns, rows = _images(canvas, spread)
    images = [(across, down) for across in columns for down in rows]
    found += [_copy(canvas, mask, *image) for image in images if image != ((1, 0), (1, 0))]
    return [(copy, turn) for copy, turn in found if copy.alpha.any()]


def downwards(canvas: Canvas, y: float, step: float) -> list[float]:
    """Return ``y`` and, on a canvas that goes on below its frame, more rows at this distance."""
    end = float(canvas.y[-1, 0])
    count = int((end - 1) / step) + 2 if canvas.around.bottom else 1
    return [y + step * i for i in range(count)]


def _images(canvas: Canvas, spread: Spread) -> tuple[list[Image], list[Image]]:
    """Return how the frame is repeated across and down."""
    columns = _frames(canvas.x[0])
    if spread == "around":
        rows = _frames(canvas.y[:, 0])
        return [(1, turn) for turn in columns], [(1, turn) for turn in rows]
    return [(-1, turn + 1) if turn % 2 else (1, turn) for turn in columns], [(1, 0)]


def _copy(canvas: Canvas, mask: Mask, across: Image, down: Image) -> tuple[Mask, Turn]:
    """Return one image of a mask, cut away where it would lie in the frame."""
    width, height = canvas.width, canvas.height
    rows, columns = mask.alpha.shape
    turned = (slice(None, None, down[0]), slice(None, None, across[0]))
    left = mask.left if across[0] > 0 else -(mask.left + columns)
    top = mask.top if down[0] > 0 else -(mask.top + rows)
    left, top = left + across[1] * width, top + down[1] * height
    alpha = mask.alpha[turned].copy()
    alpha[max(-top, 0) : max(height - top, 0), max(-left, 0) : max(width - left, 0)] = 0
    return Mask(alpha, left, top), lambda paint: paint[turned]


def _frames(places: Floats) -> range:
    """Return the frames side by side that a canvas needs along one axis; 0 is the frame itself.

    ``places``: the middle of every row or column of the canvas, as a fraction of the frame.
    """
    return range(floor(places[0]), floor(places[-1]) + 1)
