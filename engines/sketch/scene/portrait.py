"""The portrait as a double exposure: a head in profile, filled with the picture, on bare paper."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import smoothstep
from engines.sketch.palette import lighter, mix, to_linear
from engines.sketch.shape import Shape, path
from engines.sketch.stage import Stage

ELEMENTS = Elements()

#: from the back of the shoulder over the crown and down the face to the breast
HEAD = (
    "-70,-12 -60,4 -42,12 -25,17 -20,24 -23,33 -32,44 -39,58 -40,74 -34,90 -21,101 -4,106 "
    "13,104 26,96 33,85 35,75 35,69 38,63 43,56 45,53 43,51 38,50 39,47 40,44 38,42 39,39 38,36 "
    "35,34 35,30 32,26 24,25 16,25 13,21 15,14 24,8 40,3 54,-4 58,-12"
)

#: hair that falls over the shoulder and lifts in the wind
HAIR = (
    "10,104 -12,106 -32,98 -44,82 -48,64 -52,50 -60,40 -70,36 -62,32 -56,26 -60,16 -50,10 -36,12 "
    "-16,18 -4,24 0,50 -2,84"
)


@ELEMENTS.add(
    "double exposure",
    "double exposure, double exposure portrait, profile, 双重曝光, 侧脸",
    "whole",
    61,
    mood="dawn",
)
def double_exposure(stage: Stage, mention: Mention) -> None:
    """Keep the scene inside the head, fade it out over the face, and leave paper around it."""
    canvas, palette = stage.canvas, stage.palette
    flip = stage.plan.mirrored
    tall = min(0.82 * canvas.height, 0.9 * canvas.width)
    x_px = canvas.width * (0.47 if flip else 0.53)
    head = Shape().blob(*path(HEAD))
    if stage.plan.hair:
        head.blob(*path(HAIR))
    inside = canvas.spread(head.mask(x_px, canvas.height, tall, flip=flip))
    night = palette.darkness
    paper = mix(lighter(mix(palette.haze, palette.light, 0.55), 0.05), palette.sky[0], 0.85 * night)
    skin = mix(mix(palette.far, palette.light, 0.25), palette.sky[1], 0.25)
    # the picture inside is pulled towards one tone, so that the head reads as one shape
    canvas.wash(inside * np.float32(0.26), to_linear(mix(palette.near, palette.far, 0.5)))
    across = (canvas.x * canvas.width - x_px) / tall * (-1 if flip else 1)
    up = (canvas.height - canvas.y * canvas.height) / tall
    face = smoothstep(0.02, 0.3, across + 0.18 * (up - 0.5)) * smoothstep(0.12, 0.34, up)
    face = face * smoothstep(0.98, 0.8, up)
    canvas.wash(inside * face * np.float32(0.8), to_linear(skin))
    # light on the brow and the nose, shade under the chin
    edge = np.clip(inside - canvas.moved(inside, -0.012 if not flip else 0.012, 0.008), 0, 1)
    canvas.wash(edge * np.float32(0.55), to_linear(palette.light))
    lid = Shape().line(path("36,62 31,60 27,61"), 0.012, 0.004)
    stage.put(
        lid,
        x_px / canvas.width,
        1.0,
        tall / canvas.unit,
        mix(skin, palette.ink, 0.6),
        flip=flip,
        rim=0,
    )
    mouth = Shape().line(path("40,42 35,42 32,41"), 0.009, 0.003)
    stage.put(
        mouth,
        x_px / canvas.width,
        1.0,
        tall / canvas.unit,
        mix(skin, palette.ink, 0.45),
        flip=flip,
        rim=0,
    )
    grain = stage.texture.smooth_at(canvas.x * 0.6, canvas.y * 0.6)
    tone = to_linear(paper) * (1 + 0.05 * grain[..., None])
    canvas.wash((1 - inside) * np.float32(0.97), tone.astype(np.float32))
    stage.cover_sky(1 - inside)
    stage.cover_sky(inside * face)
