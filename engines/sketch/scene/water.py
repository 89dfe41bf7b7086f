"""Water: sea, lake and river, which mirror what is above them."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import fractal, smoothstep
from engines.sketch.palette import lighter, mix, ramp, to_linear
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "water",
    "water, sea, ocean, lake, reflection, 水, 海, 大海, 海洋, 湖, 湖泊, 湖面, 倒影, 海面",
    "ground",
    30,
    near="bay, lagoon, pond, river, harbor, harbour, 河, 江, 河流, 港口",
    takes="colour",
)
def water(stage: Stage, mention: Mention) -> None:
    """Mirror the picture above the horizon, stretched by waves that grow towards the viewer."""
    canvas = stage.canvas
    top = canvas.row(stage.horizon)
    rows = canvas.rows - top
    seen = rows - canvas.around.bottom
    if seen < 2 or top < 2:
        return
    stage.water_top = stage.horizon
    down = ((np.arange(rows, dtype=np.float32) + 0.5) / seen)[:, None]
    # a plane seen from a low angle: 1/depth runs from the shore to the viewer's feet
    depth = 1.0 / (down + np.float32(0.06))
    x = (canvas.x - 0.5) * (canvas.width / canvas.unit)
    texture = stage.texture
    waves = texture.smooth_at(x * depth * 0.09, depth * 0.52)
    swell = texture.smooth_at(x * depth * 0.025 + 0.4, depth * 0.16 + 0.2)
    calm = (
        0.35
        if stage.plan.has("mountains", "pagoda", "city", "castle", "aurora", "milky way")
        else 1.0
    )
    shift = (waves * 0.7 + swell) * down
    source = np.arange(rows, dtype=np.float32)[:, None] * np.float32(min(1.0, (top - 1) / seen))
    source = top - 1 - source - shift * np.float32(canvas.height * 0.035 * calm)
    columns = np.arange(canvas.columns)[None, :] + shift * np.float32(canvas.unit * 0.02 * calm)
    source = np.clip(source, 0, top - 1).astype(np.int32)
    columns = np.clip(columns, 0, canvas.columns - 1).astype(np.int32)
    mirrored = canvas.rgb[source, columns]
    colour = stage.colour_of(mention, stage.palette.water)
    body = ramp(np.stack([mix(colour, stage.haze, 0.35), colour, lighter(colour, -0.1)]), down**0.8)
    # near the shore, water is all mirror; at the viewer's feet one looks into it
    mirror = np.clip(0.8 - 0.42 * down, 0, 1)[..., None]
    paint = mirrored * mirror + body * (1 - mirror)
    ripple = waves * smoothstep(0.0, 0.15, down)
    paint *= 1 + 0.2 * ripple[..., None]
    crest = smoothstep(0.9, 1.7, waves + 0.5 * swell) * smoothstep(0.02, 0.2, down) * 0.35
    paint += (to_linear(mix(stage.haze, stage.palette.light, 0.5)) - paint) * crest[..., None]
    canvas.rgb[top:] = paint
    _glitter(stage, top, down, depth, waves)
    # a thread of light where the water meets the land
    line = np.exp(-((down * seen / max(1.5, canvas.height * 0.004)) ** 2)) * 0.5
    canvas.wash(
        np.broadcast_to(line, (rows, canvas.columns)).astype(np.float32),
        to_linear(stage.haze),
        top=top,
    )
    stage.cover_sky(np.ones((rows, canvas.columns), np.float32), top=top)


def _glitter(
    stage: Stage, top: int, down: np.ndarray, depth: np.ndarray, waves: np.ndarray
) -> None:
    """Paint the broken path of the light over the waves below it."""
    if stage.light_spot is None:
        return
    canvas = stage.canvas
    below = canvas.around.bottom
    seen = (canvas.width, len(down) - below)
    grain = fractal(stage.rng("glitter"), *seen, (14, 70), octaves=2)
    sides = (canvas.around.left, canvas.around.right)
    grain = np.pad(grain, ((0, below), sides), mode="symmetric")
    away = np.abs(canvas.x - stage.light_spot[0]) * (canvas.width / canvas.unit)
    path = np.exp(-((away / (0.045 + 0.13 * down)) ** 2))
    spark = smoothstep(0.15, 0.75, waves * 0.6 + grain * 0.55 + path * 0.85 - 0.6)
    light = to_linear(mix(stage.palette.light, stage.haze, 0.2))
    canvas.wash((spark * path * 0.85).astype(np.float32), light, top=top)
