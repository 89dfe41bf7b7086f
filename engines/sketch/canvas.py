"""The picture while it is painted: linear light, washes, glows and stamped shapes.

The scene's elements paint on it; the finish completes it. Positions are fractions of the width and height,
so that one scene serves every size; sizes are fractions of ``unit``, the shorter side in pixels.
"""

from __future__ import annotations

import numpy as np

from engines.sketch.noise import Floats
from engines.sketch.shape import Mask


class Canvas:
    """A picture of ``height`` rows and ``width`` columns in linear light."""

    def __init__(self, width: int, height: int, *, tile: bool) -> None:
        self.width, self.height, self.tile = width, height, tile
        self.unit = min(width, height)
        self.rgb: Floats = np.zeros((height, width, 3), np.float32)
        #: the middle of every column and row, as a fraction of the whole
        self.x: Floats = ((np.arange(width, dtype=np.float32) + 0.5) / width)[None, :]
        self.y: Floats = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]

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
        whole = np.zeros((self.height, self.width), np.float32)
        rows, columns = mask.alpha.shape
        x0, x1 = max(mask.left, 0), min(mask.left + columns, self.width)
        y0, y1 = max(mask.top, 0), min(mask.top + rows, self.height)
        if x0 < x1 and y0 < y1:
            whole[y0:y1, x0:x1] = mask.alpha[
                y0 - mask.top : y1 - mask.top, x0 - mask.left : x1 - mask.left
            ]
        return whole

    def moved(self, mask: Floats, across: float, down: float) -> Floats:
        """Return a mask of the whole picture, moved by fractions of the unit; its edges repeat."""
        dx, dy = round(across * self.unit), round(down * self.unit)
        rows = np.clip(np.arange(self.height) - dy, 0, self.height - 1)
        columns = np.clip(np.arange(self.width) - dx, 0, self.width - 1)
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
        x0, x1 = max(left, 0), min(left + columns, self.width)
        y0, y1 = max(top, 0), min(top + rows, self.height)
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
