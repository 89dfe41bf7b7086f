"""The land: mountains, hills, meadows, dunes, and the dark line of distant trees."""

from __future__ import annotations

import numpy as np

from engines.sketch.around import downwards
from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import Floats, ridge, smoothstep
from engines.sketch.palette import lighter, mix, to_linear
from engines.sketch.shape import Shape
from engines.sketch.stage import Stage

ELEMENTS = Elements()

#: copses are left out with any of these
TREES = frozenset({"tree", "treeline", "forest"})


def below(stage: Stage, line: Floats, *, soft: float = 1.0) -> tuple[int, Floats, Floats]:
    """Return the first row, the mask below a line, and the depth below it as a fraction of the height."""
    canvas = stage.canvas
    line = canvas.widened(line)
    top = max(0, canvas.around.top + int(np.floor(line.min() * canvas.height)) - 2)
    depth = canvas.y[top:] - line[None, :]
    mask = np.clip(depth * canvas.height / soft + 0.5, 0, 1)
    return top, mask.astype(np.float32), depth.astype(np.float32)


@ELEMENTS.add(
    "mountains",
    "mountain, mountainous, peak, summit, 山, 山脉, 高山, 群山, 山峰",
    "backdrop",
    20,
    near="alps, himalaya, cliff, fjord, iceberg, glacier, rocky, 悬崖, 冰山, 冰川",
    takes="colour, size, snowy",
    forms={"snowy": "snowy mountain, snow-capped mountain, 雪山"},
)
def mountains(stage: Stage, mention: Mention) -> None:
    """Three or four ranges, the farther the paler; rock lit from one side, snow if it is cold."""
    rng, palette = stage.rng("mountains"), stage.palette
    ink = "ink" in stage.plan.finishes
    snowy = "snowy" in mention.qualities
    snowy = snowy or palette.near[0] > 0.8 or stage.plan.has("snow", "aurora", "milky way")
    # on the paper of an ink wash, white peaks would be no peaks
    snowy = snowy and not ink and "snow" not in stage.plan.refused
    own = stage.colour_of(mention, palette.far)
    layers = 4
    peak = float(np.clip(0.5 + (0.5 - stage.plan.light_x) * rng.uniform(0.2, 1.1), 0.2, 0.8))
    for layer in range(layers):
        near = layer / (layers - 1)
        height = (0.36, 0.25, 0.15, 0.07)[layer] * mention.size**0.5 * stage.plan.zoom**0.4
        # the main range is the second one: higher than those in front of it and behind it
        towering = (0.5, 1.0, 0.45, 0.3)[layer]
        middle = peak if layer == 1 else rng.uniform(0, 1)
        crest = _crest(rng, stage.canvas.width, 2.0 + 1.1 * layer, middle, towering)
        line = stage.horizon + 0.012 - height * crest
        colour = mix(own, palette.near, 0.5 * near**1.5)
        _range(stage, line.astype(np.float32), colour, near, snowy=snowy and layer < 3, ink=ink)


def _crest(
    rng: np.random.Generator, width: int, spread: float, middle: float, towering: float
) -> Floats:
    """Return a range's height by column, 0 to about 1: sharp where two slopes meet."""
    line = np.zeros(width, np.float32)
    for octave in range(5):
        wave = ridge(rng, width, spread * 2**octave, octaves=1)
        # the first octaves fold into ridges, the last only roughen them
        line += 0.46**octave * (0.85 - 1.3 * np.abs(wave) if octave < 3 else 0.6 * wave)
    x = (np.arange(width) + 0.5) / width
    envelope = 1 - towering * 0.62 + towering * 0.75 * np.exp(-(((x - middle) / 0.27) ** 2))
    return np.asarray(np.clip(0.3 + 0.5 * line, -0.1, None) * envelope + 0.08)


