"""Silhouettes: polygons, smooth outlines, discs and lines in coordinates of their own.

The scene's elements draw with them. x goes right and y goes up, the foot is at (0, 0), and the height is
about 1; ``mask`` rasterises a shape, with several samples per pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, cos, floor, pi, sin
from typing import Self

import numpy as np
from PIL import Image, ImageDraw

from engines.sketch.noise import Floats

Point = tuple[float, float]

#: samples per pixel, across and down
SAMPLES = 3

#: no silhouette is rasterised larger than this many pixels on a side
MOST_PX = 2400


_OCTAGON = [(cos(pi * i / 4), sin(pi * i / 4)) for i in range(8)]


@dataclass(frozen=True, slots=True)
class Mask:
    """How much of each pixel a shape covers, and the position of its top left corner."""

    alpha: Floats
    left: int
    top: int


class Shape:
    """A silhouette under construction; every method adds a part and returns the shape."""

    def __init__(self) -> None:
        self._parts: list[tuple[list[Point], int]] = []

    def area(self, *points: Point, cut: bool = False) -> Self:
        """Add a polygon, or cut one out."""
        self._parts.append((list(points), 0 if cut else 255))
        return self

    def blob(self, *points: Point, cut: bool = False) -> Self:
        """Add a closed outline that runs smoothly through the points."""
        return self.area(*smooth(points), cut=cut)

    def disc(
        self, x: float, y: float, across: float, down: float | None = None, *, cut: bool = False
    ) -> Self:
        """Add an ellipse, given its centre and its two radii."""
        radius = across if down is None else down
        steps = [2 * pi * i / 32 for i in range(32)]
        return self.area(*((x + across * cos(t), y + radius * sin(t)) for t in steps), cut=cut)

    def box(self, x0: float, y0: float, x1: float, y1: float, *, cut: bool = False) -> Self:
        """Add an upright rectangle."""
        return self.area((x0, y0), (x1, y0), (x1, y1), (x0, y1), cut=cut)

    def line(self, points: Sequence[Point], start: float, end: float | None = None) -> Self:
        """Add a line with round ends, whose thickness goes from ``start`` to ``end``."""
        last = start if end is None else end
        count = max(len(points) - 1, 1)
        for i, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
            thick0 = (start + (last - start) * i / count) / 2
            thick1 = (start + (last - start) * (i + 1) / count) / 2
            length = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-6)
            nx, ny = -(y1 - y0) / length, (x1 - x0) / length
            self.area(
                (x0 + nx * thick0, y0 + ny * thick0),
                (x1 + nx * thick1, y1 + ny * thick1),
                (x1 - nx * thick1, y1 - ny * thick1),
                (x0 - nx * thick0, y0 - ny * thick0),
            )
            self.dab(x1, y1, thick1)
        return self

    def dab(self, x: float, y: float, radius: float) -> Self:
        """Add a small round dab; at that size, an octagon is enough."""
        self._parts.append(([(x + radius * c, y + radius * s) for c, s in _OCTAGON], 255))
        return self

    @property
    def drawn(self) -> bool:
        """Return whether there is anything to paint."""
        return bool(self._parts)

    @property
    def width(self) -> tuple[float, float]:
        """Return how far the shape reaches to the left and to the right of its foot."""
        xs = [x for points, _ in self._parts for x, _ in points]
        return min(xs), max(xs)

    def moved(self, change: Callable[[float, float], Point]) -> Shape:
        """Return the shape with every point transformed: turned, slanted, mirrored."""
        other = Shape()
        other._parts = [([change(x, y) for x, y in points], ink) for points, ink in self._parts]
        return other

    def turned(self, degrees: float) -> Shape:
        """Return the shape rotated anticlockwise around its foot."""
        c, s = cos(degrees * pi / 180), sin(degrees * pi / 180)
        return self.moved(lambda x, y: (x * c - y * s, x * s + y * c))

    def with_parts_of(self, other: Shape, x: float, y: float, size: float = 1.0) -> Self:
        """Add another shape's parts, with its foot at (x, y)."""
        for points, ink in other._parts:
            self._parts.append(([(x + px * size, y + py * size) for px, py in points], ink))
        return self

    def mask(self, x_px: float, y_px: float, size_px: float, *, flip: bool = False) -> Mask:
        """Rasterise the shape, with its foot at ``(x_px, y_px)`` and a length of 1.0 as ``size_px``."""
        sign = -size_px if flip else size_px
        parts = [
            ([(x_px + x * sign, y_px - y * size_px) for x, y in points], ink)
            for points, ink in self._parts
        ]
        xs = [x for points, _ in parts for x, _ in points]
        ys = [y for points, _ in parts for _, y in points]
        left, top = floor(min(xs)) - 1, floor(min(ys)) - 1
        width = min(ceil(max(xs)) + 1 - left, MOST_PX)
        height = min(ceil(max(ys)) + 1 - top, MOST_PX)
        image = Image.new("L", (width * SAMPLES, height * SAMPLES))
        pen = ImageDraw.Draw(image)
        for points, ink in parts:
            if len(points) > 2:
                pen.polygon([((x - left) * SAMPLES, (y - top) * SAMPLES) for x, y in points], ink)
        alpha = np.asarray(image.reduce(SAMPLES), np.float32) * np.float32(1 / 255)
        return Mask(alpha, left, top)


def clipped(mask: Mask, other: Mask) -> Mask:
    """Return the part of a mask that another one covers too."""
    rows, columns = mask.alpha.shape
    within = np.zeros_like(mask.alpha)
    down, across = other.top - mask.top, other.left - mask.left
    y0, y1 = max(down, 0), min(down + other.alpha.shape[0], rows)
    x0, x1 = max(across, 0), min(across + other.alpha.shape[1], columns)
    if y0 < y1 and x0 < x1:
        within[y0:y1, x0:x1] = other.alpha[y0 - down : y1 - down, x0 - across : x1 - across]
    return Mask(mask.alpha * within, mask.left, mask.top)


def path(text: str) -> list[Point]:
    """Parse an outline written as ``"x,y x,y"`` in hundredths, the format of the silhouettes in ``scene/``."""
    pairs = (pair.split(",") for pair in text.split())
    return [(int(x) / 100, int(y) / 100) for x, y in pairs]


def smooth(points: Sequence[Point], steps: int = 5) -> list[Point]:
    """Return a closed Catmull-Rom curve through the points."""
    out: list[Point] = []
    count = len(points)
    for i in range(count):
        a, b, c, d = (points[(i + k) % count] for k in (-1, 0, 1, 2))
        for step in range(steps):
            t = step / steps
            out.append((_between(a[0], b[0], c[0], d[0], t), _between(a[1], b[1], c[1], d[1], t)))
    return out


def _between(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3
    )
