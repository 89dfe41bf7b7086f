"""Crockery and layers: what everything that is served on a table is built from."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from engines.sketch.mention import Mention
from engines.sketch.noise import Floats
from engines.sketch.palette import from_hex, lighter, mix
from engines.sketch.shape import Shape
from engines.sketch.stage import Stage

#: how flat a circle on the table looks
FLAT = 0.36

#: a shape, its colour, the brightness of its lit edge, its shade towards the foot
Layer = tuple[Shape, Floats, float, float]


def own(stage: Stage, hexa: str) -> Floats:
    """Return a food's own colour in the light of the picture; food must look like itself."""
    colour = lighter(from_hex(hexa), -0.12 * stage.palette.darkness)
    return mix(colour, mix(stage.palette.light, stage.haze, 0.5), 0.08)


def layer(stage: Stage, shape: Shape, hexa: str, rim: float = 0.3, shade: float = 0.15) -> Layer:
    """Return one layer in a colour of its own."""
    return shape, own(stage, hexa), rim, shade


def served(stage: Stage, mention: Mention, size: float, layers: list[Layer], coloured: int) -> None:
    """Paint the layers at every spot, from bottom to top; a colour word goes to the ``coloured`` one."""
    wide = max(max(-shape.width[0], shape.width[1]) for shape, *_ in layers)
    for x, y, tall in stage.spots(mention, size, half=wide):
        _contact(stage, x, y, tall, layers)
        for i, (shape, colour, rim, shade) in enumerate(layers):
            seen = stage.colour_of(mention, colour) if i == coloured else colour
            stage.put(shape, x, y, tall, seen, rim=rim, shade=shade)


def _contact(stage: Stage, x: float, y: float, size: float, layers: list[Layer]) -> None:
    """Darken the table where the thing stands on it."""
    if stage.canvas.tile:
        return
    left, right = layers[0][0].width
    half = (right - left) / 2
    side = -0.06 if stage.plan.light_x > x else 0.06
    for grow, strength in ((1.2, 0.18), (1.05, 0.3)):
        spot = Shape().disc((left + right) / 2 + side, 0.0, half * grow, half * grow * FLAT * 0.7)
        stage.put(spot, x, y, size, stage.palette.ink, rim=0, strength=strength)


def plate(stage: Stage, radius: float = 0.62) -> list[Layer]:
    """Return a plate, its middle at (0, 0.1)."""
    china = mix(from_hex("#f4f1ea"), stage.palette.light, 0.3)
    china = lighter(china, -0.12 * stage.palette.darkness)
    return [
        (Shape().disc(0, 0.085, radius, radius * FLAT), lighter(china, -0.12), 0.2, 0.1),
        (Shape().disc(0, 0.11, radius, radius * FLAT), china, 0.6, 0.05),
        (
            Shape().disc(0, 0.105, radius * 0.74, radius * 0.74 * FLAT),
            lighter(china, -0.045),
            0,
            -0.05,
        ),
    ]


def bowl(stage: Stage, hexa: str, inside: str) -> list[Layer]:
    """Return a bowl, filled up to y = 0.5."""
    outer = Shape().blob(
        (-0.52, 0.5), (-0.47, 0.28), (-0.3, 0.08), (-0.16, 0.0), (0.16, 0.0), (0.3, 0.08), (0.47, 0.28), (0.52, 0.5)
    )  # fmt: skip
    rim_of = Shape().disc(0, 0.5, 0.53, 0.53 * FLAT)
    band = Shape().blob((-0.5, 0.4), (0, 0.24), (0.5, 0.4), (0.49, 0.36), (0, 0.2), (-0.49, 0.36))
    china = own(stage, hexa)
    return [
        (outer, china, 0.5, 0.28),
        (band, mix(china, stage.palette.light, 0.45), 0, 0),
        (rim_of, mix(china, stage.palette.light, 0.35), 0.5, 0),
        layer(stage, Shape().disc(0, 0.49, 0.475, 0.475 * FLAT), inside, 0, -0.1),
    ]


def ring(
    count: int, x: float, y: float, radius: float, turn: float = 0.0
) -> list[tuple[float, float]]:
    """Return so many points on a circle that lies on the table."""
    steps = (2 * pi * i / count + turn for i in range(count))
    return [(x + radius * cos(t), y + radius * FLAT * sin(t)) for t in steps]


def leaf(turn: float, size: float = 0.14) -> Shape:
    """Return a leaf with its stalk at (0, 0)."""
    shape = Shape().blob((0, 0), (0.45 * size, 0.3 * size), (size, 0), (0.45 * size, -0.3 * size))
    return shape.turned(turn)


def steam(stage: Stage, x: float, y: float, size: float, low: float) -> None:
    """Let steam rise in three curls from ``low``, in lengths of the thing."""
    for k in (-1, 0, 1):
        curl = [(0.12 * k + 0.05 * sin(5 * t + k), low + 0.45 * t) for t in np.linspace(0, 1, 9)]
        shape = Shape().line(curl, 0.05, 0.012)
        stage.put(shape, x, y, size, stage.palette.light, rim=0, strength=0.24)
