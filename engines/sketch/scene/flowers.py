"""Flowers in a bed or in a vase: each kind has a head of its own."""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats
from engines.sketch.palette import from_hex, lighter, mix
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@cache
def rosette(petals: int, *, reach: float = 0.5, slim: float = 1.0) -> Shape:
    """Return a flower seen from the front, centred at (0, 0), with a radius of ``reach``."""
    wide = 0.95 / petals * slim
    petal = Shape().blob(
        (0.02, 0), (0.25, wide), (0.46, wide * 0.7), (0.5, 0), (0.46, -wide * 0.7), (0.25, -wide)
    )
    shape = Shape()
    for k in range(petals):
        grown = petal.moved(lambda x, y: (x * reach * 2, y))
        shape.with_parts_of(grown.turned(360 * k / petals), 0, 0)
    return shape


@cache
def _tulip() -> tuple[Shape, Shape]:
    outer = Shape().blob(*path("-30,40 -34,10 -28,-20 0,-36 28,-20 34,10 30,40 16,18 0,34 -16,18"))
    inner = Shape().blob(*path("-15,30 -16,0 0,-34 16,0 15,30 0,46"))
    return outer, inner


@cache
def _rose() -> tuple[Shape, Shape, Shape]:
    outer = Shape().blob(*path("-40,6 -34,32 -6,42 26,36 42,10 34,-22 8,-40 -26,-32"))
    folds, heart = Shape(), Shape()
    for radius, start in ((0.31, 0.4), (0.22, 2.4), (0.13, 4.6)):
        arc = [
            (radius * np.cos(start + t), radius * np.sin(start + t))
            for t in np.linspace(0, 4.4, 16)
        ]
        folds.line(arc, 0.045, 0.02)
    heart.disc(0, 0, 0.07)
    return outer, folds, heart


def bloom(
    stage: Stage, kind: str, x: float, y: float, size: float, colour: Floats, turn: float
) -> None:
    """Paint one head of this kind, its middle at (x, y)."""
    ink = stage.palette.ink
    if kind == "tulip":
        outer, inner = _tulip()
        stage.put(outer, x, y, size, lighter(colour, -0.07), rim=0.3)
        stage.put(inner, x, y, size, lighter(colour, 0.05), rim=0.4)
    elif kind == "rose":
        outer, folds, heart = _rose()
        stage.put(outer.turned(turn), x, y, size, colour, rim=0.4, shade=0.2)
        stage.put(folds.turned(turn), x, y, size, mix(colour, ink, 0.35), rim=0)
        stage.put(heart, x, y, size, mix(colour, ink, 0.5), rim=0)
    elif kind == "sunflower":
        stage.put(
            rosette(16, slim=1.5).turned(turn), x, y, size * 1.15, lighter(colour, -0.07), rim=0.3
        )
        stage.put(
            rosette(16, reach=0.44, slim=1.4).turned(turn + 11), x, y, size * 1.15, colour, rim=0.35
        )
        stage.put(Shape().disc(0, 0, 0.22), x, y, size * 1.15, from_hex("#4a2c16"), rim=0.3)
        stage.put(Shape().disc(0, 0, 0.12), x, y, size * 1.15, from_hex("#6b4422"), rim=0)
    elif kind == "daisy":
        stage.put(rosette(13, slim=1.25).turned(turn), x, y, size, colour, rim=0.3)
        stage.put(Shape().disc(0, 0, 0.15), x, y, size, from_hex("#eeb532"), rim=0.3)
    else:
        petals = 5 + int(turn) % 3
        stage.put(rosette(petals).turned(turn), x, y, size, colour, rim=0.35)
        stage.put(Shape().disc(0, 0, 0.12), x, y, size, mix(stage.accent(1), ink, 0.35), rim=0)


def _colours(stage: Stage, kind: str) -> list[Floats]:
    own = {
        "sunflower": ("#f2b51f", "#e8a317"),
        "rose": ("#b81f38", "#d8455f", "#e8a0ac"),
        "tulip": ("#d8343f", "#f0b52e", "#c862a8"),
        "daisy": ("#f6f3ea",),
    }.get(kind)
    if own is None:
        pale = mix(stage.accent(2), stage.palette.light, 0.4)
        return [stage.accent(0), stage.accent(1), pale]
    dim = -0.12 * stage.palette.darkness
    return [mix(lighter(from_hex(hexa), dim), stage.haze, 0.06) for hexa in own]


