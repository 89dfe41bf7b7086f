"""Indoors: a table in front of a window, for cups, books and candles."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import smoothstep
from engines.sketch.palette import lighter, mix, to_linear
from engines.sketch.shape import Shape
from engines.sketch.stage import Stage

ELEMENTS = Elements()


@ELEMENTS.add(
    "table",
    "table, desk, wooden table, window, windowsill, interior, room, indoors, kitchen, bedroom, cafe, "
    "桌子, 桌, 书桌, 窗, 窗户, 窗边, 窗台, 室内, 房间, 厨房, 卧室, 咖啡馆",
    "ground",
    38,
    spread="",
)
def table(stage: Stage, mention: Mention) -> None:
    """Keep the scene as the view from a window; paint the wall around it and the table in front."""
    canvas, palette, rng = stage.canvas, stage.palette, stage.rng("table")
    across, tall = canvas.width / canvas.unit, canvas.height / canvas.unit
    warm = np.array([0.55, 0.05, 0.08], np.float32)
    wall = mix(mix(palette.far, warm, 0.35), palette.ink, 0.3 + 0.25 * palette.darkness)
    top = stage.horizon + 0.06
    left, right = (0.34, 0.94) if stage.plan.light_x > 0.5 else (0.06, 0.66)
    sill, lintel = top - 0.1, 0.07
    inside = (canvas.x > left) & (canvas.x < right) & (canvas.y > lintel) & (canvas.y < sill)
    # the wall is lighter where the window's light falls on it
    middle = (left + right) / 2
    light = np.exp(-canvas.distance(middle, (lintel + sill) / 2) * 2.2)[..., None]
    grain = stage.texture.smooth_at(canvas.x * 0.7, canvas.y * 0.7)[..., None]
    paint = to_linear(wall) * (1 + 0.12 * grain)
    paint = paint + (to_linear(mix(wall, palette.light, 0.55)) - paint) * light * 0.75
    canvas.wash(1.0 - inside.astype(np.float32), paint.astype(np.float32))
    stage.cover_sky(1.0 - inside.astype(np.float32))
    stage.opening = inside.astype(np.float32)
    frame = Shape()
    x0, x1, y0, y1 = left * across, right * across, -sill * tall, -lintel * tall
    for x in (x0, (x0 + x1) / 2, x1):
        frame.box(x - 0.012, y0, x + 0.012, y1)
    for y in (y0, y0 + (y1 - y0) * 0.55, y1):
        frame.box(x0 - 0.012, y - 0.01, x1 + 0.012, y + 0.01)
    frame.box(x0 - 0.04, y0 - 0.03, x1 + 0.04, y0)
    stage.put(frame, 0, 0, 1, mix(wall, palette.light, 0.35), rim=0.6, shade=0)
    _boards(stage, top, mix(warm, palette.ink, 0.15 + 0.35 * palette.darkness), middle)
    stage.ground[:] = top + 0.3 * (1 - top) + 0.04 * float(rng.random())


def _boards(stage: Stage, top: float, wood: np.ndarray, light_x: float) -> None:
    """Paint the table's boards in perspective, with the window's light on them."""
    canvas = stage.canvas
    first = canvas.row(top)
    rows = canvas.rows - first
    down = ((np.arange(rows, dtype=np.float32) + 0.5) / (rows - canvas.around.bottom))[:, None]
    x = (canvas.x - 0.5) * (canvas.width / canvas.unit) / (0.75 + 0.5 * down)
    veins = stage.texture.smooth_at(x * 2.6, down * 0.14)
    seams = smoothstep(0.035, 0.012, np.abs((x * 4.2 + 0.3) % 1.0 - 0.5))
    shine = np.exp(-(((canvas.x - light_x) / 0.28) ** 2)) * (1 - 0.6 * down)
    dark, bright = to_linear(lighter(wood, -0.08)), to_linear(mix(wood, stage.palette.light, 0.5))
    paint = to_linear(wood) * (1 + 0.16 * veins)[..., None]
    paint = paint + (bright - paint) * (0.55 * shine)[..., None]
    paint = paint + (dark - paint) * (0.7 * seams)[..., None]
    paint = paint * (1 - 0.35 * down[..., None] ** 2)
    canvas.wash(np.ones((rows, canvas.columns), np.float32), paint.astype(np.float32), top=first)
    stage.cover_sky(np.ones((rows, canvas.columns), np.float32), top=first)
