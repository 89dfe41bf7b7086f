"""Flying creatures: birds, butterflies, dragons."""

from __future__ import annotations

from math import pi, sin

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.palette import lighter, mix
from engines.sketch.shape import Shape, path
from engines.sketch.spotting import told_apart
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "birds",
    "bird, 鸟, 飞鸟, 小鸟",
    "fly",
    62,
    near="crow, raven, seagull, gull, crane, swallow, geese, goose, heron, dove, flamingo, sparrow, 鹤, 仙鹤, 乌鸦, 海鸥, 燕子, 大雁",
    many=True,
)
def birds(stage: Stage, mention: Mention) -> None:
    """A loose flock, each bird with its wings in a different position."""
    rng = stage.rng("birds")
    colour = stage.colour_of(mention, mix(stage.palette.ink, stage.haze, 0.12))
    middle_x, middle_y = stage.place(mention), stage.horizon * (0.3 + 0.2 * rng.random())
    count = mention.count or 7
    for i in range(count):
        lift = rng.uniform(0.08, 0.42)
        wings = Shape().blob(
            (0.0, 0.06), (-0.2, 0.1 + lift * 0.55), (-0.4, 0.04 + lift * 0.75), (-0.72, lift * 0.5),
            (-0.4, lift * 0.5 - 0.04), (-0.12, -0.04), (-0.03, -0.16), (0.05, -0.14), (0.12, -0.04),
            (0.4, lift * 0.5 - 0.04), (0.72, lift * 0.5), (0.4, 0.04 + lift * 0.75),
            (0.2, 0.1 + lift * 0.55),
        )  # fmt: skip
        x, y = middle_x + rng.normal() * 0.11, middle_y + rng.normal() * 0.065
        size = (0.075 if i else 0.1) * stage.size(mention) * rng.uniform(0.45, 1.0)
        size *= 3.2 if count == 1 else 1.5 if count <= 3 else 1.0
        seen = colour
        if count <= 3:
            seen = told_apart(stage.canvas, colour, x, y, size, firm=mention.colour is not None)
        stage.put(wings.turned(rng.uniform(-16, 16)), x, y, size, seen, rim=0.2)


@ELEMENTS.add("eagle", "eagle, 鹰, 老鹰, 雄鹰", "fly", 63, near="hawk, falcon, phoenix, 凤凰")
def eagle(stage: Stage, mention: Mention) -> None:
    """One large bird with spread wings and parted feathers."""
    shape = Shape().blob(*path("-8,30 -6,46 0,54 8,50 10,38 8,20 0,0 -10,10"))
    for side in (-1, 1):
        wing = [(side * x, y) for x, y in path("5,42 28,56 56,60 80,48 60,44 34,32 8,24")]
        shape.blob(*wing)
        for feather in range(6):
            x, y = 0.5 + 0.06 * feather, 0.52 - 0.012 * feather
            shape.line(
                [(side * x, y), (side * (x + 0.12), y - 0.16 + 0.035 * feather)], 0.05, 0.015
            )
    shape.area(*path("-10,4 -16,-12 16,-12 8,4"))
    brown = mix(stage.palette.ink, np.array([0.45, 0.06, 0.07], np.float32), 0.3)
    stage.crowd(mention, shape, 0.3, brown)


