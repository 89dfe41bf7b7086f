"""What a look does to the painted picture: watercolour, cut paper, oil, ink, pixels.

Called by ``finish.py`` with the square root of light, as the eye sees it, except for ``pixelated``, which comes
last of all. Everything is as fine at every size: a preview shows the blots of the full picture.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from engines.sketch.noise import Floats, fractal, generator, smoothstep, soften
from engines.sketch.palette import from_bytes, to_bytes

#: points on the shorter side of a picture of pixels, and its colours
POINTS, COLOURS = 96, 40

#: steps of lightness that sheets of paper have
SHEETS = 7

PAPER = np.array([0.985, 0.97, 0.935], np.float32)


def _field(
    seed: int,
    name: str,
    picture: Floats,
    lumps: float,
    scale: float,
    *,
    tile: bool,
    octaves: int = 3,
) -> Floats:
    """Return noise with so many lumps across a full-size cell."""
    height, width = picture.shape[:2]
    cells = (lumps * width / scale / 512, lumps * height / scale / 512)
    rng = generator(seed, name)
    return fractal(rng, width, height, cells, octaves=octaves, tile=tile)


def slope(luma: Floats) -> Floats:
    """Return how steep the lightness is at each pixel."""
    down = np.roll(luma, -1, axis=0) - np.roll(luma, 1, axis=0)
    across = np.roll(luma, -1, axis=1) - np.roll(luma, 1, axis=1)
    return np.asarray(np.sqrt(down * down + across * across), np.float32)


def watercoloured(picture: Floats, luma: Floats, seed: int, scale: float, *, tile: bool) -> Floats:
    """Return washes on white paper: edges that bleed and dry darker, blooms, and granulation."""
    height, width = picture.shape[:2]
    wander = _field(seed, "bleed across", picture, 22, scale, tile=tile)
    other = _field(seed, "bleed down", picture, 22, scale, tile=tile)
    reach = 4.5 * scale
    rows = np.arange(height)[:, None] + np.rint(other * reach).astype(np.int32)
    columns = np.arange(width)[None, :] + np.rint(wander * reach).astype(np.int32)
    if tile:
        rows, columns = rows % height, columns % width
    index = np.clip(rows, 0, height - 1) * width + np.clip(columns, 0, width - 1)
    bled = picture.reshape(-1, 3)[index]
    # thinned with water: colours stay clean where they are pale
    wash = 1 - (1 - np.clip(bled, 0, 1)) * np.float32(0.8)
    blot = _field(seed, "blooms", picture, 5, scale, tile=tile, octaves=4)
    rim = (
        smoothstep(0.14, 0.0, np.abs(blot - 0.5)) * 0.5
        + smoothstep(0.1, 0.0, np.abs(blot + 0.6)) * 0.4
    )
    bled_luma = luma.ravel()[index]
    dried = smoothstep(
        0.03, 0.22, slope(soften(bled_luma, max(1, round(2.2 * scale)))) / max(scale, 0.2)
    )
    grain = _field(seed, "granulation", picture, 230, scale, tile=tile, octaves=2)
    pigment = 1 - bled_luma.clip(0, 1)
    dark = (
        1
        - 0.3 * dried
        - 0.12 * rim * pigment
        - 0.09 * blot * pigment
        - 0.05 * grain * (0.3 + pigment)
    )
    painted = wash * np.clip(dark, 0.3, 1.25)[..., None]
    return np.asarray(painted + (PAPER * wash - painted) * np.float32(0.22), np.float32)


def left_white(picture: Floats, seed: int, scale: float) -> Floats:
    """Return the picture with a border of bare paper, where the wash ends in an uneven edge."""
    height, width = picture.shape[:2]
    ragged = _field(seed, "ragged", picture, 14, scale, tile=False, octaves=4)
    x = np.minimum(np.arange(width), np.arange(width)[::-1])[None, :]
    y = np.minimum(np.arange(height), np.arange(height)[::-1])[:, None]
    inside = np.minimum(x, y) / (scale * 512) - 0.035 - 0.012 * ragged
    bare = smoothstep(0.004, -0.004, inside)[..., None]
    pooled = 1 - 0.16 * smoothstep(0.012, 0.0, np.abs(inside - 0.004))[..., None]
    return np.asarray(picture * pooled + (PAPER - picture * pooled) * bare, np.float32)


def cut(picture: Floats, luma: Floats, seed: int, scale: float, *, tile: bool) -> Floats:
    """Return sheets of paper, the lighter above the darker, each with its edge and its shadow."""
    calm = soften(luma, max(1, round(3 * scale)))
    level = np.clip(calm, 0, 1.2) * SHEETS
    sheet = np.floor(level)
    # inside a sheet there is one tone: the colour keeps its hue, its lightness goes to the step's
    target = (sheet + 0.5) / SHEETS
    flat = picture * np.clip(target / np.maximum(calm, 0.02), 0.7, 1.4)[..., None]
    drop = max(1, round(5 * scale))
    above = soften(np.roll(sheet, (drop, drop // 2), axis=(0, 1)), max(2, round(6 * scale)))
    shadow = np.clip(above - sheet, 0, 1)
    lit = np.clip(sheet - np.roll(sheet, (max(1, round(1.5 * scale)),) * 2, axis=(0, 1)), 0, 1)
    fibre = _field(seed, "fibre", picture, 170, scale, tile=tile, octaves=3)
    tone = 1 - 0.3 * shadow + 0.09 * lit + 0.022 * fibre
    return np.asarray((picture + (flat - picture) * np.float32(0.75)) * tone[..., None], np.float32)


def lined(picture: Floats, luma: Floats, seed: int, scale: float, *, tile: bool) -> Floats:
    """Return the picture with brush lines along its edges, broken where the brush ran dry."""
    edge = slope(soften(luma, max(1, round(1.6 * scale)))) / max(scale, 0.25) ** 0.5
    dry = _field(seed, "dry brush", picture, 60, scale, tile=tile)
    line = smoothstep(0.17, 0.44, edge + 0.06 * dry) * np.float32(0.6)
    return np.asarray(picture * (1 - line)[..., None], np.float32)


def pixelated(light: Floats, unit: int) -> Floats:
    """Return a picture in linear light as large square points of few colours."""
    height, width = light.shape[:2]
    point = max(1, round(unit / POINTS))
    size = max(1, round(width / point)), max(1, round(height / point))
    small = Image.fromarray(to_bytes(light)).resize(size, Image.Resampling.BOX)
    few = small.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    return from_bytes(np.asarray(few.resize((width, height), Image.Resampling.NEAREST)))