def _range(
    stage: Stage, line: Floats, colour: Floats, near: float, *, snowy: bool, ink: bool
) -> None:
    canvas, palette = stage.canvas, stage.palette
    top, mask, depth = below(stage, line)
    if mask.size == 0:
        return
    x = canvas.x * (canvas.width / canvas.unit)
    side = 1.0 if stage.plan.light_x > 0.5 else -1.0
    down = np.clip(depth, 0, None) * np.float32(canvas.height / canvas.unit)
    # rock is read along its own slopes: below the ridge, leaning away from the light
    texture = stage.texture
    warp = texture.smooth_at(x * 0.5 + near, down * 0.4 + 0.3) * 0.02
    u, v = x * 0.95 + down * 0.42 * side + warp + near, down * 0.13 + near * 0.37
    here, there = np.abs(texture.smooth_at(u, v)), np.abs(texture.smooth_at(u + 0.01 * side, v))
    slope = np.gradient(line) * canvas.width * side / (canvas.height / canvas.unit)
    tilt = canvas.widened(np.clip(slope, -1.2, 1.2))[None, :] * np.exp(-down * 4)
    lit = smoothstep(-0.12, 0.14, 0.75 * (there - here) + 0.12 * tilt)
    haze = stage.haze
    air = 0.5 * (1 - near)
    shadow = to_linear(mix(mix(lighter(colour, -0.07), palette.ink, 0.15 * near), haze, air * 0.75))
    light = to_linear(mix(mix(lighter(colour, 0.03), palette.light, 0.3), haze, air))
    paint = shadow + (0.9 * lit)[..., None] * (light - shadow)
    if snowy:
        dim = -0.2 * palette.darkness
        white = lighter(mix(palette.light, np.array([0.95, -0.01, -0.02], np.float32), 0.6), dim)
        blue = mix(palette.sky[1], lighter(haze, 0.04), 0.55)
        snow_light, snow_shade = to_linear(mix(white, haze, air)), to_linear(mix(blue, haze, air))
        snowline = (0.3 - 0.12 * near) * (1 + 0.5 * here)
        snow = smoothstep(1.15, 0.75, down / snowline) * (0.75 + 0.25 * lit)
        cover = snow_shade + lit[..., None] * (snow_light - snow_shade)
        paint = paint + (cover - paint) * snow[..., None]
    # mist gathers at the foot of every range, least of all the nearest
    mist = smoothstep(0.03, 0.2 if ink else 0.34, down) * (0.97 if ink else 0.78) * (1 - 0.7 * near)
    paint = paint + (to_linear(haze) - paint) * mist[..., None]
    canvas.wash(mask, paint.astype(np.float32), top=top)
    stage.cover_sky(mask, top=top)


@ELEMENTS.add(
    "hills",
    "hill, rolling hills, 丘陵, 小山, 山坡",
    "ground",
    33,
    near="highland, countryside, valley, moor, 山谷, 乡村",
    takes="colour",
)
def hills(stage: Stage, mention: Mention) -> None:
    """Two soft slopes; things stand on the nearer one."""
    rng, palette = stage.rng("hills"), stage.palette
    own = stage.colour_of(mention, palette.near)
    for layer, (base, sway) in enumerate(((0.03, 0.05), (0.15, 0.045))):
        line = ridge(rng, stage.canvas.width, 1.3 + 0.4 * layer, octaves=3, gain=0.35)
        ground = stage.horizon + (1 - stage.horizon) * (base * 2.2 + sway * line * 1.6)
        colour = mix(own, palette.far, 0.45) if layer == 0 else own
        _slope(stage, ground.astype(np.float32), colour, 0.35 * (1 - layer))
        if stage.plan.refused.isdisjoint(TREES):
            _copses(stage, ground, mix(own, palette.ink, 0.3), far=0.42 - 0.3 * layer)


def _copses(stage: Stage, line: Floats, colour: Floats, *, far: float) -> None:
    """Paint a few clumps of trees and bushes along a slope, some on its crest, some below."""
    rng, canvas = stage.rng(f"copses {far:.2f}"), stage.canvas
    across, tall = canvas.width / canvas.unit, canvas.height / canvas.unit
    bushes = Shape()
    for _ in range(7):
        x, low = rng.random(), 0.004 + 0.05 * rng.random() ** 2
        y = float(line[int(x * (len(line) - 1))]) + low
        for _ in range(int(rng.integers(4, 14))):
            radius = (0.005 + 0.009 * rng.random()) * (1.3 - far) * (1 + 4 * low)
            bushes.dab(
                x * across + rng.normal() * 0.022,
                -y * tall + radius * rng.uniform(0.3, 1.8),
                radius,
            )
    stage.put(bushes, 0, 0, 1, colour, far=far, rim=0.12, shade=0)


