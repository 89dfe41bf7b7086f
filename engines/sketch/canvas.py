"""The picture while it is painted: linear light, washes, glows and stamped shapes.

The scene's elements paint on it; the finish completes it. Positions are fractions of the width and height,
so that one scene serves every size; sizes are fractions of ``unit``, the shorter side in pixels.

A canvas may be larger than its frame, the picture that the plan is for: positions outside 0 to 1 then lie on
the ground around it. Whatever stretches across the frame goes on there, mirrored at the frame's edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.sketch.noise import Floats, fractal, generator, ridge
from engines.sketch.shape import Mask


@dataclass(frozen=True, slots=True)
class Around:
    """How many pixels a canvas has on each side of its frame."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def __bool__(self) -> bool:
        return bool(self.left or self.top or self.right or self.bottom)


NOTHING = Around()


class Canvas:
    """A picture in linear light: a frame of ``height`` rows and ``width`` columns, and what is around it."""

    def __init__(
        self, width: int, height: int, *, tile: bool, around: Around = NOTHING, seed: int = 0
    ) -> None:
        """``seed``: of what lies around the frame."""
        self.width, self.height, self.tile = width, height, tile
        self._around_rng = generator(seed, "around")
        self.around = around
        #: the whole canvas in pixels; the frame, if there is nothing around it
        self.columns = around.left + width + around.right
        self.rows = around.top + height + around.bottom
        self.unit = min(width, height)
        self.rgb: Floats = np.zeros((self.rows, self.columns, 3), np.float32)
        #: the middle of every column and row, as a fraction of the frame
        columns = np.arange(self.columns, dtype=np.float32) - np.float32(around.left)
        rows = np.arange(self.rows, dtype=np.float32) - np.float32(around.top)
        self.x: Floats = ((columns + 0.5) / width)[None, :]
        self.y: Floats = ((rows + 0.5) / height)[:, None]

    @property
    def framed_x(self) -> Floats:
        """Return ``x`` for the columns of the frame only."""
        return self.x[0, self.around.left : self.around.left + self.width]

    def row(self, y: float) -> int:
        """Return the row at ``y``, a fraction of the frame."""
        return self.around.top + round(y * self.height)

    def widened(self, line: Floats) -> Floats:
        """Return one number per column of the canvas from one per column of the frame."""
        if not self.around:
            return line
        sides = (self.around.left, self.around.right)
        mirrored = np.pad(line, sides, mode="symmetric")
        # farther away from the frame, the line goes its own way
        away = np.clip(np.abs(self.x[0] - 0.5) - 0.5, 0, 0.5)
        own = ridge(self._around_rng, self.columns, 3.0 * self.columns / self.width, octaves=3)
        return np.asarray(mirrored + 0.1 * away * own, np.float32)

    def field(
        self,
        rng: np.random.Generator,
        cells: tuple[float, float],
        *,
        octaves: int = 4,
        tile: bool = False,
    ) -> Floats:
        """Return a random field (``noise.fractal``) over the frame, mirrored around it."""
        inner = fractal(rng, self.width, self.height, cells, octaves=octaves, tile=tile)
        if not self.around:
            return inner
        down, across = (self.around.top, self.around.bottom), (self.around.left, self.around.right)
        return np.asarray(np.pad(inner, (down, across), mode="symmetric"))

    def distance(self, x: float, y: float) -> Floats:
        """Return every pixel's distance from a point, in units."""
        across, down = self.x - x, self.y - y
        if self.tile:
            across, down = across - np.round(across), down - np.round(down)
        across = across * np.float32(self.width / self.unit)
        down = down * np.float32(self.height / self.unit)
        return np.sqrt(across * across + down * down)

    def spread(self, mask: Mask) -> Floats:
        """Return a shape's mask enlarged to the whole picture."""
        whole = np.zeros((self.rows, self.columns), np.float32)
        x0, x1, y0, y1 = self.inside(mask)
        if x0 < x1 and y0 < y1:
            whole[y0:y1, x0:x1] = self.part(mask)
        return whole

    def inside(self, mask: Mask) -> tuple[int, int, int, int]:
        """Return the part of a mask that lies on the canvas: first and last column and row."""
        rows, columns = mask.alpha.shape
        left, top = mask.left + self.around.left, mask.top + self.around.top
        x0, x1 = max(left, 0), min(left + columns, self.columns)
        y0, y1 = max(top, 0), min(top + rows, self.rows)
        return x0, x1, y0, y1

    def part(self, mask: Mask) -> Floats:
        """Return the alpha of the part of a mask that lies on the canvas."""
        x0, x1, y0, y1 = self.inside(mask)
        left, top = mask.left + self.around.left, mask.top + self.around.top
        return mask.alpha[y0 - top : y1 - top, x0 - left : x1 - left]

    def moved(self, mask: Floats, across: float, down: float) -> Floats:
        """Return a mask of the whole picture, moved by fractions of the unit; its edges repeat."""
        dx, dy = round(across * self.unit), round(down * self.unit)
        rows = np.clip(np.arange(self.rows) - dy, 0, self.rows - 1)
        columns = np.clip(np.arange(self.columns) - dx, 0, self.columns - 1)
        return mask[rows][:, columns]

    def wash(self, mask: Floats, colour: Floats, *, top: int = 0) -> None:
        """Lay a colour over the rows from ``top`` down, as strongly as the mask says."""
        rows = self.rgb[top : top + mask.shape[0]]
        rows += (colour - rows) * mask[..., None]

    def glow(self, mask: Floats, colour: Floats, *, top: int = 0) -> None:
        """Add light to the rows from ``top`` down."""
        self.rgb[top : top + mask.shape[0]] += mask[..., None] * colour

    def stamp(self, mask: Mask, colour: Floats, *, add: bool = False) -> None:
        """Paint a shape; in a tile, what leaves on one side enters on the other.

        ``colour`` is one colour, or one for each pixel of the mask.
        """
        steps = (-1, 0, 1) if self.tile else (0,)
        for down in steps:
            for across in steps:
                self._stamp(
                    mask,
                    mask.left + across * self.width,
                    mask.top + down * self.height,
                    colour,
                    add,
                )

    def _stamp(self, mask: Mask, left: int, top: int, colour: Floats, add: bool) -> None:
        rows, columns = mask.alpha.shape
        left, top = left + self.around.left, top + self.around.top
        x0, x1 = max(left, 0), min(left + columns, self.columns)
        y0, y1 = max(top, 0), min(top + rows, self.rows)
        if x0 >= x1 or y0 >= y1:
            return
        inside = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        alpha = mask.alpha[inside][..., None]
        paint = colour if colour.ndim == 1 else colour[inside]
        below = self.rgb[y0:y1, x0:x1]
        below += paint * alpha if add else (paint - below) * alpha

    def sparkle(self, column: int, row: int, radius: int, light: Floats) -> None:
        """Add a small star with four rays of ``radius`` pixels."""
        steps = np.arange(-radius, radius + 1)
        fall = (1 - np.abs(steps) / (radius + 1)).astype(np.float32) ** 2
        heart = np.exp(-(steps**2) / max(radius * 0.32, 0.6) ** 2).astype(np.float32)
        star = heart[:, None] * heart[None, :]
        star[radius, :] += 0.45 * fall
        star[:, radius] += 0.45 * fall
        self.stamp(Mask(star, column - radius, row - radius), light, add=True)
