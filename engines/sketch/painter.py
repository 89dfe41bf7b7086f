"""One cell from an order: plan, scene from back to front, finish, what is painted after the brush, encoding.

Called by ``child.py`` for each piece and by ``sheet.py``. The same order, cell and size always give
the same picture.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from engines.sketch.canvas import Canvas
from engines.sketch.catalogue import ELEMENTS
from engines.sketch.finish import LUMA, finish
from engines.sketch.order import Order
from engines.sketch.palette import to_bytes
from engines.sketch.plan import Plan
from engines.sketch.planner import plan
from engines.sketch.reading import read
from engines.sketch.reference import UnreadablePicture, adapted, repainted
from engines.sketch.scene.motifs import paint_motif
from engines.sketch.scene.patterns import flow
from engines.sketch.scene.sky import paint_sky
from engines.sketch.stage import Stage

__all__ = ["UnreadablePicture", "notes", "paint", "paint_encoded"]

Pixels = npt.NDArray[np.uint8]

PREVIEW_QUALITY = 85

#: fast and almost as small; the gateway re-encodes the picture anyway
PNG_LEVEL = 1

#: how many words or phrases of a prompt a note repeats
MOST_NOTED = 24

_BELONGS = {name: known.place for name, known in ELEMENTS.items()}


def paint(order: Order, cell: int, shrink: int = 1) -> Pixels:
    """Return one cell as (height, width, 3) sRGB bytes, at 1/``shrink`` of its size."""
    width, height = max(8, order.width // shrink), max(8, order.height // shrink)
    planned = adapted(plan(order, order.seeds[cell]), order)
    canvas = Canvas(width, height, tile=order.tile)
    stage = Stage(canvas, planned, _BELONGS, scale=min(width, height) / 512)
    _scene(stage, planned)
    canvas.rgb = repainted(canvas.rgb, order)
    finish(stage, order)
    stage.paint_lights()
    for late in stage.afterwards:
        late()
    if "noir" in planned.moods:
        _bleach(stage.canvas)
    return to_bytes(stage.canvas.rgb)


def _bleach(canvas: Canvas) -> None:
    """Remove nearly all colour that lamps and named colours have brought into a black-and-white picture."""
    grey = (canvas.rgb @ LUMA)[..., None]
    canvas.rgb = canvas.rgb + (grey - canvas.rgb) * np.float32(0.88)


def _scene(stage: Stage, planned: Plan) -> None:
    tile = stage.canvas.tile
    if tile:
        flow(stage)
    else:
        paint_sky(stage)
    for mention in sorted(planned.mentions, key=lambda mention: _depth(mention.name, planned)):
        known = ELEMENTS[mention.name]
        # in a pattern, parts of a landscape become signs; an element with neither sign nor motif adds only
        # its mood
        if not tile or (not paint_motif(stage, mention) and known.motif):
            known.paint(stage, mention)


def _depth(name: str, planned: Plan) -> int:
    """Return the element's depth: a forest by a lake is painted before the water, to be mirrored in it."""
    if name == "forest" and planned.has("water"):
        return ELEMENTS["water"].depth - 1
    return ELEMENTS[name].depth


def paint_encoded(order: Order, cell: int, shrink: int) -> bytes:
    """Return one cell as PNG, or a smaller preview of it as JPEG."""
    image = Image.fromarray(paint(order, cell, shrink))
    out = io.BytesIO()
    if shrink == 1:
        image.save(out, "PNG", compress_level=PNG_LEVEL)
    else:
        image.save(out, "JPEG", quality=PREVIEW_QUALITY)
    return out.getvalue()


def notes(order: Order) -> dict[str, Any]:
    """Return what the caller should know: what was understood and what was not."""
    reading = read(order.prompt, order.negative)
    said: dict[str, Any] = {
        "painter": "sketch paints the things it knows by name; it is not a neural model",
        "understood": list(reading.understood[:MOST_NOTED]),
        "ignored": list(reading.ignored[:MOST_NOTED]),
    }
    if reading.left_out:
        said["left_out"] = list(reading.left_out)
    return said
