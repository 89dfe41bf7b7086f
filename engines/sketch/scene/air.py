"""Weather and light in front of everything else: rain, snow, fog, petals, sparks, rays, lightning."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats, smoothstep
from engines.sketch.palette import mix, to_linear
from engines.sketch.shape import Mask, Shape
from engines.sketch.stage import Stage

ELEMENTS = Elements()


def scatter(
    stage: Stage, name: str, count: int, colour: Floats, *, radius: float, low: float, glow: float
) -> None:
    """Paint soft dots from ``low`` down, the nearer the larger; ``radius`` is in units, the colour in OKLab.

    ``glow``: how much they shine; 0 for dots that only cover.
    """
    canvas, rng = stage.canvas, stage.rng(name)
    light = to_linear(colour)
    for _ in range(count):
        x, y, near = rng.random(), low + (1 - low) * rng.random(), rng.random() ** 2
        size = max(0.7, radius * (0.35 + near) * canvas.unit)
        reach = round(size * 2) + 1
        steps = np.arange(-reach, reach + 1, dtype=np.float32) / np.float32(size)
        dot = np.exp(-(steps[:, None] ** 2 + steps[None, :] ** 2)) * (0.5 + 0.5 * near)
        for own_x, own_y in stage.repeated(x, y):
            if stage.is_open(own_x, own_y):
                left = round(own_x * canvas.width) - reach
                top = round(own_y * canvas.height) - reach
                canvas.stamp(Mask(dot, left, top), light * np.float32(glow or 1.0), add=glow > 0)


@ELEMENTS.add(
    "snow",
    "snow, snowfall, snowing, snowflake, 雪, 下雪, 飘雪, 雪花",
    "over",
    95,
    mood="winter",
    near="blizzard",
)
def snow(stage: Stage, mention: Mention) -> None:
    white = mix(stage.palette.light, np.array([0.97, 0, 0], np.float32), 0.6)
    stage.afterwards.append(
        lambda: scatter(stage, "snow", 260, white, radius=0.0065, low=0.0, glow=0.0)
    )


@ELEMENTS.add(
    "rain",
    "rain, rainy, raining, 雨, 下雨, 雨天",
    "over",
    96,
    mood="storm",
    near="drizzle, downpour, 大雨",
)
def rain(stage: Stage, mention: Mention) -> None:
    stage.afterwards.append(lambda: _rain(stage))


def _rain(stage: Stage) -> None:
    canvas, rng = stage.canvas, stage.rng("rain")
    lean = rng.uniform(0.08, 0.2) * (-1 if stage.plan.mirrored else 1)
    drops = Shape()
    aspect_x, aspect_y = canvas.width / canvas.unit, canvas.height / canvas.unit
    for _ in range(230):
        x, y = rng.uniform(-0.1, 1.1) * aspect_x, -rng.uniform(-0.05, 1.05) * aspect_y
        length = 0.025 + 0.05 * rng.random()
        drops.line([(x, y), (x - lean * length, y - length)], 0.0016)
    mask = drops.mask(0, 0, canvas.unit)
    mask.alpha[...] *= 0.4
    light = to_linear(mix(stage.haze, stage.palette.light, 0.5))
    for copy, _ in stage.copies(mask):
        wet = canvas.spread(copy) * (1.0 if stage.opening is None else stage.opening)
        canvas.wash(wet, light)


@ELEMENTS.add(
    "fog", "fog, 雾, 大雾", "over", 41, mood="misty", near="smoke, steam, vapor, 烟, 烟雾"
)
def fog(stage: Stage, mention: Mention) -> None:
    """Long banks over the land, thickest at the horizon, behind near things."""
    canvas = stage.canvas
    banks = canvas.field(stage.rng("fog"), (2, 9), octaves=4)
    middle = np.exp(-(((canvas.y - stage.horizon - 0.06) / 0.17) ** 2))
    mask = np.clip(middle * (0.55 + 0.4 * banks), 0, 0.85)
    if stage.opening is not None:
        mask = mask * stage.opening
    canvas.wash(mask.astype(np.float32), to_linear(stage.haze))


@ELEMENTS.add(
    "fireflies",
    "firefly, 萤火虫",
    "over",
    97,
    mood="fantasy",
    near="sparkles, sparkling, fairy lights, glitter, glow, 光点, 星光点点",
    takes="colour",
)
def fireflies(stage: Stage, mention: Mention) -> None:
    colour = stage.colour_of(mention, mix(stage.accent(1), stage.palette.light, 0.4))
    low = stage.horizon * 0.7
    stage.afterwards.append(
        lambda: scatter(stage, "fireflies", 46, colour, radius=0.009, low=low, glow=0.9)
    )


@ELEMENTS.add(
    "embers", "ember, spark, 火花, 余烬", "over", 97, mood="fire", near="bonfire, campfire, 篝火"
)
def embers(stage: Stage, mention: Mention) -> None:
    colour = np.array([0.78, 0.12, 0.14], np.float32)
    stage.afterwards.append(
        lambda: scatter(stage, "embers", 90, colour, radius=0.005, low=0.1, glow=0.9)
    )


@ELEMENTS.add(
    "petals", "petal, 花瓣, 落花", "over", 94, near="confetti, falling leaves, 落叶", takes="colour"
)
def petals(stage: Stage, mention: Mention) -> None:
    stage.afterwards.append(lambda: _petals(stage, mention))


def _petals(stage: Stage, mention: Mention) -> None:
    rng = stage.rng("petals")
    colour = stage.colour_of(mention, mix(stage.accent(0), stage.palette.light, 0.3))
    for _ in range(46):
        leaf = Shape().blob((0, 0), (0.5, 0.35), (1, 0), (0.5, -0.22)).turned(rng.uniform(0, 360))
        size = 0.008 + 0.02 * rng.random() ** 3
        stage.put(
            leaf,
            rng.random(),
            rng.random(),
            size,
            mix(colour, stage.haze, 0.4 * rng.random()),
            rim=0.3,
        )


@ELEMENTS.add(
    "light rays", "light rays, god rays, sunrays, ray of light, 光线, 光束, 丁达尔", "over", 90
)
def light_rays(stage: Stage, mention: Mention) -> None:
    """Shafts of light that fan out from its source."""
    canvas, plan = stage.canvas, stage.plan
    dx = (canvas.x - plan.light_x) * (canvas.width / canvas.unit)
    dy = (canvas.y + 0.15) * (canvas.height / canvas.unit)
    angle = np.arctan2(dx, dy) / np.float32(np.pi)
    shafts = stage.texture.smooth_at(angle * 1.1, angle * 0 + 0.2)
    fade = np.exp(-canvas.y * 1.7)
    mask = smoothstep(0.0, 1.4, shafts) * fade * 0.5
    canvas.glow(mask.astype(np.float32), to_linear(mix(stage.palette.light, stage.haze, 0.3)) * 0.6)


@ELEMENTS.add(
    "lightning",
    "lightning, lightning bolt, thunderbolt, 闪电, 雷电, 雷",
    "sky",
    16,
    mood="storm",
    spread="",
)
def lightning(stage: Stage, mention: Mention) -> None:
    """One forked bolt from the clouds to the horizon, and the light that it casts."""
    rng, horizon = stage.rng("lightning"), stage.horizon
    x, y = stage.plan.light_x, 0.02
    aspect = stage.canvas.height / stage.canvas.width
    bolt = [(x, y)]
    while y < horizon:
        x += rng.uniform(-0.05, 0.05) * aspect
        y += rng.uniform(0.02, 0.06)
        bolt.append((x, y))
    stage.halo(x, horizon * 0.5, 0.5, stage.palette.light, 0.22)
    across, down = stage.canvas.width / stage.canvas.unit, stage.canvas.height / stage.canvas.unit
    shape = Shape().line([(px * across, -py * down) for px, py in bolt], 0.011, 0.004)
    for start in (len(bolt) // 3, len(bolt) // 2):
        fork = [bolt[start]]
        side = rng.choice([-1, 1])
        for _ in range(4):
            fx, fy = fork[-1]
            fork.append(
                (fx + side * rng.uniform(0.01, 0.05) * aspect, fy + rng.uniform(0.02, 0.05))
            )
        shape.line([(px * across, -py * down) for px, py in fork], 0.005, 0.002)
    stage.afterwards.append(
        lambda: stage.light_up(shape, 0, 0, 1, np.array([0.98, 0, 0.01], np.float32))
    )


@ELEMENTS.add("rainbow", "rainbow, 彩虹", "sky", 14, spread="")
def rainbow(stage: Stage, mention: Mention) -> None:
    canvas = stage.canvas
    distance = canvas.distance(1 - stage.plan.light_x, stage.horizon + 0.1)
    t = (distance - 0.5) / 0.1
    inside = smoothstep(0, 0.2, t) * smoothstep(1, 0.8, t)
    hues = (0.05 + 5.0 * np.clip(t, 0, 1)).astype(np.float32)
    lab = np.stack([np.full_like(hues, 0.78), -0.14 * np.cos(hues), 0.14 * np.sin(hues)], axis=-1)
    canvas.wash((inside * 0.5).astype(np.float32), to_linear(lab))
