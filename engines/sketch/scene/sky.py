"""The sky behind everything: its colours, stars, Milky Way, aurora, nebula, clouds."""

from __future__ import annotations

from math import floor

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats, fractal, smoothstep
from engines.sketch.palette import lighter, mix, ramp, to_linear
from engines.sketch.stage import Stage

ELEMENTS = Elements()


def paint_sky(stage: Stage) -> None:
    """Paint the sky's colours down to the horizon, brighter around the light; always comes first."""
    canvas, palette = stage.canvas, stage.palette
    rng = stage.rng("sky")
    wisps = canvas.field(rng, (2.5, 6), octaves=4)
    height = np.maximum(canvas.y, 0) / stage.horizon
    canvas.rgb[:] = ramp(palette.sky, np.clip(height**1.15 + 0.045 * wisps, 0, 1))
    # the light warms the air around it, far along the horizon and a little above it
    x, y = stage.plan.light_x, stage.plan.light_y
    across = (canvas.x - x) * (canvas.width / canvas.unit)
    down = (canvas.y - max(y, stage.horizon - 0.25)) * (canvas.height / canvas.unit)
    warmth = np.exp(-(across**2) * 1.6 - down**2 * 5) * (1 - palette.darkness) * 0.22
    canvas.wash(warmth.astype(np.float32), to_linear(mix(palette.sky[-1], palette.light, 0.7)))


@ELEMENTS.add(
    "stars",
    "star, starry, starry sky, 星, 星星, 星空, 繁星",
    "sky",
    5,
    mood="night",
    near="constellation",
    takes="colour",
)
def stars(stage: Stage, mention: Mention) -> None:
    stage.afterwards.append(lambda: _stars(stage, mention))


def _stars(stage: Stage, mention: Mention) -> None:
    """Paint stars after the brush, which would smear them, and only where nothing covers the sky."""
    canvas = stage.canvas
    rng = stage.rng("stars")
    count = 420
    xs, ys = rng.random(count), rng.random(count)
    sizes = rng.pareto(2.4, count).clip(0, 5)
    warm = rng.random(count)
    lowest = 1.0 if canvas.tile or stage.palette.darkness > 0.98 else stage.horizon * 0.98
    colour = to_linear(stage.colour_of(mention, stage.palette.light))
    cold = to_linear(np.array([0.9, -0.02, -0.06], np.float32))
    free = stage.sky_left
    around = canvas.around
    for own_x, own_y, size, tone in zip(xs, ys, sizes, warm, strict=True):
        if own_y > lowest:
            continue
        light = (colour if tone < 0.6 else cold) * np.float32(0.25 + 0.3 * size)
        for x, y in stage.repeated(own_x, own_y):
            column, row = floor(x * canvas.width), floor(y * canvas.height)
            if free[around.top + row, around.left + column] < 0.8:
                continue
            if size < 1.6 or stage.scale < 0.4:
                canvas.rgb[around.top + row, around.left + column] += light * max(stage.scale, 0.3)
                continue
            radius = max(2, round(size * 1.15 * stage.scale))
            canvas.sparkle(column, row, radius, light * 0.9)


@ELEMENTS.add("milky way", "milky way, milkyway, 银河, 银河系, 星河", "sky", 6, mood="night")
def milky_way(stage: Stage, mention: Mention) -> None:
    """A slanting band: light clouds along it, dark dust through its middle."""
    canvas, rng = stage.canvas, stage.rng("milky way")
    lean = rng.uniform(0.35, 0.9) * (-1 if stage.plan.mirrored else 1)
    middle = 0.5 + rng.uniform(-0.12, 0.12)
    aspect = canvas.width / canvas.unit
    # coordinates along and across the band
    along = canvas.y * (canvas.height / canvas.unit) * np.float32(0.92)
    across = (canvas.x - middle) * aspect + (canvas.y - stage.horizon * 0.5) * np.float32(lean)
    clouds = stage.new_texture(rng, lumps=6, octaves=6)
    bend = clouds.smooth_at(along * 0.12, along * 0 + 0.3) * 0.05
    across = across + bend
    dust = clouds.smooth_at(along * 0.35 + 0.1, across * 0.5)
    lumps = clouds.smooth_at(along * 0.45 + 0.5, across * 0.8 + 0.4)
    width = 0.19 + 0.05 * clouds.smooth_at(along * 0.2, across * 0.2 + 0.7)
    band = np.exp(-((across / width) ** 2))
    glow = band * np.clip(0.5 + 0.5 * lumps, 0.02, None) ** 1.5
    core = np.exp(-((across / (width * 0.45)) ** 2)) * np.clip(0.55 + 0.6 * lumps, 0, None)
    rift = smoothstep(0.3, 1.0, dust + 0.35 * np.exp(-((across / 0.045) ** 2)) - 0.1) * band
    fade = smoothstep(1.02, 0.55, canvas.y / np.float32(stage.horizon))
    tone = mix(stage.palette.light, stage.palette.sky[-1], 0.45)
    canvas.glow((glow * fade * 0.55).astype(np.float32), to_linear(tone))
    warm = mix(stage.palette.light, stage.accent(2), 0.12)
    canvas.glow((core * fade * 0.8).astype(np.float32), to_linear(warm))
    canvas.wash((rift * fade * 0.5).astype(np.float32), to_linear(stage.palette.sky[0]) * 0.7)
    stage.find_or_add(stars, "stars")


