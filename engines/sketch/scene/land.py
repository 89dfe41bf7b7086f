"""The land: mountains, hills, meadows, dunes, and the dark line of trees far away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.sketch.element import Mention, element
from engines.sketch.noise import Floats, ridge, smoothstep
from engines.sketch.palette import lighter, mix, to_linear

if TYPE_CHECKING:
    from engines.sketch.stage import Stage


def below(stage: Stage, line: Floats, *, soft: float = 1.0) -> tuple[int, Floats, Floats]:
    """Return the first row, the mask below a line, and the depth below it in parts of the height."""
    canvas = stage.canvas
    top = max(0, int(np.floor(line.min() * canvas.height)) - 2)
    depth = canvas.y[top:] - line[None, :]
    mask = np.clip(depth * canvas.height / soft + 0.5, 0, 1)
    return top, mask.astype(np.float32), depth.astype(np.float32)


@element(
    "mountains",
    "mountain, mountainous, peak, summit, alps, himalaya, cliff, fjord, iceberg, glacier, rocky, 山, 山脉, 高山, 雪山, 群山, 山峰, 悬崖, 冰山, 冰川",
    "backdrop",
    20,
)
def mountains(stage: Stage, mention: Mention) -> None:
    """Three or four ranges, paler the farther; rock lit from one side, snow if it is cold."""
    rng, palette = stage.rng("mountains"), stage.palette
    ink = "ink" in stage.plan.finishes
    snowy = bool(mention.qualities & {"snowy", "snow-capped", "snowcapped", "雪", "下雪"})
    snowy = snowy or palette.near[0] > 0.8 or stage.plan.has("snow", "aurora", "milky way")
    own = stage.colour_of(mention, palette.far)
    layers = 4
    for layer in range(layers):
        near = layer / (layers - 1)
        height = (0.3 - 0.07 * layer) * mention.size**0.5 * stage.plan.zoom**0.4
        line = ridge(rng, stage.canvas.width, 2.2 + 1.3 * layer, octaves=7, gain=0.46)
        # sharp tops, broad valleys: the land is what is left when water has run down
        rise = 0.62 - 0.75 * np.abs(line)
        top_line = stage.horizon - height * (rise.clip(-0.2, None) + 0.16 * near)
        colour = mix(own, palette.near, 0.55 * near**1.3)
        _range(stage, top_line.astype(np.float32), colour, near, snowy=snowy and layer < 3, ink=ink)


def _range(
    stage: Stage, line: Floats, colour: Floats, near: float, *, snowy: bool, ink: bool
) -> None:
    canvas = stage.canvas
    top, mask, depth = below(stage, line)
    if mask.size == 0:
        return
    x = canvas.x * (canvas.width / canvas.unit)
    side = 1.0 if stage.plan.light_x > 0.5 else -1.0
    down = np.clip(depth, 0, None)
    # the texture runs down the slopes: coordinates below the ridge, leaning away from the light
    texture = stage.texture
    u, v = x * 0.55 + down * 0.5 * side + near, down * 0.3 + near * 0.37
    here = texture.smooth_at(u, v)
    there = texture.smooth_at(u + 0.012 * side, v + 0.004)
    lit = smoothstep(-0.12, 0.16, here - there)
    haze = stage.haze
    shadow = to_linear(mix(lighter(colour, -0.1), haze, 0.42 * (1 - near)))
    light = to_linear(mix(mix(colour, stage.palette.light, 0.3), haze, 0.4 * (1 - near)))
    if snowy:
        cold = mix(stage.palette.sky[1], lighter(haze, 0.1), 0.5)
        snow_light = to_linear(
            mix(
                lighter(mix(stage.palette.light, haze, 0.4), -0.3 * stage.palette.darkness),
                haze,
                0.15,
            )
        )
        snow_shade = to_linear(mix(cold, haze, 0.25))
        snow = smoothstep(0.2, 0.06, down + 0.05 * here) * np.float32(0.95)
        bare = shadow + lit[..., None] * (light - shadow)
        white = snow_shade + lit[..., None] * (snow_light - snow_shade)
        paint = bare + (white - bare) * snow[..., None]
    else:
        paint = shadow + (0.85 * lit)[..., None] * (light - shadow)
    # mist gathers at the foot of every range but the nearest
    mist = smoothstep(0.02, 0.3 if ink else 0.42, down) * (0.95 if ink else 0.8) * (1 - 0.75 * near)
    paint = paint + (to_linear(haze) - paint) * mist[..., None]
    canvas.wash(mask, paint.astype(np.float32), top=top)
    stage.cover_sky(mask, top=top)


@element(
    "hills",
    "hill, rolling hills, highland, countryside, valley, moor, 丘陵, 小山, 山坡, 山谷, 乡村",
    "ground",
    33,
)
def hills(stage: Stage, mention: Mention) -> None:
    """Two soft slopes; the nearer is what things stand on."""
    rng, palette = stage.rng("hills"), stage.palette
    own = stage.colour_of(mention, palette.near)
    for layer, (base, sway) in enumerate(((0.03, 0.05), (0.15, 0.045))):
        line = ridge(rng, stage.canvas.width, 1.3 + 0.4 * layer, octaves=3, gain=0.35)
        ground = stage.horizon + (1 - stage.horizon) * (base * 2.2 + sway * line * 1.6)
        colour = mix(own, palette.far, 0.45) if layer == 0 else own
        _slope(stage, ground.astype(np.float32), colour, 0.35 * (1 - layer))


def _slope(stage: Stage, line: Floats, colour: Floats, far: float) -> None:
    canvas = stage.canvas
    top, mask, depth = below(stage, line)
    x = canvas.x * (canvas.width / canvas.unit)
    grain = stage.texture.smooth_at(x * 0.9 + depth * 0.4, depth * 2.2)
    broad = stage.texture.smooth_at(x * 0.25 + 0.3, depth * 0.6 + far)
    tone = 1 + 0.16 * grain + 0.2 * broad
    edge = np.exp(-np.clip(depth, 0, None) / 0.03) * (0.5 - 0.3 * stage.palette.darkness)
    base = to_linear(stage.distant(colour, far))
    light = to_linear(mix(colour, stage.palette.light, 0.45))
    fall = np.clip(1.08 - 0.75 * np.clip(depth, 0, None), 0.45, None)
    paint = base * (tone * fall)[..., None] + light * (edge * (0.5 + 0.3 * broad))[..., None] * 0.5
    canvas.wash(mask, paint.astype(np.float32), top=top)
    stage.cover_sky(mask, top=top)
    stage.ground = line


@element(
    "meadow",
    "meadow, field, grass, grassland, prairie, lawn, pasture, plain, farmland, wheat, 草地, 草原, 田野, 草坪, 田, 麦田",
    "ground",
    34,
)
def meadow(stage: Stage, mention: Mention) -> None:
    """A wide field with blades at its near edge and a path of light across."""
    rng = stage.rng("meadow")
    line = ridge(rng, stage.canvas.width, 1.2, octaves=3, gain=0.3)
    ground = stage.horizon + 0.03 + 0.025 * line
    colour = stage.colour_of(mention, stage.palette.near)
    _slope(stage, ground.astype(np.float32), colour, 0.12)
    stage.ground = (ground + 0.1).astype(np.float32)


@element(
    "shore",
    "shore, beach, coast, sand, seaside, island, riverbank, 海滩, 沙滩, 岸, 海岸, 岸边, 岛, 小岛",
    "ground",
    36,
)
def shore(stage: Stage, mention: Mention) -> None:
    """A bank before the water, for things to stand on."""
    rng = stage.rng("shore")
    line = ridge(rng, stage.canvas.width, 1.4, octaves=4, gain=0.4)
    tilt = (stage.canvas.x[0] - 0.5) * (0.12 if stage.plan.mirrored else -0.12)
    ground = stage.horizon + (1 - stage.horizon) * (0.6 + 0.09 * line + tilt)
    colour = stage.colour_of(mention, mix(stage.palette.near, stage.palette.ink, 0.25))
    _slope(stage, ground.astype(np.float32), colour, 0.0)


@element(
    "dunes",
    "dune, sand dunes, desert, sahara, oasis, 沙丘, 沙漠, 戈壁, 绿洲",
    "ground",
    32,
    mood="desert",
)
def dunes(stage: Stage, mention: Mention) -> None:
    """Crests that part a lit side from a shaded one, with the wind's ripples on them."""
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
        # the lee side begins at the crest and leans away under it
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


@element("treeline", "woods, treeline, pine trees, spruce, 树林, 林", "backdrop", 26)
def treeline(stage: Stage, mention: Mention) -> None:
    """A far line of tops: no single tree can be told."""
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
