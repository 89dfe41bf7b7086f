"""The finish turns a scene into a painting: bloom, brush, strokes, paper, and the ink line of niji.

Called by ``painter.py`` once the scene is complete. In a tile everything wraps: first each side is extended
with the opposite one, and at the end it is cut off again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from engines.sketch.material import cut, left_white, lined, watercoloured
from engines.sketch.noise import Floats, fractal, generator, smoothstep, soften
from engines.sketch.order import Order
from engines.sketch.palette import to_linear, to_oklab
from engines.sketch.stage import Stage

#: pixels added around a full-size cell before the brush, and cut off after it
MARGIN_PX = 24

#: these looks have no bristles
BRUSHLESS = frozenset({"watercolour", "papercraft", "pixel"})

MATERIALS = {"watercolour": watercoloured, "papercraft": cut, "ink": lined}

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True, slots=True)
class Brush:
    """What the strokes come from, and how wide they are; 1 is the usual width."""

    seed: int
    width: float = 1.0
    #: whether the corners get darker
    vignette: bool = True


def finish(stage: Stage, order: Order, brush: Brush | None = None) -> None:
    """Finish the picture in place; ``brush`` is the plan's own if it is left out."""
    canvas = stage.canvas
    brush = brush or Brush(stage.plan.seed)
    margin = max(4, round(MARGIN_PX * stage.scale))
    stylize = min(max(order.stylize, 0.0), 1000.0) / 1000
    finishes = stage.plan.finishes
    mode: Literal["wrap", "edge"] = "wrap" if canvas.tile else "edge"
    around = ((margin, margin), (margin, margin), (0, 0))
    # the brush works on lightness as the eye sees it: about the square root of light
    picture = np.sqrt(np.clip(np.pad(canvas.rgb, around, mode=mode), 0, 4))
    glow = 0.16 + 0.3 * stylize + (0.25 if "glow" in finishes else 0.0)
    raw = order.style == "raw"
    if raw:
        glow *= 0.5
    picture = _bloom(picture, glow, stage.scale)
    flat = order.niji and not raw
    if not raw:
        strength = 0.18 + 0.82 * stylize**0.55
        coarse = stage.scale > 0.4 and (stylize > 0.55 or finishes & {"oil", "watercolour"})
        picture = _kuwahara(picture, 4 if coarse and not flat else 2)
        if not flat and not order.draft and not finishes & BRUSHLESS:
            oil = "oil" in finishes
            picture = _strokes(
                picture, stage, max(strength, 0.75) if oil else strength, margin, brush
            )
    if flat:
        picture = _inked(picture, order, stage.scale)
    picture = _in_its_material(picture, stage, brush)
    picture = picture[margin:-margin, margin:-margin]
    if not raw:
        _paper(picture, stage, 0.5 if flat else 1.0, brush)
    if brush.vignette and not canvas.tile and not raw and "watercolour" not in finishes:
        _vignette(picture, stage, 0.16 if finishes & {"ink", "pastel"} else 0.3)
    if brush.vignette and not canvas.tile and "watercolour" in finishes:
        picture = left_white(picture, brush.seed, stage.scale)
    canvas.rgb = np.ascontiguousarray(picture * picture)


def _in_its_material(picture: Floats, stage: Stage, brush: Brush) -> Floats:
    """Return the picture as the look that the words ask for makes it."""
    for name, made in MATERIALS.items():
        if name in stage.plan.finishes:
            tile, luma = stage.canvas.tile, picture @ LUMA
            picture = made(picture, luma, brush.seed, stage.scale, tile=tile)
    return picture


def _bloom(picture: Floats, strength: float, scale: float) -> Floats:
    """Let bright parts shine over their surroundings."""
    bright = np.clip(picture - 0.62, 0, None)
    wide = soften(bright, max(2, round(26 * scale)))
    near = soften(bright, max(2, round(8 * scale)))
    return np.asarray(
        picture + strength * (0.8 * np.clip(wide, 0, None) + 0.5 * np.clip(near, 0, None))
    )


def _window_mean(values: Floats, window: int) -> Floats:
    """Return the mean of each ``window`` x ``window`` square, indexed by its upper left corner."""
    total = values
    step = 1
    while step < window:
        total = total + np.roll(total, -step, axis=0)
        total = total + np.roll(total, -step, axis=1)
        step *= 2
    return np.asarray(total * np.float32(1 / (window * window)))


def _kuwahara(picture: Floats, window: int) -> Floats:
    """Set each pixel to the mean of the most even of the four squares that meet at it.

    This flattens grain and keeps edges, as a brush of that width does.
    """
    means = _window_mean(picture, window)
    luma = picture @ LUMA
    spread = _window_mean(luma * luma, window) - _window_mean(luma, window) ** 2
    back = window - 1
    best, best_spread = means, spread
    for down, across in ((0, back), (back, 0), (back, back)):
        other = np.roll(spread, (down, across), axis=(0, 1))
        calmer = other < best_spread
        best_spread = np.where(calmer, other, best_spread)
        best = np.where(calmer[..., None], np.roll(means, (down, across), axis=(0, 1)), best)
    return np.asarray(best)