def _slope(stage: Stage, line: Floats, colour: Floats, far: float) -> None:
    """Paint a grassy slope: light along its crest, broad patches, shade towards the viewer."""
    canvas = stage.canvas
    top, mask, depth = below(stage, line)
    x = canvas.x * (canvas.width / canvas.unit)
    down = np.clip(depth, 0, None)
    grain = stage.texture.smooth_at(x * 0.9 + down * 0.4, down * 2.6)
    broad = stage.texture.smooth_at(x * 0.22 + 0.3 + down * 0.3, down * 0.9 + far)
    back = np.exp(-down / 0.05)
    warm = to_linear(stage.distant(mix(lighter(colour, 0.06), stage.palette.light, 0.34), far))
    base = to_linear(stage.distant(colour, far))
    deep = to_linear(stage.distant(mix(colour, stage.palette.ink, 0.5), far * 0.6))
    patches = smoothstep(-0.5, 0.9, broad + 0.35 * grain)
    paint = base + patches[..., None] * (warm - base) * np.float32(0.6)
    paint = paint + (warm - paint) * (back * (0.75 - 0.45 * stage.palette.darkness))[..., None]
    shade = smoothstep(0.02, 0.36, down) * (0.72 - 0.25 * far)
    paint = paint + (deep - paint) * shade[..., None]
    canvas.wash(mask, paint.astype(np.float32), top=top)
    stage.cover_sky(mask, top=top)
    stage.ground = line


def grasses(stage: Stage, colour: Floats, *, low: float, count: int = 260) -> None:
    """Paint blades of grass in front of everything at the lower edge, some dark, some lit."""
    for row, foot in enumerate(downwards(stage.canvas, 1.02, 0.9 * (1 - low))):
        rng = stage.rng(f"grasses {row}" if row else "grasses")
        _blades(stage, rng, colour, low=low, count=count, foot=foot)


def _blades(
    stage: Stage, rng: np.random.Generator, colour: Floats, *, low: float, count: int, foot: float
) -> None:
    canvas = stage.canvas
    across = canvas.width / canvas.unit
    tones = (
        mix(colour, stage.palette.ink, 0.6),
        mix(colour, stage.palette.ink, 0.3),
        mix(lighter(colour, 0.05), stage.palette.light, 0.3),
    )
    for tone, share in zip(tones, (0.4, 0.4, 0.2), strict=True):
        blades = Shape()
        for _ in range(round(count * share)):
            x, near = rng.random() * across, rng.random()
            y = -(1 - low) * (1 - near) * 0.9 * (canvas.height / canvas.unit) * -1
            tall, lean = 0.03 + 0.07 * near, rng.normal() * 0.025
            tip = (x + lean, y + tall)
            blades.area((x - 0.0035, y), (x + lean * 0.3, y + tall * 0.6), tip, (x + 0.0035, y))
        stage.put(blades, 0, foot, 1, tone, rim=0, shade=0)


@ELEMENTS.add(
    "meadow",
    "meadow, field, grass, grassland, 草地, 草原, 田野",
    "ground",
    34,
    near="prairie, lawn, pasture, plain, farmland, wheat, 草坪, 田, 麦田",
    takes="colour",
)
def meadow(stage: Stage, mention: Mention) -> None:
    """A wide field with blades of grass at its near edge and a path of light across it."""
    rng = stage.rng("meadow")
    line = ridge(rng, stage.canvas.width, 1.2, octaves=3, gain=0.3)
    ground = stage.horizon + 0.03 + 0.025 * line
    colour = stage.colour_of(mention, stage.palette.near)
    _slope(stage, ground.astype(np.float32), colour, 0.12)
    stage.ground = (ground + 0.1).astype(np.float32)
    if "flowers" not in stage.plan.refused:
        _wild_flowers(stage, colour)
    grasses(stage, colour, low=stage.horizon + 0.6 * (1 - stage.horizon))


def _wild_flowers(stage: Stage, colour: Floats) -> None:
    """Dot the field with flowers: the nearer, the larger and the farther apart."""
    rng, canvas = stage.rng("wild flowers"), stage.canvas
    across, tall = canvas.width / canvas.unit, canvas.height / canvas.unit
    for index in range(3):
        dots = Shape()
        for _ in range(90):
            near = rng.random() ** 0.7
            y = stage.horizon + 0.06 + (1 - stage.horizon) * near
            radius = 0.0015 + 0.006 * near**2 * rng.uniform(0.5, 1.2)
            dots.dab(rng.random() * across, -y * tall, radius)
        tone = mix(stage.accent(index), stage.palette.light, 0.2)
        for foot in downwards(stage.canvas, 0.0, 0.6 * (1 - stage.horizon)):
            stage.put(dots, 0, foot, 1, mix(tone, colour, 0.25), rim=0, shade=0)