@ELEMENTS.add(
    "aurora",
    "aurora, northern lights, aurora borealis, polar lights, 极光, 北极光",
    "sky",
    8,
    mood="night",
    takes="colour",
)
def aurora(stage: Stage, mention: Mention) -> None:
    """Curtains of light: a wandering lower edge with rays upwards, green below and violet above."""
    canvas, rng = stage.canvas, stage.rng("aurora")
    green = stage.colour_of(mention, np.array([0.82, -0.17, 0.08], np.float32))
    violet = mix(np.array([0.62, 0.12, -0.14], np.float32), stage.palette.sky[1], 0.2)
    for sheet in range(3):
        waves = canvas.widened(fractal(rng, canvas.width, 1, (2 + sheet, 1), octaves=3)[0])
        rays = canvas.widened(fractal(rng, canvas.width, 1, (26, 1), octaves=3, gain=0.7)[0])
        base = stage.horizon * (0.5 + 0.17 * sheet + 0.16 * waves)
        height = stage.horizon * (0.34 + 0.12 * rays + 0.1 * waves).clip(0.12, None)
        up = (base[None, :] - canvas.y) / height[None, :]
        # a sharp foot, a long fading top
        body = smoothstep(-0.2, 0.08, up) * np.exp(-np.clip(up, 0, None) * 2.1)
        light = body * np.clip(0.62 + 0.34 * rays + 0.2 * waves, 0.06, None)[None, :]
        strength = np.float32(0.62 - 0.12 * sheet)
        tint = np.clip(up * 0.9, 0, 1)
        canvas.glow((light * (1 - tint) * strength).astype(np.float32), to_linear(green))
        canvas.glow((light * tint * strength * 0.8).astype(np.float32), to_linear(violet))
    stage.find_or_add(stars, "stars")


@ELEMENTS.add(
    "nebula", "nebula, 星云", "sky", 7, mood="space", takes="colour", near="stardust, gas cloud"
)
def nebula(stage: Stage, mention: Mention) -> None:
    """Gas in two colours, folded through itself, with dark lanes."""
    canvas, rng = stage.canvas, stage.rng("nebula")
    fold = canvas.field(rng, (2, 2), octaves=3, tile=canvas.tile)
    texture = stage.new_texture(rng, lumps=4, octaves=7)
    x = canvas.x * (canvas.width / canvas.unit)
    y = canvas.y * (canvas.height / canvas.unit)
    first = texture.smooth_at(x * 0.5 + fold * 0.09, y * 0.5 + fold * 0.05)
    second = texture.smooth_at(x * 0.5 + 0.37 + fold * 0.06, y * 0.5 + 0.61 - fold * 0.08)
    lanes = smoothstep(0.1, 0.9, texture.smooth_at(x * 0.8 + 0.2, y * 0.8 + fold * 0.1))
    body = smoothstep(-0.25, 1.1, first + 0.4 * fold)
    other = smoothstep(-0.1, 1.2, second - 0.2 * fold)
    one = stage.colour_of(mention, stage.accent(0))
    canvas.glow((body**1.6 * 0.75).astype(np.float32), to_linear(one))
    canvas.glow((other**1.8 * 0.7).astype(np.float32), to_linear(stage.accent(1)))
    canvas.glow(((body * other) ** 2 * 0.9).astype(np.float32), to_linear(stage.palette.light))
    canvas.wash((lanes * 0.45 * (1 - body)).astype(np.float32), to_linear(stage.palette.sky[0]))
    stage.find_or_add(stars, "stars")


