"""What grows: trees, the forest, flowers, bamboo."""

from __future__ import annotations

from math import cos, pi, sin
from typing import TYPE_CHECKING

import numpy as np

from engines.sketch.element import Mention, element
from engines.sketch.noise import Floats
from engines.sketch.palette import lighter, mix
from engines.sketch.shape import Shape

if TYPE_CHECKING:
    from engines.sketch.stage import Stage


@element("forest", "forest, pine forest, pine, woodland, fir, 森林, 松林, 松树, 丛林", "ground", 40)
def forest(stage: Stage, mention: Mention) -> None:
    """Ranks of firs, paler the farther, with mist between them."""
    canvas, rng, palette = stage.canvas, stage.rng("forest"), stage.palette
    across = canvas.width / canvas.unit
    own = stage.colour_of(mention, mix(palette.near, palette.ink, 0.25))
    for layer in range(4):
        near = layer / 3
        trees = Shape()
        x = -0.05
        while x < across + 0.05:
            height = (0.1 + 0.2 * near**1.5) * rng.uniform(0.6, 1.25)
            trees.with_parts_of(fir(rng), x, rng.uniform(-0.01, 0.01), height)
            x += height * rng.uniform(0.14, 0.42)
        y = stage.horizon + (1 - stage.horizon) * (0.1 + 0.72 * near**1.3)
        trees.box(-0.1, -0.6, across + 0.1, 0.0)
        stage.put(trees, 0, y, 1, own, far=0.62 * (1 - near) ** 1.2, rim=0.25, shade=-0.25)
    stage.ground[:] = min(stage.horizon + (1 - stage.horizon) * 0.86, 0.97)


def fir(rng: np.random.Generator) -> Shape:
    """Return a fir one high: a stem and ragged skirts of needles."""
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


@element("tree", "tree, oak, maple, willow, lone tree, 树, 大树, 橡树, 枫树, 柳树", "stand", 50)
def tree(stage: Stage, mention: Mention) -> None:
    autumn = stage.palette.near[1] > 0.06
    green = mix(stage.palette.near, np.array([0.6, -0.09, 0.09], np.float32), 0.35)
    leaves = mix(stage.accent(0), stage.accent(1), 0.4) if autumn else lighter(green, 0.05)
    _tree(stage, mention, leaves, "tree")


@element(
    "cherry",
    "cherry blossom, cherry tree, cherry blossoms, sakura, blossom, blossoming tree, plum blossom, peach blossom, 樱花, 樱花树, 樱, 梅花, 桃花",
    "stand",
    51,
    mood="spring",
)
def cherry(stage: Stage, mention: Mention) -> None:
    pink = np.array([0.82, 0.09, 0.0], np.float32)
    _tree(stage, mention, mix(pink, stage.palette.light, 0.15), "cherry")


