"""Where a thing stands, where its copies go in a tile, and how it is told apart from what is behind it.

Used by ``stage.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.sketch.canvas import Canvas
from engines.sketch.noise import Floats
from engines.sketch.palette import lighter, to_oklab
from engines.sketch.plan import Plan


def tile_spots(
    taken: list[tuple[float, float]], plan: Plan, rng: np.random.Generator, size: float
) -> list[tuple[float, float, float]]:
    """Return spots all over the tile, no two too close to each other, and add them to ``taken``."""
    found: list[tuple[float, float, float]] = []
    small = min(size, 0.3) * 0.62 * plan.zoom
    most = max(3, 15 // max(1, len(plan.mentions)))
    for _ in range(120):
        x, y = float(rng.random()), float(rng.random())
        clear = all(
            abs(x - px - round(x - px)) + abs(y - py - round(y - py)) > 0.24 for px, py in taken
        )
        if clear and len(found) < most:
            found.append((x, y, small * float(rng.uniform(0.75, 1.15))))
            taken.append((x, y))
    return found


def told_apart(
    canvas: Canvas, colour: Floats, x: float, y: float, size: float, *, firm: bool
) -> Floats:
    """Return the colour, made darker or lighter if it is too close to the background.

    A ``firm`` colour, one that the words ask for, changes less.
    """
    middle_y = y - 0.4 * size * canvas.unit / canvas.height
    reach = max(2, round(size * canvas.unit * 0.3))
    column = canvas.around.left + round(x * canvas.width)
    row = canvas.row(middle_y)
    behind = canvas.rgb[max(row - reach, 0) : row + reach, max(column - reach, 0) : column + reach]
    if behind.size == 0:
        return colour
    lightness = float(to_oklab(behind.reshape(-1, 3).mean(axis=0))[0])
    apart = float(colour[0]) - lightness
    if abs(apart) >= 0.15:
        return colour
    away = 1.0 if lightness < 0.45 or (apart > 0 and lightness < 0.8) else -1.0
    wanted = lightness + away * 0.17
    return lighter(colour, (wanted - float(colour[0])) * (0.5 if firm else 1.0))


@dataclass(frozen=True, slots=True)
class Land:
    """What decides on the height of a thing at one place of the picture, in fractions of its height."""

    horizon: float
    #: the height of the ground there
    ground: float
    #: whether things stand on the ground's edge, and not somewhere below it
    ledge: bool
    seabed: bool
    #: height of a thing of size 1
    unit: float


def foot(land: Land, place: str, away: float, size: float, rng: np.random.Generator) -> float:
    """Return the height at which a thing of this size stands, floats or flies."""
    if place == "float" and land.seabed:
        return float(0.22 + 0.5 * rng.random() + 0.4 * size)
    if place == "float":
        near = 0.12 + 0.3 * (1 - away) * rng.uniform(0.6, 1)
        return float(land.horizon + (1 - land.horizon) * near)
    if place == "fly":
        low = land.horizon * (0.78 - 0.3 * away) - 0.1 * rng.random()
        return float(max(low, size * land.unit + 0.03))
    if land.ledge:
        return land.ground
    below = (1 - land.ground) * (0.12 + 0.3 * (1 - away) * rng.random())
    return float(land.ground + below - 0.02 * away)