@ELEMENTS.add(
    "galaxy",
    "galaxy, spiral galaxy, 星系",
    "sky",
    9,
    mood="space",
    spread="",
    near="black hole, vortex, 漩涡, 黑洞",
    takes="colour, size",
)
def galaxy(stage: Stage, mention: Mention) -> None:
    """A tilted spiral of two arms around a bright heart."""
    canvas, rng = stage.canvas, stage.rng("galaxy")
    cx, cy = 0.5 + rng.uniform(-0.08, 0.08), min(stage.horizon, 0.85) * 0.55
    dx = (canvas.x - cx) * (canvas.width / canvas.unit)
    dy = (canvas.y - cy) * (canvas.height / canvas.unit)
    lean = rng.uniform(0.3, 0.9) * (-1 if stage.plan.mirrored else 1)
    u = dx * np.cos(lean) + dy * np.sin(lean)
    v = (dy * np.cos(lean) - dx * np.sin(lean)) * 2.1
    radius = np.sqrt(u * u + v * v) / (0.42 * stage.size(mention)) + 1e-4
    angle = np.arctan2(v, u)
    texture = stage.new_texture(rng, lumps=6, octaves=6)
    grain = texture.smooth_at(angle / (2 * np.pi) + np.log(radius) * 0.55, radius * 0.4)
    arms = 0.5 + 0.5 * np.cos(2 * angle + 5.2 * np.log(radius) + grain)
    disc = np.exp(-((radius / 0.62) ** 2))
    light = disc * (0.16 + arms**2 * np.clip(0.75 + 0.5 * grain, 0.1, None))
    colour = stage.colour_of(mention, mix(stage.accent(1), stage.palette.light, 0.35))
    canvas.glow((light * 0.75).astype(np.float32), to_linear(colour))
    canvas.glow((light * arms * (1 - disc) * 1.1).astype(np.float32), to_linear(stage.accent(0)))
    canvas.glow(
        np.exp(-((radius / 0.14) ** 2)).astype(np.float32) * 1.6, to_linear(stage.palette.light)
    )
    stage.find_or_add(stars, "stars")


@ELEMENTS.add(
    "clouds",
    "cloud, cloudy, cumulus, sky, 云, 云朵, 白云, 云彩, 天空",
    "sky",
    15,
    takes="colour",
    near="heaven",
)
def clouds(stage: Stage, mention: Mention) -> None:
    _clouds(stage, mention, cover=0.12, dark=0.0, name="clouds")


@ELEMENTS.add(
    "storm clouds",
    "storm cloud, dark clouds, thundercloud, 乌云, 雷云",
    "sky",
    15,
    mood="storm",
    takes="colour",
)
def storm_clouds(stage: Stage, mention: Mention) -> None:
    _clouds(stage, mention, cover=0.75, dark=0.75, name="storm clouds")


def _clouds(stage: Stage, mention: Mention, *, cover: float, dark: float, name: str) -> None:
    """Paint clouds, lit by comparing a field with the same field a step nearer to the light."""
    canvas, rng = stage.canvas, stage.rng(name)
    texture = stage.new_texture(rng, lumps=5, octaves=6)
    # clouds get flatter and smaller towards the horizon, like a ceiling in perspective
    depth = 1.0 / (1.25 - np.clip(canvas.y / stage.horizon, -1.5, 1.02))
    x = (canvas.x - 0.5) * (canvas.width / canvas.unit) * depth * 0.2 + rng.random()
    y = depth * np.float32(0.22)
    body = texture.smooth_at(x, y)
    side = 0.02 if stage.plan.light_x > 0.5 else -0.02
    nearer = texture.smooth_at(x + side, y - 0.018)
    fade = smoothstep(1.02, 0.8, canvas.y / np.float32(stage.horizon))
    mask = smoothstep(0.12 - cover, 0.95 - cover, body) * fade
    lit = smoothstep(-0.3, 0.35, body - nearer)
    palette = stage.palette
    light = mix(lighter(palette.sky[-1], 0.08), palette.light, 0.6 - 0.5 * dark)
    shadow = mix(palette.sky[1], palette.sky[2], 0.35)
    shadow = lighter(shadow, -0.12 * dark)
    if mention.colour is not None:
        light = mix(light, mention.colour, 0.6)
    bright = 1 - 0.65 * palette.darkness
    light, shadow = mix(shadow, light, bright), mix(palette.sky[0], shadow, 0.75)
    colour: Floats = to_linear(shadow) + lit[..., None] * (to_linear(light) - to_linear(shadow))
    canvas.wash((mask * (0.82 + 0.13 * dark)).astype(np.float32), colour)
    stage.cover_sky(mask)
