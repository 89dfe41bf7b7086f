"""Animals that stand on the ground, as silhouettes with a light edge; outlines in hundredths."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats
from engines.sketch.palette import lighter, mix
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()


def fur(stage: Stage, red: float = 0.0) -> Floats:
    """Return the colour of a dark coat in the picture's own palette; ``red`` makes it foxier."""
    coat = mix(stage.palette.ink, stage.palette.near, 0.18)
    return mix(coat, np.array([0.55, 0.1, 0.11], np.float32), red)


@ELEMENTS.add("wolf", "wolf, howling wolf, 狼, 野狼", "stand", 70, near="coyote, husky, 雪狼")
def wolf(stage: Stage, mention: Mention) -> None:
    """A sitting wolf, howling."""
    shape = (
        Shape()
        .blob(
            *path(
                "-26,0 -32,12 -27,32 -14,52 -4,70 4,80 18,72 16,54 16,30 15,12 18,0 6,0 4,16 -4,2"
            )
        )
        .blob(*path("-4,72 -4,84 4,92 16,100 24,108 28,106 25,99 30,98 27,92 20,86 18,72"))
        .area(*path("-3,82 -14,90 3,94"))
        .line(path("-26,6 -44,4 -54,14"), 0.1, 0.05)
    )
    stage.crowd(mention, shape, 0.42, fur(stage))


@ELEMENTS.add("fox", "fox, red fox, 狐狸, 狐, 赤狐", "stand", 70)
def fox(stage: Stage, mention: Mention) -> None:
    """A sitting fox, its brush around it, its breast and the tip of its tail white."""
    body = (
        Shape()
        .blob(*path("-20,0 -25,14 -18,36 -9,56 10,58 14,38 14,16 16,0"))
        .blob(*path("-14,66 -13,76 -4,80 12,79 20,70 36,62 34,58 18,56 2,54 -10,58"))
        .area(*path("-13,72 -14,96 -2,80"))
        .area(*path("3,80 12,97 16,74"))
    )
    brush = Shape().blob(*path("-18,2 -34,0 -52,8 -58,26 -52,38 -46,28 -38,18 -22,16"))
    white = (
        Shape().blob(*path("6,54 14,50 13,30 9,22 4,38")).blob(*path("-58,26 -52,40 -48,28 -54,20"))
    )
    coat = fur(stage, 0.75)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(brush, x, y, size, stage.colour_of(mention, coat), flip=flip)
        stage.put(white, x, y, size, mix(stage.palette.light, coat, 0.25), flip=flip, rim=0)

    stage.crowd(mention, body, 0.38, coat, after=rest)


@ELEMENTS.add(
    "horse",
    "horse, stallion, mare, 马, 骏马",
    "stand",
    70,
    near="pony, pegasus, donkey, zebra, 斑马",
    forms={"horned": "unicorn, 独角兽"},
)
def horse(stage: Stage, mention: Mention) -> None:
    """A walking horse, its mane and tail in the wind."""
    shape = (
        Shape()
        .blob(*path("-46,60 -32,67 -10,64 10,67 22,80 30,97 36,101 42,96 57,79 56,73 50,72 42,78 35,74 31,56 24,46 0,43 -24,44 -44,46"))
        .area(*path("31,98 32,107 38,99"))
        .line(path("24,52 28,28 25,13 27,0"), 0.11, 0.035)
        .line(path("18,50 14,28 20,14 17,2"), 0.11, 0.035)
        .line(path("-38,54 -46,30 -39,16 -42,0"), 0.14, 0.035)
        .line(path("-30,52 -27,30 -34,15 -31,2"), 0.13, 0.035)
        .blob(*path("-44,62 -54,60 -63,44 -60,20 -52,30 -50,46"))
        .blob(*path("8,68 8,80 17,94 31,103 28,92 22,78"))
    )  # fmt: skip
    horned = "horned" in mention.qualities
    horn = Shape().area(*path("38,101 52,124 44,97"))
    coat = mix(stage.palette.light, stage.haze, 0.15) if horned else fur(stage, 0.3)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        if horned:
            gold = mix(np.array([0.8, 0.02, 0.13], np.float32), stage.accent(1), 0.2)
            stage.light_up(horn, x, y, size, gold, flip=flip)

    stage.crowd(mention, shape, 0.36, lighter(coat, -0.04 * horned), after=rest, firm=horned)


