"""Sights: fireworks, meteors, volcanoes, waterfalls."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import smoothstep
from engines.sketch.palette import lighter, mix, to_linear
from engines.sketch.shape import Shape
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "fireworks",
    "firework, fireworks, 烟花, 烟火, 焰火",
    "over",
    98,
    mood="night",
    spread="",
    near="celebration, festival, new year, 节日, 新年, 春节",
    takes="colour, size, count",
    many=True,
)
def fireworks(stage: Stage, mention: Mention) -> None:
    stage.afterwards.append(lambda: _fireworks(stage, mention))


def _fireworks(stage: Stage, mention: Mention) -> None:
    rng = stage.rng("fireworks")
    for burst in range(mention.count or 5):
        x, y = rng.uniform(0.1, 0.9), rng.uniform(0.08, 0.48)
        size = rng.uniform(0.1, 0.23) * stage.size(mention)
        colour = stage.colour_of(mention, stage.accent(burst))
        rays, sparks = Shape(), Shape()
        for ray in range(34):
            angle = 2 * pi * ray / 34 + rng.normal() * 0.05
            reach = rng.uniform(0.75, 1.0)
            line = [
                (t * reach * cos(angle), t * reach * sin(angle) - 0.22 * t * t)
                for t in (0.25, 0.5, 0.75, 1.0)
            ]
            rays.line(line, 0.006, 0.02)
            sparks.dab(*line[-1], 0.026).dab(*line[-2], 0.012)
        stage.halo(x, y, size * 1.4, colour, 0.3)
        stage.light_up(rays, x, y, size, lighter(colour, 0.04))
        stage.light_up(sparks, x, y, size, mix(colour, stage.palette.light, 0.7))


@ELEMENTS.add(
    "meteor",
    "meteor, shooting star, meteor shower, falling star, 流星, 流星雨",
    "sky",
    13,
    mood="night",
    spread="",
    near="comet, 彗星",
    takes="colour, size, count",
    many=True,
)
def meteor(stage: Stage, mention: Mention) -> None:
    stage.afterwards.append(lambda: _meteors(stage, mention))


def _meteors(stage: Stage, mention: Mention) -> None:
    rng = stage.rng("meteor")
    side = 1 if stage.plan.mirrored else -1
    slope = rng.uniform(0.4, 0.7)
    colour = stage.colour_of(mention, mix(stage.palette.light, stage.accent(1), 0.15))
    for i in range(mention.count or 4):
        x, y = rng.uniform(0.15, 0.85), rng.uniform(0.12, 0.5) * stage.horizon
        size = (0.42 if i == 0 else rng.uniform(0.12, 0.3)) * stage.size(mention)
        for reach, thick, strength in ((1.0, 0.012, 0.35), (0.6, 0.016, 0.5), (0.25, 0.022, 0.9)):
            trail = Shape().line(
                [(-side * reach * t, slope * reach * t) for t in (0, 0.5, 1)], thick, 0.001
            )
            stage.put(trail, x, y, size, colour, rim=0, shade=0, strength=strength)
        stage.halo(x, y, size * 0.09, colour, 0.9)


@ELEMENTS.add(
    "volcano",
    "volcano, eruption, erupting volcano, 火山, 火山喷发",
    "backdrop",
    21,
    mood="fire",
    spread="",
    takes="colour, size",
)
def volcano(stage: Stage, mention: Mention) -> None:
    """A cone with fire in its mouth and down its side, and smoke above."""
    canvas, rng, palette = stage.canvas, stage.rng("volcano"), stage.palette
    x, base = 0.5 + rng.uniform(-0.14, 0.14), stage.horizon + 0.03
    tall = 0.44 * stage.size(mention)
    cone = [(-0.13, 1.0), (-0.06, 0.965), (0.05, 0.975), (0.13, 1.0)]
    left = [(-0.13 - 1.05 * t**1.55 + rng.normal() * 0.012, 1 - t) for t in np.linspace(1, 0.08, 9)]
    right = [(0.13 + 1.05 * t**1.55 + rng.normal() * 0.012, 1 - t) for t in np.linspace(0.08, 1, 9)]
    peak_y = base - tall * canvas.unit / canvas.height
    smoke = canvas.field(rng, (5, 5), octaves=5)
    dx = (canvas.x - x) * (canvas.width / canvas.unit) + (canvas.y - peak_y) * 0.35
    rise = np.clip((peak_y - canvas.y) / max(peak_y, 0.05), 0, 1)
    plume = np.exp(-((dx / (0.05 + 0.3 * rise)) ** 2)) * smoothstep(-0.02, 0.06, peak_y - canvas.y)
    mask = np.clip(plume * (0.85 + 0.6 * smoke), 0, 0.93).astype(np.float32)
    fire = np.array([0.7, 0.15, 0.14], np.float32)
    tone = mix(mix(palette.ink, palette.sky[1], 0.35), fire, 0.1)
    lit = smoothstep(-0.6, 0.9, smoke + 0.5 - rise)[..., None]
    canvas.wash(
        mask,
        (to_linear(tone) * (1 - lit) + to_linear(mix(tone, fire, 0.7)) * lit).astype(np.float32),
    )
    stage.cover_sky(mask)
    stage.halo(x, peak_y, 0.24, fire, 0.8)
    rock = stage.colour_of(mention, mix(palette.ink, palette.far, 0.35))
    stage.put(Shape().area(*left, *cone, *right), x, base, tall, rock, shade=-0.2, rim=0.3)
    lava = Shape()
    for start, drift in ((-0.05, -0.28), (0.02, 0.06), (0.07, 0.34)):
        stream = [
            (start + drift * t + 0.03 * sin(9 * t + start * 50), 0.98 - 0.62 * t)
            for t in np.linspace(0, 1, 9)
        ]
        lava.line(stream, 0.06, 0.014)
    stage.light_up(lava, x, base, tall, mix(fire, np.array([0.88, 0.06, 0.16], np.float32), 0.4))


@ELEMENTS.add(
    "waterfall",
    "waterfall, falls, 瀑布",
    "backdrop",
    27,
    spread="",
    near="cascade",
    takes="colour, size",
)
def waterfall(stage: Stage, mention: Mention) -> None:
    """Two cliffs with white water between them, and spray where it lands."""
    canvas, rng, palette = stage.canvas, stage.rng("waterfall"), stage.palette
    x, wide = 0.5 + rng.uniform(-0.12, 0.12), 0.085 * stage.size(mention)
    top, foot = max(stage.horizon - 0.42, 0.1), stage.horizon + 0.05
    across = canvas.width / canvas.unit
    tall = (foot - top) * canvas.height / canvas.unit
    rock = stage.colour_of(mention, mix(palette.far, palette.ink, 0.45))
    cliffs = np.zeros((canvas.rows, canvas.columns), np.float32)
    for side in (-1, 1):
        steps = np.linspace(0, 1, 9)
        inner = [
            (side * (wide * (0.85 + 0.5 * t) + rng.normal() * 0.01), tall * (1 - t)) for t in steps
        ]
        brow = [
            (side * (across + 0.2), tall * (1.0 + 0.2 * rng.random())),
            (side * 0.3, tall * (1.06 + 0.1 * rng.random())),
        ]
        cliff = Shape().area((side * (across + 0.2), -0.02), *brow, *inner)
        stage.put(cliff, x, foot, 1, rock, rim=0.4, shade=0.15, far=0.12)
        covered = canvas.spread(cliff.mask(x * canvas.width, foot * canvas.height, canvas.unit))
        cliffs = np.maximum(cliffs, covered)
    # slightly bent layers of rock, with cracks that water has worn across them
    layers = stage.texture.smooth_at(canvas.x * 0.25, canvas.y * 2.1)
    cracks = stage.texture.smooth_at(canvas.x * 1.9, canvas.y * 0.3 + 0.05 * layers)
    lit = smoothstep(-0.5, 0.9, layers + 0.6 * cracks)
    canvas.wash((cliffs * lit * 0.5).astype(np.float32), to_linear(mix(rock, palette.light, 0.4)))
    deep = smoothstep(0.3, 1.1, -cracks)
    canvas.wash((cliffs * deep * 0.6).astype(np.float32), to_linear(mix(rock, palette.ink, 0.6)))
    fall = (canvas.x - x) * across
    down = np.clip((canvas.y - top) / (foot - top), 0, 1)
    threads = stage.texture.smooth_at(fall * 3.2, down * 0.3)
    edge = wide * (0.85 + 0.45 * down)
    body = smoothstep(1.08, 0.85, np.abs(fall) / edge) * (canvas.y > top) * (canvas.y < foot)
    white = mix(palette.light, palette.sky[1], 0.15)
    blue = mix(palette.sky[1], palette.water, 0.4)
    lit = smoothstep(-0.7, 0.7, threads + 0.3)[..., None]
    canvas.wash(body.astype(np.float32), to_linear(blue) * (1 - lit) + to_linear(white) * lit)
    stage.cover_sky(body.astype(np.float32))
    spray = np.exp(-((fall / (wide * 2.4)) ** 2) - ((canvas.y - foot) / 0.05) ** 2) * 0.8
    canvas.wash(spray.astype(np.float32), to_linear(white))


@ELEMENTS.add(
    "lone mountain",
    "mount fuji, fuji, mt fuji, 富士山, 富士",
    "backdrop",
    21,
    spread="",
    near="kilimanjaro",
    takes="colour, size",
)
def lone_mountain(stage: Stage, mention: Mention) -> None:
    """A perfect cone with snow on top."""
    canvas, rng, palette = stage.canvas, stage.rng("fuji"), stage.palette
    x, base = 0.25 + 0.5 * stage.plan.light_x, stage.horizon + 0.02
    tall = 0.42 * stage.size(mention)
    flank = np.linspace(0, 1, 14)
    left = [(-0.1 - 1.6 * t**1.6, 1 - t) for t in flank[::-1]]
    right = [(0.1 + 1.6 * t**1.6, 1 - t) for t in flank]
    rock = lighter(mix(palette.far, palette.water, 0.4), -0.1)
    body = stage.distant(stage.colour_of(mention, rock), 0.06)
    stage.put(Shape().area(*left, *right), x, base, tall, body, shade=0.1, rim=0.25)
    cap = [(px, py) for px, py in left if py > 0.62]
    teeth = [
        (0.36 - 0.072 * k, 0.72 - (0.16 if k % 2 else 0.0) - 0.05 * rng.random())
        for k in range(1, 10)
    ]
    snow = Shape().area(*cap, *[(px, py) for px, py in right if py > 0.62], *teeth)
    white = lighter(
        mix(palette.light, np.array([0.96, 0, 0], np.float32), 0.5), -0.15 * palette.darkness
    )
    if "snow" not in stage.plan.refused:
        stage.put(snow, x, base, tall, mix(white, stage.haze, 0.12), shade=0.06, rim=0.2)
    haze = smoothstep(base - 0.16, base, canvas.y) * (1 - stage.sky_left) * 0.4
    canvas.wash(haze.astype(np.float32), to_linear(stage.haze))
