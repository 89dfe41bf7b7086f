"""Signs for the parts of a landscape in a tile: a pattern has no horizon, so moon, peaks and firs are symbols.

Called by ``painter.py`` for the elements that have no motif of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

import numpy as np

from engines.sketch.mention import Mention
from engines.sketch.noise import Floats
from engines.sketch.palette import lighter, mix
from engines.sketch.scene.flowers import rosette
from engines.sketch.scene.plants import fir
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

#: shapes and their colours, from bottom to top; all are drawn at every spot
Sign = list[tuple[Shape, Floats]]


def paint_motif(stage: Stage, mention: Mention) -> bool:
    """Paint the element's sign all over the tile; return whether it has one."""
    sign = SIGNS.get(mention.name)
    if sign is None:
        return False
    rng = stage.rng(f"motif {mention.name}")
    for x, y, size in stage.spots(mention, 0.26):
        for i, (shape, usual) in enumerate(sign(stage, rng)):
            colour = stage.colour_of(mention, usual) if i == 0 else usual
            stage.put(shape, x, y, size, colour, rim=0.3, shade=0.05)
    return True


def _moon(stage: Stage, rng: np.random.Generator) -> Sign:
    outer = [(0.5 * cos(t), 0.5 + 0.5 * sin(t)) for t in np.linspace(0.9, 2 * pi - 0.9, 30)]
    inner = [(0.2 + 0.4 * cos(t), 0.5 + 0.4 * sin(t)) for t in np.linspace(2 * pi - 1.2, 1.2, 30)]
    return [(Shape().area(*outer, *inner).turned(float(rng.uniform(-30, 10))), stage.palette.light)]


def _star(stage: Stage, rng: np.random.Generator) -> Sign:
    points = []
    turn = rng.uniform(0, 1)
    for k in range(10):
        radius, angle = (0.4 if k % 2 == 0 else 0.16), pi * (k / 5 + 0.1 + turn)
        points.append((radius * cos(angle), 0.4 + radius * sin(angle)))
    return [(Shape().area(*points), mix(stage.palette.light, stage.accent(1), 0.3))]


def _sun(stage: Stage, rng: np.random.Generator) -> Sign:
    rays = Shape()
    for k in range(12):
        angle = pi * k / 6
        c, s = cos(angle), sin(angle)
        rays.area(
            (0.34 * c - 0.07 * s, 0.5 + 0.34 * s + 0.07 * c),
            (0.56 * c, 0.5 + 0.56 * s),
            (0.34 * c + 0.07 * s, 0.5 + 0.34 * s - 0.07 * c),
        )
    tone = mix(stage.palette.light, stage.accent(1), 0.5)
    return [(rays, tone), (Shape().disc(0, 0.5, 0.3), lighter(tone, 0.05))]


def _peaks(stage: Stage, rng: np.random.Generator) -> Sign:
    rock = mix(stage.palette.far, stage.palette.ink, 0.35)
    return [
        (Shape().area(*path("-60,0 -28,52 -14,34 10,82 34,40 44,50 70,0")), rock),
        (Shape().area(*path("10,82 0,62 6,66 11,58 16,66 24,58")), stage.palette.light),
        (Shape().area(*path("-28,52 -37,38 -30,42 -26,35 -18,40")), stage.palette.light),
    ]


def _cloud(stage: Stage, rng: np.random.Generator) -> Sign:
    puffs = (
        Shape()
        .disc(-0.3, 0.2, 0.2)
        .disc(0.02, 0.3, 0.27)
        .disc(0.32, 0.2, 0.2)
        .disc(0, 0.14, 0.45, 0.14)
    )
    return [(puffs, mix(stage.palette.light, stage.palette.sky[2], 0.2))]


def _waves(stage: Stage, rng: np.random.Generator) -> Sign:
    tone = mix(stage.palette.water, stage.palette.ink, 0.25)
    sign: Sign = []
    for radius in (0.6, 0.45, 0.3, 0.15):
        bow = [(radius * cos(t), radius * sin(t)) for t in np.linspace(0, pi, 20)]
        sign.append(
            (
                Shape().area(*bow),
                tone if len(sign) % 2 == 0 else mix(tone, stage.palette.light, 0.7),
            )
        )
    return sign


def _firs(stage: Stage, rng: np.random.Generator) -> Sign:
    trees = Shape().with_parts_of(fir(rng), -0.24, 0, 0.7).with_parts_of(fir(rng), 0.26, 0, 0.6)
    green = mix(
        mix(stage.palette.near, stage.palette.ink, 0.3),
        np.array([0.45, -0.08, 0.05], np.float32),
        0.4,
    )
    return [(trees.with_parts_of(fir(rng), 0, 0, 1.0), green)]


def _flower(stage: Stage, rng: np.random.Generator) -> Sign:
    head = rosette(int(rng.integers(5, 8))).turned(float(rng.uniform(0, 60)))
    colour = mix(stage.accent(int(rng.integers(3))), stage.palette.light, 0.25)
    return [
        (head, colour),
        (Shape().disc(0, 0, 0.12), mix(stage.accent(1), stage.palette.ink, 0.3)),
    ]


SIGNS: dict[str, Callable[[Stage, np.random.Generator], Sign]] = {
    "moon": _moon,
    "stars": _star,
    "sun": _sun,
    "planet": _sun,
    "mountains": _peaks,
    "lone mountain": _peaks,
    "volcano": _peaks,
    "clouds": _cloud,
    "storm clouds": _cloud,
    "water": _waves,
    "waves": _waves,
    "forest": _firs,
    "treeline": _firs,
    "flowers": _flower,
    "meadow": _flower,
    "petals": _flower,
}