def _bed(stage: Stage, mention: Mention, *, kind: str) -> None:
    """Paint a bed of flowers in front of everything, or leave them to the vase."""
    if stage.plan.has("vase") and not stage.canvas.tile:
        return
    rng = stage.rng("flowers" if kind == "flowers" else f"flowers: {kind}")
    colours = _colours(stage, kind)
    others = sum(stage.plan.has(other) for other in KINDS)
    count = min((mention.count or 10) * 4, 40) // max(others, 1)
    spots = sorted((rng.random() ** 0.8, rng.random()) for _ in range(count))
    green = mix(stage.palette.near, np.array([0.5, -0.08, 0.08], np.float32), 0.5)
    for near, x in spots:
        y = 0.86 + 0.2 * near
        size = (0.1 + 0.13 * near) * stage.size(mention)
        lean = rng.uniform(-0.12, 0.12)
        stem = Shape().line([(0, -0.3), (lean * 0.4, 0.4), (lean, 0.8)], 0.035, 0.022)
        stem.blob((0, 0.2), (0.2, 0.36), (0.3, 0.5), (0.1, 0.36))
        stage.put(stem, x, y, size, lighter(green, -0.12), rim=0.3)
        colour = stage.colour_of(mention, colours[int(rng.integers(len(colours)))])
        top_y = y - 0.8 * size * stage.canvas.unit / stage.canvas.height
        top_x = x + lean * size * stage.canvas.unit / stage.canvas.width
        shade = lighter(colour, 0.1 * (rng.random() - 0.5))
        bloom(stage, kind, top_x, top_y, size * 0.62, shade, float(rng.uniform(0, 60)))


KINDS = {
    "flowers": (
        "flower, blossoms, wildflower, 花, 花朵, 鲜花, 野花",
        "poppy, lily, orchid, peony, hydrangea, lavender flowers, bouquet, garden, 百合, 花园, 花束, 牡丹",
    ),
    "sunflower": ("sunflower, 向日葵", ""),
    "rose": ("rose, roses, 玫瑰", ""),
    "tulip": ("tulip, 郁金香", ""),
    "daisy": ("daisy, 雏菊", "chamomile"),
}

for _kind, (_words, _near) in KINDS.items():
    ELEMENTS.add(
        _kind,
        _words,
        "stand",
        82,
        mood="spring",
        spread="across",
        near=_near,
        takes="colour, size, count",
    )(partial(_bed, kind=_kind))


@ELEMENTS.add(
    "vase", "vase, flower vase, 花瓶", "stand", 76, near="flower pot, jar, pitcher, 花盆", takes="colour, size, count, flying",
)  # fmt: skip
def vase(stage: Stage, mention: Mention) -> None:
    """A vase with a bunch of the flowers that the words name."""
    rng = stage.rng("vase")
    body = Shape().blob(
        *path("-10,52 -13,46 -10,42 -24,28 -26,14 -15,0 15,0 26,14 24,28 10,42 13,46 10,52")
    )
    shine = Shape().blob(*path("-18,28 -19,14 -14,8 -15,24"))
    kinds = [kind for kind in KINDS if stage.plan.has(kind)] or ["flowers"]
    green = mix(from_hex("#4f7a3e"), stage.palette.near, 0.25)
    china = mix(mix(stage.accent(2), from_hex("#7f9aa8"), 0.4), stage.palette.light, 0.25)
    bunch = (
        (-26, 74),
        (26, 76),
        (0, 98),
        (-14, 90),
        (15, 90),
        (-36, 88),
        (36, 90),
        (-2, 76),
        (13, 72),
        (-22, 104),
        (22, 106),
    )
    for x, y, size in stage.spots(mention, 0.42, half=0.5):
        own = stage.colour_of(mention, china)
        stems, leaves = Shape(), Shape()
        for k, (hx, hy) in enumerate(bunch):
            stems.line([(0.0, 0.48), (hx / 180, 0.6), (hx / 100, hy / 100)], 0.016)
            if k < 6:
                leaves.with_parts_of(Shape().blob((0, 0), (0.1, 0.05), (0.24, 0), (0.1, -0.05)).turned(25 + 130 * (k % 2)), hx / 170, 0.58 + 0.02 * k)  # fmt: skip
        stage.put(
            Shape().disc(0.02, 0.0, 0.27, 0.06), x, y, size, stage.palette.ink, rim=0, strength=0.3
        )
        stage.put(stems, x, y, size, lighter(green, -0.06), rim=0.2)
        stage.put(leaves, x, y, size, green, rim=0.4)
        unit = stage.canvas.unit
        for k, (hx, hy) in enumerate(bunch):
            kind = kinds[k % len(kinds)]
            asked = stage.plan.find(kind)
            colours = _colours(stage, kind)
            colour = colours[k % len(colours)]
            colour = stage.colour_of(asked, colour) if asked else colour
            head_x = x + hx / 100 * size * unit / stage.canvas.width
            head_y = y - hy / 100 * size * unit / stage.canvas.height
            bloom(
                stage,
                kind,
                head_x,
                head_y,
                size * 0.3,
                lighter(colour, 0.05 * (k % 3 - 1)),
                float(rng.uniform(0, 60)),
            )
        stage.put(body, x, y, size, own, rim=0.7, shade=0.2)
        stage.put(shine, x, y, size, mix(own, stage.palette.light, 0.6), rim=0, strength=0.6)