@ELEMENTS.add(
    "deer", "deer, stag, 鹿", "stand", 70, near="elk, reindeer, moose, doe, 麋鹿, 小鹿, 梅花鹿"
)
def deer(stage: Stage, mention: Mention) -> None:
    """A stag that has heard something."""
    shape = (
        Shape()
        .blob(*path("-36,52 -24,58 0,56 10,60 15,74 18,86 25,88 37,81 36,77 27,76 24,64 22,50 16,42 -4,40 -24,41 -36,44"))
        .line(path("16,48 18,24 16,0"), 0.07, 0.022)
        .line(path("10,46 8,24 11,1"), 0.07, 0.022)
        .line(path("-30,48 -35,26 -31,0"), 0.09, 0.022)
        .line(path("-24,46 -24,24 -27,1"), 0.08, 0.022)
        .area(*path("17,86 8,91 17,90"))
        .line(path("20,87 14,100 4,110 2,122"), 0.024, 0.012)
        .line(path("22,87 28,101 36,109 37,121"), 0.024, 0.012)
        .line(path("14,100 16,112 13,119"), 0.018, 0.01)
        .line(path("28,101 25,112 29,119"), 0.018, 0.01)
        .line(path("4,110 -5,116"), 0.016, 0.01)
        .line(path("36,109 44,113"), 0.016, 0.01)
    )  # fmt: skip
    stage.crowd(mention, shape, 0.36, fur(stage, 0.35))


@ELEMENTS.add("rabbit", "rabbit, bunny, 兔子, 兔, 小兔", "stand", 70, near="hare")
def rabbit(stage: Stage, mention: Mention) -> None:
    shape = (
        Shape()
        .blob(*path("-34,0 -42,16 -36,38 -16,50 6,46 20,34 26,14 30,0"))
        .blob(*path("8,44 6,60 16,70 30,68 38,58 36,46 24,38"))
        .blob(*path("12,66 2,84 2,104 10,102 18,84 20,68"))
        .blob(*path("20,68 16,88 20,106 27,102 28,84 27,68"))
        .disc(-0.42, 0.16, 0.08)
    )
    coat = mix(stage.palette.light, stage.palette.near, 0.5 + 0.2 * stage.palette.darkness)
    stage.crowd(mention, shape, 0.24, coat)


@ELEMENTS.add("elephant", "elephant, 大象, 象", "stand", 70, near="mammoth")
def elephant(stage: Stage, mention: Mention) -> None:
    """An elephant with its trunk down and one ear spread."""
    body = (
        Shape()
        .blob(*path("-54,44 -52,66 -38,80 -10,86 12,82 26,88 42,80 50,66 50,52 42,44 30,46 24,40 -10,34 -40,34"))
        .line(path("46,62 54,44 53,24 57,10 65,8"), 0.15, 0.05)
        .box(-0.52, 0, -0.37, 0.5).box(-0.32, 0.02, -0.19, 0.45)
        .box(0.0, 0.02, 0.13, 0.45).box(0.16, 0, 0.31, 0.55)
        .line(path("-54,66 -60,46 -58,34"), 0.025, 0.015)
    )  # fmt: skip
    ear = Shape().blob(*path("16,82 6,66 10,46 22,40 32,54 32,74"))
    tusk = Shape().blob(*path("45,50 55,36 68,38 58,43 50,54"))
    grey = mix(stage.palette.ink, np.array([0.6, 0.0, 0.01], np.float32), 0.45)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        stage.put(ear, x, y, size, lighter(stage.colour_of(mention, grey), -0.06), flip=flip)
        stage.put(tusk, x, y, size, mix(stage.palette.light, grey, 0.2), flip=flip, rim=0)

    stage.crowd(mention, body, 0.46, grey, after=rest)


@ELEMENTS.add("owl", "owl, 猫头鹰", "stand", 70, mood="night")
def owl(stage: Stage, mention: Mention) -> None:
    """An owl on a stump, with large eyes."""
    stump = Shape().area(*path("-30,-20 -24,20 -20,22 22,22 26,18 32,-20"))
    body = (
        Shape()
        .blob(*path("-24,30 -28,54 -25,80 -14,92 14,92 25,80 28,54 24,30 10,18 -10,18"))
        .area(*path("-22,84 -26,104 -6,92"))
        .area(*path("22,84 26,104 6,92"))
    )
    face = Shape().disc(-0.105, 0.78, 0.1).disc(0.105, 0.78, 0.1)
    rings = Shape().disc(-0.105, 0.78, 0.07).disc(0.105, 0.78, 0.07)
    pupils = Shape().disc(-0.1, 0.78, 0.036).disc(0.1, 0.78, 0.036)
    beak = Shape().area(*path("-4,75 4,75 0,65"))
    coat = fur(stage, 0.3)

    def rest(stage: Stage, x: float, y: float, size: float, flip: bool) -> None:
        own = stage.colour_of(mention, coat)
        stage.put(stump, x, y, size, mix(stage.palette.ink, stage.palette.near, 0.3), flip=flip)
        stage.put(face, x, y, size, mix(own, stage.palette.light, 0.35), flip=flip, rim=0)
        amber = np.array([0.82, 0.03, 0.16], np.float32)
        stage.light_up(rings, x, y, size, amber, flip=flip)
        stage.light_up(pupils, x, y, size, stage.palette.ink, flip=flip)
        stage.light_up(beak, x, y, size, mix(own, stage.palette.ink, 0.5), flip=flip)

    stage.crowd(mention, body, 0.36, coat, after=rest)
