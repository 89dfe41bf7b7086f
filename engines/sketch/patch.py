"""Completing a canvas: the part to paint, and how new paint meets what is already there.

Used by ``ground.py`` (zoom out, pan) and ``region.py``. All pictures are in linear light; masks are 1 where to
paint and 0 where the canvas stays.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from engines.sketch.noise import Floats, enlarge, soften
from engines.sketch.reference import UnreadablePicture
from limner.pictures.decoding import UnreadablePictureError, open_picture

#: how wide the known edge is that new paint is evened out to, as a part of the canvas's shorter side
EDGE = 0.012

#: larger factors, as a logarithm, are not evened out
MOST_APART = 1.2

#: darker light than this is as good as none
FAINT = np.float32(0.02)


def open_mask(path: str, width: int, height: int) -> Floats:
    """Return the mask at this size, 0 to 1."""
    try:
        image = open_picture(Path(path).read_bytes()).convert("L")
    except (OSError, UnreadablePictureError) as error:
        raise UnreadablePicture("not a mask that can be opened") from error
    small = image.resize((width, height), Image.Resampling.BOX)
    return np.asarray(small, np.float32) * np.float32(1 / 255)


def spread_out(picture: Floats, known: Floats) -> Floats:
    """Fill what is not ``known`` (1 or 0) smoothly from what is, the nearest counting most."""
    height, width = known.shape
    if min(height, width) < 2 or known.all() or not known.any():
        return picture
    # half the size until all is known, then back again, keeping at each size what was known there
    down, across = height % 2, width % 2
    even = np.pad(picture * known[..., None], ((0, down), (0, across), (0, 0)))
    weights = np.pad(known, ((0, down), (0, across)))
    total = _halved(weights)
    colours = _halved(even) / np.maximum(total, 1e-6)[..., None]
    coarse = spread_out(colours, (total > 0).astype(np.float32))
    filled = np.stack([enlarge(coarse[..., i], *even.shape[1::-1]) for i in range(3)], axis=-1)
    filled = filled[:height, :width]
    return np.asarray(filled + (picture - filled) * known[..., None], np.float32)


def _halved(values: Floats) -> Floats:
    return values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]


def distance_from(known: Floats) -> Floats:
    """Return about how many pixels each point is away from what is ``known``."""
    height, width = known.shape
    away = np.zeros((height, width), np.float32)
    reach = 2
    while reach < 2 * max(width, height):
        # at this reach, a point that sees nothing known is at least half of it away
        away += np.float32(reach / 2) * (1 - np.clip(soften(known, reach) * 4, 0, 1))
        reach *= 2
    return away


def joined(painted: Floats, canvas: Floats, known: Floats, felt_px: float) -> Floats:
    """Return the painting, evened out towards the canvas near what is ``known`` of it."""
    height, width = known.shape
    edge = known * (distance_from(1 - known) < max(4.0, min(height, width) * EDGE))
    # darker corners are a factor, not a difference; a star at the edge is neither
    factor = np.log(_tone(canvas, known) / _tone(painted, known))
    factor = spread_out(np.clip(factor, -MOST_APART, MOST_APART), edge.astype(np.float32))
    share = np.exp(-distance_from(known) / np.float32(felt_px))[..., None]
    return np.asarray((painted + FAINT) * np.exp(factor * share) - FAINT).clip(0)


def _tone(picture: Floats, known: Floats) -> Floats:
    """Return the tone of what is known around each point, never quite black."""
    near = np.maximum(soften(known, 4), 0.05)[..., None]
    return np.asarray(np.maximum(soften(picture * known[..., None], 4), 0) / near + FAINT)


def soft_inside(mask: Floats, reach: int) -> Floats:
    """Return the mask with an edge that fades over about ``reach`` pixels, all of it inside the mask."""
    soft = np.clip(2 * soften(mask, max(2, reach)) - 1, 0, 1)
    return np.asarray(np.minimum(soft, mask), np.float32)
