"""Painting a plan: the scene from back to front, then the finish, then what is painted after the brush.

The ways to get a picture (a drawing, an upscale, an edit, a blend) all paint with it. The same plan, order
and size always give the same picture.
"""

from __future__ import annotations

import numpy as np

from engines.sketch.canvas import NOTHING, Around, Canvas
from engines.sketch.catalogue import ELEMENTS
from engines.sketch.finish import LUMA, Brush, finish
from engines.sketch.material import pixelated
from engines.sketch.noise import Floats
from engines.sketch.order import Order
from engines.sketch.plan import Plan
from engines.sketch.scene.abstracts import flow
from engines.sketch.scene.motifs import paint_motif
from engines.sketch.scene.sky import paint_sky
from engines.sketch.stage import Stage

_BELONGS = {name: known.place for name, known in ELEMENTS.items()}
_SPREADS = {name: known.spread for name, known in ELEMENTS.items()}

#: the shorter side of a cell at scale 1
USUAL_PX = 512


def set_up(
    planned: Plan, width: int, height: int, *, tile: bool, around: Around = NOTHING, seed: int = 0
) -> Stage:
    """Return an empty stage for a plan; ``seed`` is that of the ground around its frame."""
    canvas = Canvas(width, height, tile=tile, around=around, seed=seed)
    return Stage(canvas, planned, _BELONGS, _SPREADS, scale=min(width, height) / USUAL_PX)


def paint_scene(stage: Stage) -> None:
    """Paint sky, land and things, before the brush."""
    if stage.canvas.tile:
        flow(stage)
    else:
        paint_sky(stage)
    paint_things(stage)


def paint_things(stage: Stage) -> None:
    """Paint what the plan mentions, back to front, over what is on the canvas."""
    planned, tile = stage.plan, stage.canvas.tile
    for mention in sorted(planned.mentions, key=lambda mention: _depth(mention.name, planned)):
        known = ELEMENTS[mention.name]
        # in a pattern, parts of a landscape become signs; an element with neither sign nor motif adds only
        # its mood
        if not tile or (not paint_motif(stage, mention) and known.motif):
            stage.paint(known.paint, mention, known.spread)


def complete(stage: Stage, order: Order, brush: Brush | None = None) -> Floats:
    """Finish the scene and return the picture in linear light."""
    finish(stage, order, brush)
    stage.paint_lights()
    for late in stage.afterwards:
        late()
    if "noir" in stage.plan.moods:
        _bleach(stage.canvas)
    if "pixel" in stage.plan.finishes:
        stage.canvas.rgb = pixelated(stage.canvas.rgb, stage.canvas.unit)
    return stage.canvas.rgb


def _bleach(canvas: Canvas) -> None:
    """Remove nearly all colour that lamps and named colours have brought into a black-and-white picture."""
    grey = (canvas.rgb @ LUMA)[..., None]
    canvas.rgb = canvas.rgb + (grey - canvas.rgb) * np.float32(0.88)


def _depth(name: str, planned: Plan) -> int:
    """Return the element's depth: a forest by a lake is painted before the water, to be mirrored in it."""
    if name == "forest" and planned.has("water"):
        return ELEMENTS["water"].depth - 1
    return ELEMENTS[name].depth
