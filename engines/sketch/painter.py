"""One cell from an order, whatever its operation, and the notes on it; encoding.

Called by ``child.py`` for each piece and by ``sheet.py``. The same order, seed and size always give the same
picture, whatever the other cells are.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from engines.sketch.blend import painted_blend
from engines.sketch.catalogue import ELEMENTS
from engines.sketch.easel import complete, paint_scene, set_up
from engines.sketch.ground import painted_around
from engines.sketch.larger import painted_larger
from engines.sketch.noise import Floats
from engines.sketch.order import Order
from engines.sketch.palette import to_bytes
from engines.sketch.planner import plan
from engines.sketch.reading import read
from engines.sketch.reference import UnreadablePicture, adapted, repainted
from engines.sketch.region import painted_in_place
from engines.sketch.scene.motifs import SIGNS
from limner.pictures.png_file import png_file

__all__ = ["UnreadablePicture", "notes", "paint", "paint_encoded"]

Pixels = npt.NDArray[np.uint8]

PREVIEW_QUALITY = 85

#: how many words or phrases of a prompt a note repeats
MOST_NOTED = 24

#: no picture is painted with more pixels, however high its quality
MOST_PIXELS = 2048 * 2048

#: a draft is painted at this part of its size, without strokes
DRAFT = 0.5


def paint(order: Order, cell: int, shrink: int = 1) -> Pixels:
    """Return one cell as (height, width, 3) sRGB bytes, at 1/``shrink`` of its size."""
    width, height = max(8, order.width // shrink), max(8, order.height // shrink)
    fineness = _fineness(order) if shrink == 1 else 1.0
    if fineness == 1.0:
        return to_bytes(_paint(order, order.seeds[cell], width, height))
    sides = max(8, round(width * fineness)), max(8, round(height * fineness))
    picture = Image.fromarray(to_bytes(_paint(order, order.seeds[cell], *sides)))
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))


def _fineness(order: Order) -> float:
    """Return how many times its size a cell is painted in either direction."""
    if order.draft:
        return DRAFT
    most = (MOST_PIXELS / (order.width * order.height)) ** 0.5
    # four times the quality is four times the pixels
    return float(min(order.quality**0.5, max(most, 1.0)))


def _paint(order: Order, seed: int, width: int, height: int) -> Floats:
    return _way(order)(order, seed, width, height)


def _way(order: Order) -> Callable[[Order, int, int, int], Floats]:
    if order.operation == "upscale":
        return painted_larger
    if order.operation == "blend":
        return painted_blend
    if order.operation == "edit":
        return painted_around if order.kept else painted_in_place
    return painted_anew


def painted_anew(order: Order, seed: int, width: int, height: int) -> Floats:
    """Return a drawing from words, references and perhaps a parent to vary, in linear light."""
    stage = set_up(adapted(plan(order, seed), order), width, height, tile=order.tile)
    paint_scene(stage)
    stage.canvas.rgb = repainted(stage.canvas.rgb, order)
    return complete(stage, order)


def paint_encoded(order: Order, cell: int, shrink: int) -> bytes:
    """Return one cell as PNG, or a smaller preview of it as JPEG."""
    image = Image.fromarray(paint(order, cell, shrink))
    if shrink == 1:
        return png_file(image)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=PREVIEW_QUALITY)
    return out.getvalue()


def notes(order: Order) -> dict[str, Any]:
    """Return what the caller should know: what was understood and what was not."""
    reading = read(order.prompt, order.negative)
    if order.tile:
        # a pattern has no land or sky: what neither has a sign nor is a thing is not in it
        signs = tuple(m for m in reading.mentions if m.name in SIGNS or ELEMENTS[m.name].motif)
        reading = replace(reading, mentions=signs)
    said: dict[str, Any] = {
        "painter": "sketch paints the things it knows by name; it is not a neural model",
        "understood": list(reading.understood[:MOST_NOTED]),
        "ignored": list(reading.ignored[:MOST_NOTED]),
    }
    if reading.near:
        # what it cannot tell apart, it paints as what it knows, and says so
        said["near"] = dict(list(reading.near.items())[:MOST_NOTED])
    if not reading.painted:
        said["composed"] = "an abstract: it knows none of these words"
    if reading.left_out:
        said["left_out"] = list(reading.left_out)
    return said
