"""Plants that grow low or in masses: forest, cacti, mushrooms; flowers are in ``flowers.py``, single trees are in ``trees.py``."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats
from engines.sketch.palette import lighter, mix
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "forest",
    "forest, pine forest, pine, woodland, fir, 森林, 松林, 松树",
    "ground",
    40,
    takes="colour",
    near="丛林",
)
def forest(stage: Stage, mention: Mention) -> None:
    """Rows of firs, the farther the paler, with mist between them; by a lake, only on the far shore."""
    rng, palette = stage.rng("forest"), stage.palette
    own = stage.colour_of(mention, mix(palette.near, palette.ink, 0.25))
    if stage.plan.has("water"):
        for near in (0.0, 0.5, 1.0):
            _rank(stage, rng, own, near, 0.11 + 0.06 * near, stage.horizon + 0.004)
        return
    for layer in range(4):
        near = layer / 3
        y = stage.horizon + (1 - stage.horizon) * (0.1 + 0.72 * near**1.3)
        _rank(stage, rng, own, near, 0.1 + 0.2 * near**1.5, y)
    stage.ground[:] = min(stage.horizon + (1 - stage.horizon) * 0.86, 0.97)


def _rank(
    stage: Stage, rng: np.random.Generator, colour: Floats, near: float, height: float, y: float
) -> None:
    """Paint one row of firs from side to side, with their feet at ``y``."""
    across = stage.canvas.width / stage.canvas.unit
    trees = Shape()
    x = -0.05
    while x < across + 0.05:
        tall = height * rng.uniform(0.6, 1.25)
        trees.with_parts_of(fir(rng), x, rng.uniform(-0.01, 0.01), tall)
        x += tall * rng.uniform(0.14, 0.42)
    if not stage.plan.has("water"):
        trees.box(-0.1, -0.6, across + 0.1, 0.0)
    stage.put(trees, 0, y, 1, colour, far=0.62 * (1 - near) ** 1.2, rim=0.25, shade=-0.25)


def fir(rng: np.random.Generator) -> Shape:
    """Return a fir of height 1: a stem and ragged skirts of needles."""
    shape = Shape().line([(0, -0.02), (0, 0.98)], 0.03, 0.008)
    skirts = 7
    for skirt in range(skirts):
        t = skirt / skirts
        y, width = 0.1 + 0.78 * t, (0.21 * (1 - t) + 0.025) * rng.uniform(0.8, 1.15)
        drop = 0.07 * (1 - 0.5 * t)
        shape.area(
            (-width, y - drop),
            (-width * 0.45, y - drop * 0.3),
            (0, y + 0.17 * (1.1 - t)),
            (width * 0.45, y - drop * 0.3),
            (width * rng.uniform(0.85, 1.1), y - drop),
            (0, y - drop * 0.4),
        )
    return shape


@ELEMENTS.add(
    "cactus",
    "cactus, saguaro, cacti, 仙人掌, 仙人球",
    "stand",
    54,
    mood="desert",
    near="succulent",
    many=True,
)
def cactus(stage: Stage, mention: Mention) -> None:
    """A column with raised arms and pale ribs."""
    body = (
        Shape()
        .line(path("0,-4 0,88"), 0.18, 0.16)
        .line(path("0,36 -24,36 -27,44 -27,66"), 0.12, 0.11)
    )
    body.line(path("0,48 22,48 25,56 25,80"), 0.11, 0.1)
    ribs = Shape()
    for x, low, high in (
        (-0.045, 0, 0.88),
        (0.0, 0, 0.92),
        (0.045, 0, 0.88),
        (-0.27, 0.44, 0.68),
        (0.25, 0.56, 0.82),
    ):
        ribs.line([(x, low), (x, high)], 0.012)
    green = mix(
        np.array([0.5, -0.08, 0.06], np.float32),
        stage.palette.ink,
        0.2 + 0.4 * stage.palette.darkness,
    )

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, green)
        stage.put(ribs, x, y, size, mix(own, stage.palette.light, 0.3), flip=flip, rim=0)

    stage.crowd(mention, body, 0.4, green, after=rest)


@ELEMENTS.add(
    "mushroom",
    "mushroom, toadstool, 蘑菇, 毒蘑菇",
    "stand",
    78,
    near="fungus, 菌",
    takes="colour, size, count, flying, glowing",
    many=True,
)
def mushroom(stage: Stage, mention: Mention) -> None:
    """Red caps with white spots, one large and some small."""
    stem = Shape().blob(*path("-12,-4 -9,30 -8,58 8,58 9,30 13,-4"))
    skirt = Shape().blob(*path("-14,40 0,46 14,40 10,52 -10,52"))
    cap = Shape().blob(*path("-46,54 -40,78 -20,94 0,98 20,94 40,78 46,54 20,50 -20,50"))
    dots = Shape()
    for x, y, r in (
        (-0.22, 0.76, 0.06),
        (0.05, 0.86, 0.055),
        (0.24, 0.7, 0.065),
        (0.0, 0.66, 0.05),
        (-0.34, 0.6, 0.04),
        (0.37, 0.58, 0.035),
    ):
        dots.disc(x, y, r, r * 0.75)
    red = mix(np.array([0.55, 0.18, 0.1], np.float32), stage.accent(0), 0.3)
    glows = "glowing" in mention.qualities
    for x, y, size in stage.spots(mention, 0.32, usual=3):
        own = stage.colour_of(mention, stage.accent(1) if glows else red)
        pale = mix(stage.palette.light, stage.palette.near, 0.15 + 0.25 * stage.palette.darkness)
        if glows or stage.palette.darkness > 0.75:
            stage.halo(x, y - 0.7 * size, size * 0.9, own, 0.4)
        stage.put(stem, x, y, size, pale, shade=0.25)
        stage.put(skirt, x, y, size, lighter(pale, -0.08), rim=0.2)
        stage.put(cap, x, y, size, own, shade=0.25, rim=0.7)
        stage.put(dots, x, y, size, lighter(pale, 0.05), rim=0)
