"""Pictures without things: the abstract, for words that name nothing, and the background of a tile."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import smoothstep
from engines.sketch.palette import ramp, to_linear
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "abstract",
    "abstract, abstraction, 抽象",
    "whole",
    2,
    near="pattern, marble, fluid, swirl, texture, chaos, emotion, 图案, 大理石, 流动, 纹理",
)
def abstract(stage: Stage, mention: Mention) -> None:
    flow(stage)
    stage.cover_sky(np.ones_like(stage.sky_left))


def flow(stage: Stage) -> None:
    """Fold a field through itself twice and colour it by height, like marbled paper."""
    canvas, rng, palette = stage.canvas, stage.rng("flow"), stage.palette
    first = canvas.field(rng, (2, 2), octaves=3, tile=canvas.tile)
    second = canvas.field(rng, (2, 2), octaves=3, tile=canvas.tile)
    texture = stage.new_texture(rng, lumps=3, octaves=6)
    # a whole number of textures across makes a tile's opposite sides match
    across = 1.0 if canvas.tile else canvas.width / canvas.unit * 0.8
    down = 1.0 if canvas.tile else canvas.height / canvas.unit * 0.8
    u, v = canvas.x * np.float32(across), canvas.y * np.float32(down)
    folded = texture.smooth_at(u + first * 0.14, v + second * 0.14)
    field = texture.smooth_at(u + 0.16 * folded, v + 0.12 * first + 0.31)
    stops = np.concatenate(
        [
            palette.sky[[0, 1]],
            palette.accents[:1],
            palette.sky[[2, 3]],
            palette.accents[1:2],
            palette.near[None],
        ]
    )
    lift = np.clip(0.5 + 0.26 * field + 0.12 * folded, 0, 1)
    canvas.rgb[:] = ramp(stops.astype(np.float32), lift)
    # relief: thick paint catches the light on its edges
    slope = np.roll(lift, 1, axis=0) - np.roll(lift, -1, axis=0)
    edge = np.clip(slope * canvas.height * 0.05, -0.5, 0.5)
    canvas.rgb *= (1 + edge)[..., None]
    veins = smoothstep(0.06, 0.0, np.abs(field - 0.25)) * 0.5
    canvas.wash(veins.astype(np.float32), to_linear(palette.light))
