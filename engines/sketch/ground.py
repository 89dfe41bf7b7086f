"""Zooming out and panning: the parent's plan painted on a larger ground than its own frame.

Sky, land and weather go on around the frame; things stay where they are. So lines and colours at the edge of
the parent's picture continue outside. What is left of a difference, such as the parent's darker corners, is
evened out with the distance.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engines.sketch.canvas import Around
from engines.sketch.easel import complete, paint_scene, set_up
from engines.sketch.finish import Brush
from engines.sketch.noise import Floats
from engines.sketch.order import Order
from engines.sketch.parent import as_drawn, found_again
from engines.sketch.patch import distance_from, joined, open_mask
from engines.sketch.plan import Plan
from engines.sketch.planner import plan
from engines.sketch.reference import look_at, palette_of, repainted

#: how far a difference at the edge is felt, as a part of the parent's shorter side
FELT = 0.4

#: how far a picture without a plan is mirrored at its edge, likewise
MIRRORED = 0.08


def painted_around(order: Order, seed: int, width: int, height: int) -> Floats:
    """Return the canvas with the ground around the parent's picture painted, in linear light."""
    assert order.kept
    canvas = look_at(order.canvas, width, height)
    left, top, right, bottom = _scaled(order, width, height)
    around = Around(left, top, width - right, height - bottom)
    framed = (slice(top, bottom), slice(left, right))
    known = np.zeros((height, width), np.float32)
    known[framed] = 1
    planned = found_again(order, canvas[framed])
    found = planned is not None
    drawn = as_drawn(order)
    planned = planned or _in_its_colours(plan(drawn, seed), canvas[framed])
    stage = set_up(planned, right - left, bottom - top, tile=False, around=around, seed=seed)
    paint_scene(stage)
    if found:
        stage.canvas.rgb[framed] = repainted(stage.canvas.rgb[framed], drawn)
    painted = complete(stage, drawn, Brush(seed))
    if not found:
        painted = _mirrored(painted, canvas[framed], around, known)
    whole = joined(painted, canvas, known, FELT * stage.canvas.unit)
    mask = np.maximum(open_mask(order.mask, width, height), 1 - known)[..., None]
    return np.asarray(canvas + (whole - canvas) * mask, np.float32)


def _scaled(order: Order, width: int, height: int) -> tuple[int, int, int, int]:
    """Return the parent's box in a canvas of this size."""
    assert order.kept
    left, top, right, bottom = order.kept
    across, down = width / order.width, height / order.height
    return (
        min(round(left * across), width - 8),
        min(round(top * down), height - 8),
        max(round(right * across), round(left * across) + 8),
        max(round(bottom * down), round(top * down) + 8),
    )


def _in_its_colours(planned: Plan, picture: Floats) -> Plan:
    """Return a plan for a picture whose own is not known: another scene, in its colours."""
    small = picture[:: max(1, picture.shape[0] // 96), :: max(1, picture.shape[1] // 96)]
    colours = palette_of([small], planned.palette)
    return replace(planned, palette=planned.palette.mixed(colours, 0.9))


def _mirrored(painted: Floats, picture: Floats, around: Around, known: Floats) -> Floats:
    """Return the painting, with the picture mirrored at its edges and fading out with the distance."""
    sides = ((around.top, around.bottom), (around.left, around.right), (0, 0))
    image = np.pad(picture, sides, mode="symmetric")
    away = distance_from(known)[..., None] / np.float32(min(picture.shape[:2]))
    share = np.exp(-((away / MIRRORED) ** 2))
    return np.asarray(painted + (image - painted) * share.astype(np.float32))
