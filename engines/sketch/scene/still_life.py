"""Things for a still life on a table: candle, cup, fruit, book, guitar, clock."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.palette import from_hex, mix
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()

COFFEE = "#4a2a1c"

#: what else may be in a cup
DRINKS = {"tea": "#b5672a", "matcha": "#8fae4a", "latte": "#c9986a"}


@ELEMENTS.add(
    "candle", "candle, candlelight, 蜡烛, 烛光", "stand", 75, mood="dusk", near="torch, flame, 火炬"
)
def candle(stage: Stage, mention: Mention) -> None:
    """Wax, wick and flame, with a warm light on things nearby."""
    wax = Shape().blob(*path("-14,0 -14,50 -12,56 0,53 12,57 14,50 14,0 0,-3"))
    wick = Shape().line(path("0,54 1,62"), 0.016)
    flame = Shape().blob(*path("0,58 -7,66 -6,76 0,92 6,76 7,66"))
    core = Shape().blob(*path("0,59 -4,66 0,78 4,66"))
    warm = np.array([0.82, 0.06, 0.15], np.float32)
    for x, y, size in stage.spots(mention, 0.36):
        tip_y = y - 0.7 * size * stage.canvas.unit / stage.canvas.height
        stage.halo(x, tip_y, size * 1.3, warm, 0.45)
        stage.put(
            wax,
            x,
            y,
            size,
            stage.colour_of(mention, mix(stage.palette.light, warm, 0.3)),
            shade=0.35,
        )
        stage.put(wick, x, y, size, stage.palette.ink, rim=0)
        stage.light_up(flame, x, y, size, warm)
        stage.light_up(core, x, y, size, np.array([0.97, -0.01, 0.06], np.float32))


@ELEMENTS.add(
    "cup",
    "cup, coffee, teacup, 杯子, 咖啡, 茶杯",
    "stand",
    75,
    near="mug, teapot, 茶壶",
    forms={
        "tea": "tea, 茶",
        "matcha": "matcha, green tea, matcha latte, 抹茶, 绿茶",
        "latte": "latte, cappuccino, flat white, 拿铁",
    },
)
def cup(stage: Stage, mention: Mention) -> None:
    """A steaming cup on its saucer."""
    saucer = Shape().disc(0, 0.03, 0.5, 0.075)
    handle = Shape().disc(0.36, 0.32, 0.15, 0.14)
    handle.disc(0.36, 0.32, 0.09, 0.085, cut=True)
    bowl = (
        Shape().blob(*path("-36,54 -34,26 -22,8 0,4 22,8 34,26 36,54")).disc(0, 0.54, 0.36, 0.075)
    )
    drink = Shape().disc(0, 0.54, 0.31, 0.055)
    for x, y, size in stage.spots(mention, 0.34):
        own = stage.colour_of(mention, mix(stage.palette.light, stage.accent(2), 0.2))
        stage.put(saucer, x, y, size, mix(own, stage.palette.ink, 0.2))
        stage.put(handle, x, y, size, mix(own, stage.palette.ink, 0.12))
        stage.put(bowl, x, y, size, own, shade=0.3)
        filled = next((hexa for kind, hexa in DRINKS.items() if kind in mention.qualities), COFFEE)
        stage.put(drink, x, y, size, from_hex(filled), rim=0)
        for k in (-1, 0, 1):
            curl = [(0.1 * k + 0.045 * sin(5 * t + k), 0.6 + 0.5 * t) for t in np.linspace(0, 1, 9)]
            stage.put(
                Shape().line(curl, 0.05, 0.015),
                x,
                y,
                size,
                stage.palette.light,
                rim=0,
                strength=0.28,
            )


@ELEMENTS.add(
    "fruit",
    "fruit, apple, 水果, 苹果",
    "stand",
    75,
    near="pear, peach, plum, pomegranate, lemon tree, still life, strawberry, banana, grapes, cherries, watermelon, "
    "梨, 桃子, 静物, 草莓, 香蕉, 西瓜",
    many=True,
)
def fruit(stage: Stage, mention: Mention) -> None:
    """A heap of round fruit, each with light, shade and a leaf."""
    leaf = Shape().blob(*path("2,84 14,98 34,98 22,86"))
    stalk = Shape().line(path("0,76 2,92"), 0.035, 0.02)
    body = Shape().blob(
        *path("0,76 -18,82 -38,74 -46,50 -38,20 -20,2 0,5 20,2 38,20 46,50 38,74 18,82")
    )
    shine = Shape().disc(-0.17, 0.58, 0.09, 0.13)
    shade = Shape().blob(*path("42,60 46,46 38,20 20,2 0,5 18,16 30,34"))
    heap = ((-0.11, 0.0, 0.22), (0.11, 0.0, 0.2), (0.0, 0.035, 0.24))
    for x, y, size in stage.spots(mention, 1.0):
        for i, (dx, dy, part) in enumerate(heap if mention.count != 1 else heap[2:]):
            own = stage.colour_of(mention, stage.accent(i))
            spot = (x + dx * size, y + dy, part * size * (1.0 if mention.count != 1 else 1.5))
            stage.put(body, *spot, own, shade=0.15)
            stage.put(shade, *spot, mix(own, stage.palette.ink, 0.4), rim=0, strength=0.6)
            stage.put(shine, *spot, mix(own, stage.palette.light, 0.7), rim=0, strength=0.7)
            stage.put(stalk, *spot, stage.palette.ink, rim=0)
            stage.put(leaf, *spot, np.array([0.52, -0.09, 0.08], np.float32), rim=0.3)


@ELEMENTS.add("pumpkin", "pumpkin, 南瓜", "stand", 75, near="squash, melon, jack-o-lantern, 南瓜灯")
def pumpkin(stage: Stage, mention: Mention) -> None:
    """A broad ribbed pumpkin."""
    body = Shape().blob(
        *path("0,60 -24,66 -48,54 -56,32 -48,10 -24,0 0,3 24,0 48,10 56,32 48,54 24,66")
    )
    ribs = Shape()
    for line in (
        "-30,62 -40,32 -28,3",
        "-10,61 -14,32 -9,4",
        "10,61 14,32 9,4",
        "30,62 40,32 28,3",
    ):
        ribs.line(path(line), 0.022, 0.014)
    stalk = Shape().line(path("0,60 -3,72 -12,80"), 0.09, 0.06)
    shine = Shape().blob(*path("-36,50 -44,34 -38,22 -32,36"))
    usual = mix(from_hex("#e07b1f"), stage.palette.ink, 0.3 * stage.palette.darkness)
    for x, y, size in stage.spots(mention, 0.34, half=0.58):
        own = stage.colour_of(mention, usual)
        shadow = Shape().disc(0.03, 0.0, 0.56, 0.1)
        stage.put(shadow, x, y, size, stage.palette.ink, rim=0, strength=0.3)
        stage.put(body, x, y, size, own, shade=0.22)
        stage.put(ribs, x, y, size, mix(own, stage.palette.ink, 0.35), rim=0, strength=0.7)
        stage.put(shine, x, y, size, mix(own, stage.palette.light, 0.5), rim=0, strength=0.5)
        stage.put(stalk, x, y, size, mix(from_hex("#5f7a35"), stage.palette.ink, 0.15), rim=0.4)


@ELEMENTS.add(
    "book", "book, books, open book, 书, 书本", "stand", 75, near="novel, notebook, 笔记本"
)
def book(stage: Stage, mention: Mention) -> None:
    """An open book with bright pages."""
    cover = Shape().area(*path("-66,8 -60,40 0,30 60,40 66,8 0,-4"))
    pages = (
        Shape()
        .blob(*path("-60,12 -56,42 -28,46 0,34 0,2 -28,12"))
        .blob(*path("60,12 56,42 28,46 0,34 0,2 28,12"))
    )
    lines = Shape()
    for k in range(5):
        y = 0.37 - 0.06 * k
        lines.line([(-0.5, y), (-0.28, y + 0.03), (-0.07, y - 0.055)], 0.009)
        lines.line([(0.5, y), (0.28, y + 0.03), (0.07, y - 0.055)], 0.009)
    for x, y, size in stage.spots(mention, 0.36):
        own = stage.colour_of(mention, mix(stage.accent(0), stage.palette.ink, 0.4))
        stage.put(cover, x, y, size, own)
        stage.put(pages, x, y, size, mix(stage.palette.light, stage.haze, 0.15), shade=-0.1)
        stage.put(
            lines, x, y, size, mix(stage.palette.ink, stage.palette.light, 0.4), rim=0, strength=0.6
        )
        stage.halo(x, y - 0.3 * size, size * 0.6, stage.palette.light, 0.2)


@ELEMENTS.add(
    "guitar",
    "guitar, 吉他",
    "stand",
    75,
    near="violin, cello, music, musical instrument, 小提琴, 音乐, 琵琶",
)
def guitar(stage: Stage, mention: Mention) -> None:
    """A leaning guitar, strings and all."""
    body = Shape().blob(
        *path(
            "0,0 -22,4 -28,20 -20,34 -15,42 -19,54 -12,64 0,66 12,64 19,54 15,42 20,34 28,20 22,4"
        )
    )
    neck = Shape().box(-0.03, 0.6, 0.03, 1.14).blob(*path("-5,112 -6,128 6,128 5,112"))
    hole = Shape().disc(0, 0.44, 0.085)
    strings = Shape().box(-0.11, 0.17, 0.11, 0.2)
    for k in range(4):
        strings.line([(-0.016 + 0.011 * k, 0.18), (-0.016 + 0.011 * k, 1.16)], 0.004)
    lean = 12 if stage.plan.mirrored else -12
    wood = np.array([0.58, 0.06, 0.1], np.float32)
    for x, y, size in stage.spots(mention, 0.4):
        own = stage.colour_of(mention, wood)
        stage.put(neck.turned(lean), x, y, size, mix(own, stage.palette.ink, 0.5))
        stage.put(body.turned(lean), x, y, size, own, shade=0.25)
        stage.put(hole.turned(lean), x, y, size, stage.palette.ink, rim=0)
        stage.put(strings.turned(lean), x, y, size, mix(stage.palette.light, own, 0.3), rim=0)


@ELEMENTS.add("clock", "clock, 时钟, 钟", "stand", 75, near="watch, time, hourglass, 时间, 手表")
def clock(stage: Stage, mention: Mention) -> None:
    rim_shape, face = Shape().disc(0, 0.5, 0.5), Shape().disc(0, 0.5, 0.43)
    marks = Shape()
    for hour in range(12):
        c, s = cos(hour * pi / 6), sin(hour * pi / 6)
        marks.line([(0.38 * c, 0.5 + 0.38 * s), (0.32 * c, 0.5 + 0.32 * s)], 0.028)
    marks.line(path("0,50 -14,68"), 0.04, 0.02).line(path("0,50 20,72 26,78"), 0.028, 0.012).dab(
        0, 0.5, 0.03
    )
    for x, y, size in stage.spots(mention, 0.4):
        own = stage.colour_of(mention, mix(stage.accent(1), stage.palette.ink, 0.3))
        stage.put(rim_shape, x, y, size, own, rim=0.9)
        stage.put(face, x, y, size, mix(stage.palette.light, stage.haze, 0.15), rim=0)
        stage.put(marks, x, y, size, stage.palette.ink, rim=0)