def _directions(
    luma: Floats, rng: np.random.Generator, scale: float, tile: bool
) -> tuple[Floats, Floats]:
    """Return the brush's direction at each pixel: along edges, and wandering where there are none."""
    dy = np.roll(luma, -1, axis=0) - np.roll(luma, 1, axis=0)
    dx = np.roll(luma, -1, axis=1) - np.roll(luma, 1, axis=1)
    reach = max(2, round(12 * scale))
    xx, yy, xy = soften(dx * dx, reach), soften(dy * dy, reach), soften(dx * dy, reach)
    height, width = luma.shape
    wander = fractal(rng, width, height, (3, 3), octaves=2, tile=tile) * 2.4
    calm = np.float32(2e-4)
    # angles are doubled, so that opposite directions count as one
    cos2, sin2 = yy - xx + calm * np.cos(wander), -2 * xy + calm * np.sin(wander)
    angle = 0.5 * np.arctan2(sin2, cos2)
    return np.cos(angle), np.sin(angle)


def _strokes(picture: Floats, stage: Stage, strength: float, margin: int, brush: Brush) -> Floats:
    """Drag the paint along the brush's direction, and let its bristles catch the light."""
    scale = stage.scale * brush.width
    height, width = picture.shape[:2]
    rng = generator(brush.seed, "strokes")
    cos, sin = _directions(picture @ LUMA, rng, scale, stage.canvas.tile)
    # bristles: fine noise smeared along the direction
    inner = (height - 2 * margin, width - 2 * margin)
    # equally fine at every size: a preview shows the brush of the full picture, not a coarser one
    fine = inner[0] / scale / 2.2, inner[1] / scale / 2.2
    grain = fractal(rng, inner[1], inner[0], (fine[1], fine[0]), octaves=1, tile=stage.canvas.tile)
    grain = np.pad(grain, margin, mode="wrap")
    reach = max(1, round((6 + 9 * strength) * scale))
    steps = [step for step in range(-reach, reach + 1) if step]
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    bristles = grain.copy()
    dragged = picture.copy()
    used = 1
    flat = picture.reshape(-1, 3)
    # a larger picture needs no more samples than a full-size cell: its bristles are as much wider
    stride = max(2 if reach > 4 else 1, round(2 * scale))
    for step in steps[::stride]:
        y = np.clip(rows + np.rint(sin * step).astype(np.int32), 0, height - 1)
        x = np.clip(columns + np.rint(cos * step).astype(np.int32), 0, width - 1)
        index = y * width + x
        bristles += grain.ravel()[index]
        if abs(step) <= max(1, round((2 + 7 * strength) * scale)):
            dragged += flat[index]
            used += 1
    dragged /= used
    bristles *= np.float32(1 / len(steps[:: max(2, stride)]) ** 0.5 * 0.8)
    # a bristle leaves a furrow, lit on one flank
    relief = bristles - np.roll(bristles, 1, axis=0)
    mixed = picture + (dragged - picture) * np.float32(min(0.5 + 0.5 * strength, 0.95))
    # oil stands up from the canvas
    thick = strength * (2.6 if "oil" in stage.plan.finishes else 1.0)
    tone = 1 + np.float32(0.034 * thick) * bristles + np.float32(0.045 * thick) * relief
    return np.asarray(mixed * tone[..., None])


def _inked(picture: Floats, order: Order, scale: float) -> Floats:
    """Split the picture into flat tones, and draw an ink line where they meet."""
    lab = to_oklab(np.clip(picture * picture, 0, 1.5))
    tones = {"cute": 9, "expressive": 8, "scenic": 16, "original": 11}.get(order.style, 11)
    light = lab[..., 0] * tones
    step = np.floor(light)
    part = light - step
    lab[..., 0] = (step + smoothstep(0.42, 0.58, part) + 0.02) / tones
    line_from = soften(picture @ LUMA, max(1, round(1.5 * scale)))
    dx = np.roll(line_from, -1, axis=1) - np.roll(line_from, 1, axis=1)
    dy = np.roll(line_from, -1, axis=0) - np.roll(line_from, 1, axis=0)
    edge = np.sqrt(dx * dx + dy * dy)
    thick = {"cute": 0.55, "expressive": 0.95, "scenic": 0.4}.get(order.style, 0.75)
    line = smoothstep(0.09, 0.24, edge) * thick
    lab *= (1 - 0.75 * line)[..., None]
    return np.sqrt(to_linear(lab))


def _paper(picture: Floats, stage: Stage, strength: float, brush: Brush) -> None:
    """Let the weave of the canvas show through, more so if the finish asks for it."""
    height, width = picture.shape[:2]
    rng = generator(brush.seed, "paper")
    cells = width / stage.scale / 2.5, height / stage.scale / 2.5
    weave = fractal(rng, width, height, cells, octaves=1, tile=stage.canvas.tile)
    amount = 0.012 + (0.02 if stage.plan.finishes & {"grain", "ink"} else 0.0)
    picture *= (1 + np.float32(amount * strength) * weave)[..., None]


def _vignette(picture: Floats, stage: Stage, strength: float) -> None:
    # of the whole canvas, whatever is its frame
    canvas = stage.canvas
    x = ((np.arange(canvas.columns, dtype=np.float32) + 0.5) / canvas.columns)[None, :] - 0.5
    y = ((np.arange(canvas.rows, dtype=np.float32) + 0.5) / canvas.rows)[:, None] - 0.5
    away = np.clip((x * x + y * y) * 2, 0, 1)
    picture *= (1 - np.float32(strength) * away**1.4)[..., None]
