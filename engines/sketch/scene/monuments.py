"""Old stones and landmarks: pyramids, ruins, towers, statues, walls."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats
from engines.sketch.palette import lighter, mix
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()


def stone(stage: Stage) -> Floats:
    """Return the colour of weathered stone in this light."""
    grey = mix(np.array([0.74, 0.01, 0.03], np.float32), stage.palette.far, 0.45)
    return lighter(grey, -0.22 * stage.palette.darkness)


@ELEMENTS.add(
    "pyramid",
    "pyramid, 金字塔",
    "stand",
    43,
    mood="desert",
    near="sphinx, egypt, 狮身人面像",
    takes="colour, size",
)
def pyramid(stage: Stage, mention: Mention) -> None:
    """Two faces of coursed stone, one lit, one in the shade; smaller pyramids behind."""
    left = Shape().area(*path("-80,-6 0,64 12,-6"))
    right = Shape().area(*path("0,64 12,-6 78,-6"))
    own = stage.colour_of(
        mention, mix(np.array([0.75, 0.03, 0.09], np.float32), stage.palette.near, 0.35)
    )
    own = lighter(own, -0.25 * stage.palette.darkness)
    courses = Shape()
    for row in range(1, 14):
        y = -0.06 + 0.05 * row
        t = (0.64 - y) / 0.7
        courses.line([(-0.8 * t, y), (0.12 * t, y - 0.005), (0.78 * t, y)], 0.004)
    for dx, size, far in ((-0.3, 0.26, 0.45), (0.27, 0.34, 0.3), (0.0, 0.5, 0.05)):
        x = stage.place(mention) + dx
        y = stage.ground_at(x) + 0.03
        size *= stage.size(mention)
        lit, dark = mix(own, stage.palette.light, 0.3), mix(own, stage.palette.ink, 0.4)
        sunny_left = stage.plan.light_x < x
        stage.put(left, x, y, size, lit if sunny_left else dark, far=far, rim=0, shade=0.08)
        stage.put(right, x, y, size, dark if sunny_left else lit, far=far, rim=0, shade=0.08)
        stage.put(
            courses, x, y, size, mix(own, stage.palette.ink, 0.35), far=far, rim=0, strength=0.5
        )


@ELEMENTS.add(
    "ruins",
    "ruin, ancient ruins, 遗迹, 废墟, 古迹",
    "stand",
    45,
    near="greek temple, colosseum, parthenon, acropolis, 神殿, column, 石柱",
)
def ruins(stage: Stage, mention: Mention) -> None:
    """Columns of a temple, some broken, with part of the beam that they carried."""
    rng = stage.rng("ruins")
    columns, beam, shade = Shape(), Shape(), Shape()
    heights = [0.62 if rng.random() < 0.65 else rng.uniform(0.2, 0.5) for _ in range(7)]
    heights[2] = heights[3] = 0.62
    for i, height in enumerate(heights):
        x = -0.6 + 0.2 * i
        columns.area((x - 0.052, 0), (x - 0.042, height), (x + 0.042, height), (x + 0.052, 0))
        columns.box(x - 0.072, -0.02, x + 0.072, 0.03)
        for flute in range(3):
            shade.box(x - 0.026 + 0.024 * flute, 0.04, x - 0.018 + 0.024 * flute, height - 0.02)
        if height > 0.6:
            columns.box(x - 0.066, height - 0.025, x + 0.066, height + 0.02)
    first = next(i for i, height in enumerate(heights) if height > 0.6)
    last = max(i for i, height in enumerate(heights) if height > 0.6)
    x0, x1 = -0.68 + 0.2 * min(first, 2), -0.52 + 0.2 * max(3, min(last, 4))
    beam.area((x0, 0.64), (x0 + 0.02, 0.73), (x1 - 0.06, 0.73), (x1, 0.64))
    beam.area(
        (x0 + 0.02, 0.73), ((x0 + x1) / 2, 0.86), ((x0 + x1) / 2 + 0.1, 0.8), (x1 - 0.08, 0.73)
    )
    steps = Shape().box(-0.8, -0.08, 0.8, -0.02).box(-0.88, -0.16, 0.88, -0.07)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, stone(stage))
        stage.put(steps, x, y, size, lighter(own, -0.06), flip=flip)
        stage.put(shade, x, y, size, mix(own, stage.palette.ink, 0.35), flip=flip, rim=0)
        stage.put(beam, x, y, size, lighter(own, -0.03), flip=flip)

    stage.crowd(mention, columns, 0.46, stone(stage), after=rest)


@ELEMENTS.add(
    "tower",
    "tower, eiffel tower, 铁塔, 埃菲尔铁塔, 高塔",
    "stand",
    45,
    near="paris, clock tower, big ben, london, 巴黎, 钟楼, 伦敦",
)
def tower(stage: Stage, mention: Mention) -> None:
    """An iron tower on four legs, tapering, cross-braced."""
    shape = Shape()
    outline = path(
        "-30,0 -20,20 -13,38 -8,58 -4,80 -2,100 2,100 4,80 8,58 13,38 20,20 30,0 20,0 12,17 -12,17 -20,0"
    )
    shape.area(*outline)
    shape.box(-0.215, 0.18, 0.215, 0.215).box(-0.14, 0.37, 0.14, 0.4).box(-0.03, 0.9, 0.03, 0.93)
    shape.line(path("0,98 0,112"), 0.014, 0.005)
    for low, high, wide in ((0.225, 0.36, 0.11), (0.41, 0.53, 0.055), (0.55, 0.66, 0.035)):
        shape.area((-wide, low), (0, (low + high) / 2 - 0.012), (wide, low), cut=True)
        shape.area(
            (-wide * 0.62, high), (0, (low + high) / 2 + 0.012), (wide * 0.62, high), cut=True
        )
    shape.disc(0, 0.0, 0.165, 0.15, cut=True)
    lamps = Shape()
    for step in range(12):
        half = 0.28 * (1 - step / 12) ** 1.6
        lamps.dab(-half, 0.04 + 0.075 * step, 0.006).dab(half, 0.04 + 0.075 * step, 0.006)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        if stage.palette.darkness > 0.35:
            stage.light_up(
                lamps, x, y, size, mix(stage.accent(1), stage.palette.light, 0.4), flip=flip
            )

    stage.crowd(mention, shape, 0.62, mix(stage.palette.ink, stage.palette.far, 0.3), after=rest)


@ELEMENTS.add(
    "statue",
    "statue, 雕像",
    "stand",
    45,
    near="sculpture, buddha, monument, idol, 佛像, 佛, 大佛, 石像",
)
def statue(stage: Stage, mention: Mention) -> None:
    """A seated stone figure, at peace."""
    shape = (
        Shape()
        .blob(*path("-52,8 -46,22 -26,30 -28,52 -20,66 20,66 28,52 26,30 46,22 52,8 40,0 -40,0"))
        .blob(*path("-14,66 -15,82 -10,94 10,94 15,82 14,66"))
        .disc(0, 0.97, 0.07, 0.065)
        .box(-0.62, -0.12, 0.62, 0.02)
    )
    folds = (
        Shape().line(path("-20,62 -4,46 14,30"), 0.016, 0.01).line(path("-30,16 0,8 30,16"), 0.018)
    )
    folds.line(path("-8,80 -3,79"), 0.012).line(path("8,80 3,79"), 0.012).line(
        path("-4,72 0,71 4,72"), 0.01
    )

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, stone(stage))
        stage.put(folds, x, y, size, mix(own, stage.palette.ink, 0.5), flip=flip, rim=0)

    stage.crowd(
        mention, shape, 0.46, mix(stone(stage), stage.palette.ink, 0.15), after=rest, rim=0.7
    )
