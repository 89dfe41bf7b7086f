"""Indoors: a table before a window, a window sill, a whole room; what furnishes it is in ``rooms.py``."""

from __future__ import annotations

import numpy as np

from engines.sketch.element import Elements
from engines.sketch.mention import Mention
from engines.sketch.noise import smoothstep
from engines.sketch.palette import lighter, mix, to_linear
from engines.sketch.scene.furnishing import floor_of
from engines.sketch.shape import Shape
from engines.sketch.stage import Stage

ELEMENTS = Elements()

OAK = np.array([0.55, 0.05, 0.08], np.float32)


@ELEMENTS.add("table", "table, wooden table, 桌子, 桌", "ground", 48, spread="", near="desk, 书桌")
def table(stage: Stage, mention: Mention) -> None:
    """Paint a table before a window, or before the room that the words name."""
    top = stage.horizon + 0.06
    middle = 0.5
    if not stage.plan.has("room"):
        middle = _window(stage, stage.horizon - 0.04, 0.07)
    else:
        top = min(stage.horizon + 0.2, 0.78)
    shade = 0.15 + 0.35 * stage.palette.darkness
    _boards(stage, top, mix(OAK, stage.palette.ink, shade), middle)
    stage.ground[:] = top + 0.3 * (1 - top) + 0.04 * float(stage.rng("table").random())


@ELEMENTS.add("window", "window, windowsill, 窗, 窗户, 窗边, 窗台", "ground", 37, spread="")
def window(stage: Stage, mention: Mention) -> None:
    """Paint a wide window and its sill, on which things stand; a table and a room have their own."""
    if stage.plan.has("table", "room"):
        return
    sill = min(stage.horizon + 0.14, 0.82)
    middle = _window(stage, sill, 0.05, (0.12, 0.88))
    white = mix(mix(stage.palette.far, OAK, 0.2), stage.palette.light, 0.55)
    _boards(stage, sill, lighter(white, -0.16 * stage.palette.darkness), middle)
    stage.ground[:] = sill + 0.12 * (1 - sill)


@ELEMENTS.add(
    "room",
    "room, interior, indoors, living room, bedroom, kitchen, library, cafe, café, coffee shop, coffeehouse, "
    "室内, 房间, 客厅, 卧室, 厨房, 图书馆, 咖啡馆, 咖啡店",
    "ground",
    36,
    spread="",
    near="office, bathroom, hall, hallway, classroom, studio, attic, diner, restaurant, bar, pub, hotel room, "
    "study, lounge, 办公室, 教室, 浴室, 餐厅, 书房",
    takes="colour",
)
def room(stage: Stage, mention: Mention) -> None:
    """Paint a wall with a window in it, a floor of boards, and a rug in the window's light."""
    canvas, palette = stage.canvas, stage.palette
    floor = floor_of(stage)
    usual = mix(mix(palette.far, palette.light, 0.35), OAK, 0.22)
    wall = stage.colour_of(mention, lighter(usual, -0.2 * palette.darkness))
    middle = _window(stage, floor - 0.2, 0.1, window_side(stage), wall=wall)
    _boards(stage, floor, mix(OAK, palette.ink, 0.1 + 0.35 * palette.darkness), middle)
    across = canvas.width / canvas.unit
    skirting = Shape().box(-0.1, -0.012, across + 0.1, 0.03)
    stage.put(skirting, 0, floor, 1, mix(wall, palette.light, 0.45), rim=0.4, shade=0)
    rug = Shape().disc(0, 0, 0.42, 0.085)
    inner = Shape().disc(0, 0, 0.35, 0.066)
    low = floor + 0.62 * (1 - floor)
    wool = mix(stage.accent(0), wall, 0.35)
    stage.put(rug, 0.5, low, 1, lighter(wool, -0.06), rim=0.2, shade=0)
    stage.put(inner, 0.5, low, 1, lighter(wool, 0.03), rim=0, shade=0)
    stage.ground[:] = floor + 0.34 * (1 - floor)


def window_side(stage: Stage) -> tuple[float, float]:
    """Return where a room's window begins and ends: on the side of the light."""
    return (0.56, 0.92) if stage.plan.light_x > 0.5 else (0.08, 0.44)


def _window(
    stage: Stage,
    sill: float,
    lintel: float,
    sides: tuple[float, float] | None = None,
    *,
    wall: np.ndarray | None = None,
) -> float:
    """Keep the scene as the view from a window, and paint the wall around it; return the window's middle."""
    canvas, palette = stage.canvas, stage.palette
    across, tall = canvas.width / canvas.unit, canvas.height / canvas.unit
    if wall is None:
        wall = mix(mix(palette.far, OAK, 0.35), palette.ink, 0.22 + 0.28 * palette.darkness)
    left, right = sides or ((0.34, 0.94) if stage.plan.light_x > 0.5 else (0.06, 0.66))
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
    return middle


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
