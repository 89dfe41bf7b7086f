"""Reference pictures: their colours become the palette, their layout shows through.

Called by ``painter.py``. A variation's parent is a special reference: the weaker the variation, the more of
it is kept.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from engines.sketch.moods import MOODS
from engines.sketch.noise import Floats
from engines.sketch.order import Order
from engines.sketch.palette import Palette, from_bytes, lighter, to_oklab
from engines.sketch.plan import Plan
from limner.pictures.decoding import UnreadablePictureError, open_picture

#: references are shrunk to this size: enough for colours and a blurred layout
LOOK_PX = 96

#: pictures of up to so many pixels are kept in memory
MOST_KEPT_PX = 700 * 700


class UnreadablePicture(Exception):
    """A reference picture cannot be opened."""


def _opened(path: str, changed_ns: int, width: int, height: int) -> Floats:
    try:
        picture = open_picture(Path(path).read_bytes())
    except (OSError, UnreadablePictureError) as error:
        raise UnreadablePicture("not a picture that can be opened") from error
    if width:
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return from_bytes(np.asarray(picture))


_kept = lru_cache(maxsize=16)(_opened)


def look_at(path: str, width: int = 0, height: int = 0) -> Floats:
    """Return a picture in linear light, at this size or else its own."""
    try:
        changed_ns = Path(path).stat().st_mtime_ns
    except OSError as error:
        raise UnreadablePicture("a reference is missing") from error
    # sixteen large pictures would be too much to keep
    opened = _kept if 0 < width * height <= MOST_KEPT_PX else _opened
    return opened(path, changed_ns, width, height)


def adapted(plan: Plan, order: Order) -> Plan:
    """Return the plan in the colours of the references, according to their weight."""
    sources = [look_at(path, LOOK_PX, LOOK_PX) for path in order.references]
    share = min(0.35 + 0.35 * order.image_weight, 0.95) if order.image_weight > 0 else 0.0
    if order.parent:
        sources = [look_at(order.parent, LOOK_PX, LOOK_PX)]
        share = 0.9 - 0.5 * order.parent_strength
    if sources and share > 0:
        plan = replace(plan, palette=plan.palette.mixed(palette_of(sources, plan.palette), share))
    return _styled(plan, order)


def _styled(plan: Plan, order: Order) -> Plan:
    """Return the plan in the colours of the style references, and in the manner of the nearest mood."""
    weight = min(max(order.style_weight, 0.0), 1000.0)
    if not order.style_references or not weight:
        return plan
    share = 0.95 * weight / (weight + 60)
    sources = [look_at(path, LOOK_PX, LOOK_PX) for path in order.style_references]
    colours = palette_of(sources, plan.palette)
    plan = replace(plan, palette=plan.palette.mixed(colours, share))
    mood = nearest_mood(colours)
    if share < 0.5 or not MOODS[mood].finish:
        return plan
    return replace(plan, moods=plan.moods | {mood}, finishes=plan.finishes | {MOODS[mood].finish})


def nearest_mood(palette: Palette) -> str:
    """Return the mood whose colours are nearest to a palette."""

    def apart(other: Palette) -> float:
        sky = np.linalg.norm(palette.sky - other.sky, axis=1).mean()
        land = np.linalg.norm(palette.near - other.near)
        return float(sky + 0.5 * land)

    return min(MOODS, key=lambda name: apart(MOODS[name].palette))


def palette_of(sources: list[Floats], usual: Palette) -> Palette:
    """Return a palette from pictures: the sky from their upper rows, the land from their lower ones."""
    lab = to_oklab(np.concatenate(sources, axis=1))
    rows = lab.shape[0]
    bands = [lab[rows * i // 8 : rows * (i + 1) // 8].reshape(-1, 3) for i in range(8)]
    sky = np.stack([np.median(band, axis=0) for band in bands[:4]])
    lower = np.concatenate(bands[5:])
    pixels = lab.reshape(-1, 3)
    by_light = pixels[np.argsort(pixels[:, 0], kind="stable")]
    chroma = np.hypot(pixels[:, 1], pixels[:, 2])
    vivid = pixels[np.argsort(-chroma, kind="stable")[: len(pixels) // 12]]
    vivid = vivid[np.argsort(np.arctan2(vivid[:, 2], vivid[:, 1]), kind="stable")]
    accents = np.stack([part.mean(axis=0) for part in np.array_split(vivid, 3)])
    land = np.median(lower, axis=0)
    return Palette(
        sky=np.asarray(sky, np.float32),
        far=np.asarray((land + sky[-1]) / 2, np.float32),
        near=np.asarray(land, np.float32),
        water=np.asarray((land + sky[2]) / 2, np.float32),
        light=lighter(np.asarray(by_light[-len(by_light) // 30 :].mean(axis=0), np.float32), 0.02),
        ink=np.asarray(by_light[: len(by_light) // 30].mean(axis=0), np.float32),
        accents=np.asarray(accents, np.float32),
    )


def repainted(scene: Floats, order: Order) -> Floats:
    """Return the scene with the layout of the references showing through, from iw 0.5 up."""
    height, width = scene.shape[:2]
    if order.parent:
        return scene + (look_at(order.parent, width, height) - scene) * np.float32(
            0.75 - 0.6 * order.parent_strength
        )
    share = (order.image_weight - 0.5) / 1.5 * 0.85
    # a photograph's opposite sides do not match: a tile takes only its colours
    if not order.references or share <= 0 or order.tile:
        return scene
    layout = sum(look_at(path, width, height) for path in order.references)
    layout = np.asarray(layout, np.float32) / np.float32(len(order.references))
    return np.asarray(scene + (layout - scene) * np.float32(share))