def _tree(stage: Stage, mention: Mention, leaf: Floats, name: str) -> None:
    """Grow a trunk that forks six times, then paint leaves in clumps, dark ones first."""
    rng = stage.rng(name)
    leaf = stage.colour_of(mention, leaf)
    bark = mix(stage.palette.ink, np.array([0.4, 0.03, 0.04], np.float32), 0.3)
    for x, y, size in stage.spots(mention, 0.62):
        wood = Shape()
        tips: list[tuple[float, float]] = []

        def grow(
            x: float, y: float, angle: float, length: float, thick: float, depth: int,
            wood: Shape = wood, tips: list[tuple[float, float]] = tips,
        ) -> None:  # fmt: skip
            bend = rng.uniform(-0.25, 0.25)
            mx, my = x + cos(angle) * length * 0.5, y + sin(angle) * length * 0.5
            ex, ey = mx + cos(angle + bend) * length * 0.5, my + sin(angle + bend) * length * 0.5
            wood.line([(x, y), (mx, my), (ex, ey)], thick, thick * 0.7)
            if depth == 0:
                tips.append((ex, ey))
                return
            if depth < 3:
                tips.append((ex, ey))
            for side in (-1, 1):
                turn = side * rng.uniform(0.25, 0.62)
                grow(
                    ex,
                    ey,
                    angle + bend + turn,
                    length * rng.uniform(0.68, 0.84),
                    thick * 0.66,
                    depth - 1,
                )

        grow(0, -0.03, pi / 2 + rng.uniform(-0.12, 0.12), 0.27, 0.075, 5)
        dark, middle, bright = Shape(), Shape(), Shape()
        for tx, ty in tips:
            for shape, count, spread, radius, lift in (
                (dark, 2, 0.06, 0.05, -0.012),
                (middle, 3, 0.06, 0.032, 0.006),
                (bright, 2, 0.055, 0.017, 0.02),
            ):
                for _ in range(count):
                    px, py = tx + rng.normal() * spread, ty + rng.normal() * spread * 0.8 + lift
                    r = radius * rng.uniform(0.6, 1.2)
                    shape.blob(
                        *(
                            (
                                px + r * cos(a) * rng.uniform(0.7, 1.2),
                                py + r * sin(a) * rng.uniform(0.6, 1.1),
                            )
                            for a in np.arange(6) * pi / 3
                        )
                    )
        stage.put(dark, x, y, size, mix(lighter(leaf, -0.14), stage.palette.ink, 0.2), rim=0.1)
        stage.put(wood, x, y, size, bark, rim=0.5)
        stage.put(middle, x, y, size, leaf, rim=0.3)
        stage.put(bright, x, y, size, mix(lighter(leaf, 0.07), stage.palette.light, 0.3), rim=0.2)


@element(
    "flowers",
    "flower, blossoms, rose, tulip, poppy, daisy, sunflower, lily, bouquet, garden, wildflower, 花, 花朵, 鲜花, 玫瑰, 郁金香, 向日葵, 花园, 野花, 百合",
    "stand",
    82,
    mood="spring",
)
def flowers(stage: Stage, mention: Mention) -> None:
    """A bed of them before everything, taller and larger the nearer."""
    rng = stage.rng("flowers")
    colours = [stage.accent(0), stage.accent(1), mix(stage.accent(2), stage.palette.light, 0.4)]
    count = min((mention.count or 10) * 4, 44)
    spots = sorted((rng.random() ** 0.8, rng.random()) for _ in range(count))
    for near, x in spots:
        y = 0.86 + 0.2 * near
        size = (0.1 + 0.13 * near) * stage.size(mention)
        lean = rng.uniform(-0.12, 0.12)
        stem = Shape().line([(0, -0.3), (lean * 0.4, 0.4), (lean, 0.8)], 0.035, 0.022)
        stem.blob((0, 0.2), (0.2, 0.36), (0.3, 0.5), (0.1, 0.36))
        green = mix(stage.palette.near, np.array([0.5, -0.08, 0.08], np.float32), 0.5)
        stage.put(stem, x, y, size, lighter(green, -0.12), rim=0.3)
        colour = stage.colour_of(mention, colours[int(rng.integers(3))])
        head = rosette(int(rng.integers(5, 8)), rng.uniform(0, 60))
        top_y = y - 0.8 * size * stage.canvas.unit / stage.canvas.height
        top_x = x + lean * size * stage.canvas.unit / stage.canvas.width
        stage.put(
            head, top_x, top_y, size * 0.62, lighter(colour, 0.1 * (rng.random() - 0.5)), rim=0.35
        )
        heart = mix(stage.accent(1), stage.palette.ink, 0.35)
        stage.put(Shape().disc(0, 0, 0.12), top_x, top_y, size * 0.62, heart, rim=0)


def rosette(petals: int, turn: float) -> Shape:
    """Return a flower seen from before, its middle at (0, 0), half of one in radius."""
    shape = Shape()
    for petal in range(petals):
        angle = turn * pi / 180 + 2 * pi * petal / petals
        c, s = cos(angle), sin(angle)
        wide = 0.95 / petals
        shape.blob(
            *(
                (u * c - v * s, u * s + v * c)
                for u, v in (
                    (0.02, 0),
                    (0.25, wide),
                    (0.46, wide * 0.7),
                    (0.5, 0),
                    (0.46, -wide * 0.7),
                    (0.25, -wide),
                )
            )
        )
    return shape