@ELEMENTS.add(
    "butterfly",
    "butterfly, butterflies, 蝴蝶",
    "fly",
    84,
    near="moth, dragonfly, 蜻蜓, 飞蛾",
    many=True,
)
def butterfly(stage: Stage, mention: Mention) -> None:
    """Four wings with a dark edge and light spots; several butterflies unless the words name a number."""
    rng = stage.rng("butterfly")
    wings = Shape()
    hearts = Shape()
    for side in (-1, 1):
        wings.blob(*((side * x, y) for x, y in path("2,48 14,72 34,86 48,82 46,60 28,46")))
        wings.blob(*((side * x, y) for x, y in path("2,46 26,42 38,28 30,12 16,10 6,26")))
        hearts.blob(*((side * x, y) for x, y in path("8,52 18,68 32,78 40,72 38,60 24,50")))
        hearts.blob(*((side * x, y) for x, y in path("8,42 24,38 30,28 24,18 14,20")))
    body = Shape().line(path("0,24 0,58"), 0.035, 0.045)
    body.line(path("0,58 -10,76"), 0.012).line(path("0,58 10,76"), 0.012)
    for i, (x, y, size) in enumerate(stage.spots(mention, 0.16, usual=4)):
        colour = stage.colour_of(mention, stage.accent(i))
        turn = rng.uniform(-35, 35)
        stage.put(wings.turned(turn), x, y, size, mix(colour, stage.palette.ink, 0.7), rim=0.2)
        stage.put(hearts.turned(turn), x, y, size, lighter(colour, 0.04), rim=0.3)
        stage.put(body.turned(turn), x, y, size, stage.palette.ink, rim=0)


@ELEMENTS.add(
    "dragon",
    "dragon, 龙, 巨龙, 飞龙, 神龙",
    "fly",
    64,
    mood="fantasy",
    near="wyvern, serpent, sea monster",
)
def dragon(stage: Stage, mention: Mention) -> None:
    """A long coiled body across the sky, with spines along its back, two wings and a horned head."""
    shape = Shape()
    steps = [i / 48 for i in range(49)]
    spine = [
        (-0.85 + 1.5 * t, 0.42 + 0.2 * sin(3.4 * pi * t + 0.3) * (1.05 - 0.35 * t) + 0.22 * t * t)
        for t in steps
    ]
    root_x, root_y = spine[33]
    # the wings first: two hands with three fingers each, and skin between them
    for reach, lift in ((0.5, 0.3), (0.3, 0.36)):
        tip = (root_x - reach * 0.3, root_y + lift)
        membrane = [(root_x + 0.05, root_y), (root_x + 0.03, root_y + lift * 0.6), tip]
        for k in range(3):
            membrane.append((root_x - reach * (0.85 + 0.14 * k), root_y + lift * (0.72 - 0.27 * k)))
            membrane.append((root_x - reach * (0.5 - 0.02 * k), root_y + lift * (0.5 - 0.2 * k)))
        shape.area(*membrane, (root_x - 0.1, root_y))
    for (x0, y0), (x1, y1), t in zip(spine, spine[1:], steps[1:], strict=False):
        thick = 0.012 + 0.085 * sin(pi * min(t * 0.66 + 0.02, 0.5)) ** 1.4
        shape.line([(x0, y0), (x1, y1)], thick)
        if t < 0.96:
            shape.area((x0, y0), (x0 - 0.012, y0 + thick * 0.5 + 0.03), (x1, y1))
    x, y = spine[-1]
    head = Shape().blob(*path("-8,-4 -6,8 4,10 12,7 26,2 26,-2 15,-2 22,-8 10,-9 0,-8"))
    head.line(path("0,8 -12,18 -20,20"), 0.03, 0.008).line(path("4,9 -4,22 -10,26"), 0.025, 0.008)
    shape.with_parts_of(head.turned(-8), x, y, 0.9)
    shape.area(*((spine[0][0] + px, spine[0][1] + py) for px, py in path("6,0 -9,9 -5,0 -9,-9")))
    for i in (15, 30):
        x0, y0 = spine[i]
        shape.line(
            [(x0, y0), (x0 + 0.05, y0 - 0.1), (x0 + 0.01, y0 - 0.15), (x0 + 0.06, y0 - 0.17)],
            0.045,
            0.012,
        )
    skin = mix(stage.palette.ink, stage.accent(2), 0.25)
    eye = Shape().disc(x + 0.08, y + 0.035, 0.014)

    def glow(stage: Stage, px: float, py: float, size: float, flip: bool) -> None:
        stage.light_up(eye, px, py, size, mix(stage.accent(1), stage.palette.light, 0.3), flip=flip)

    stage.crowd(mention, shape, 0.48, skin, after=glow)