@ELEMENTS.add(
    "shore",
    "shore, beach, coast, sand, seaside, 海滩, 沙滩, 岸, 海岸, 岸边",
    "ground",
    36,
    near="island, riverbank, 岛, 小岛",
    takes="colour",
)
def shore(stage: Stage, mention: Mention) -> None:
    """A bank in front of the water, for things to stand on."""
    rng = stage.rng("shore")
    line = ridge(rng, stage.canvas.width, 1.4, octaves=4, gain=0.4)
    tilt = (stage.canvas.framed_x - 0.5) * (0.12 if stage.plan.mirrored else -0.12)
    ground = stage.horizon + (1 - stage.horizon) * (0.6 + 0.09 * line + tilt)
    colour = stage.colour_of(mention, mix(stage.palette.near, stage.palette.ink, 0.25))
    _slope(stage, ground.astype(np.float32), colour, 0.0)


@ELEMENTS.add(
    "dunes",
    "dune, sand dunes, desert, 沙丘, 沙漠",
    "ground",
    32,
    mood="desert",
    near="sahara, oasis, 戈壁, 绿洲",
    takes="colour",
)
def dunes(stage: Stage, mention: Mention) -> None:
    """Crests between a lit and a shaded side, rippled by the wind."""
    canvas, rng, palette = stage.canvas, stage.rng("dunes"), stage.palette
    own = stage.colour_of(mention, mix(palette.near, palette.far, 0.35))
    side = 1.0 if stage.plan.light_x > 0.5 else -1.0
    for layer in range(4):
        near = layer / 3
        wave = ridge(rng, canvas.width, 1.4 + 0.3 * (3 - layer), octaves=2, gain=0.3)
        sharp = 0.5 - np.abs(wave) * 0.9
        line = (
            stage.horizon
            + (1 - stage.horizon) * (0.02 + 0.26 * layer)
            - 0.075 * sharp * (0.6 + near)
        )
        line = line.astype(np.float32)
        top, mask, depth = below(stage, line)
        down = np.clip(depth, 0, None)
        x = canvas.x * (canvas.width / canvas.unit)
        # the lee side begins at the crest and slants away below it
        broad = stage.texture.smooth_at(x * 0.16 + down * 0.5 * side + 0.3 * layer, down * 0.25)
        lit = smoothstep(-0.25, 0.2, broad)
        ripples = stage.texture.smooth_at(x * 0.2 + down * 0.6, down * 5.0 + broad * 0.2)
        light = to_linear(mix(mix(own, palette.light, 0.35), stage.haze, 0.45 * (1 - near)))
        shade = to_linear(mix(mix(own, palette.ink, 0.35), stage.haze, 0.4 * (1 - near)))
        paint = shade + lit[..., None] * (light - shade)
        paint = paint * (1 + 0.07 * ripples * (0.3 + near))[..., None]
        canvas.wash(mask, paint.astype(np.float32), top=top)
        stage.cover_sky(mask, top=top)
        if layer == 2:
            stage.ground = (line + 0.03).astype(np.float32)


@ELEMENTS.add(
    "treeline",
    "woods, treeline, pine trees, 树林, 林",
    "backdrop",
    26,
    near="spruce",
    takes="colour",
)
def treeline(stage: Stage, mention: Mention) -> None:
    """A distant line of treetops, where no single tree can be made out."""
    rng = stage.rng("treeline")
    for layer in range(2):
        coarse = ridge(rng, stage.canvas.width, 3, octaves=3)
        tops = np.abs(ridge(rng, stage.canvas.width, 42 + 20 * layer, octaves=3, gain=0.6))
        line = stage.horizon + 0.01 - 0.05 - 0.025 * coarse - 0.03 * tops + 0.03 * layer
        colour = stage.colour_of(mention, mix(stage.palette.near, stage.palette.ink, 0.2))
        top, mask, depth = below(stage, line.astype(np.float32))
        base = to_linear(stage.distant(colour, 0.5 - 0.3 * layer))
        mist = smoothstep(0.0, 0.14, np.clip(depth, 0, None)) * 0.5
        paint = base + (to_linear(stage.haze) - base) * mist[..., None]
        stage.canvas.wash(mask, paint.astype(np.float32), top=top)
        stage.cover_sky(mask, top=top)
