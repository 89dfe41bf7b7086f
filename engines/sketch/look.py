"""What numbers can say about a picture: its colours, light, mood, horizon, and how busy it is.

``describe.py`` puts it into words, ``blend.py`` makes a scene of it. Nothing here recognises things.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from engines.sketch import vocabulary
from engines.sketch.moods import MOODS
from engines.sketch.noise import Floats
from engines.sketch.palette import Palette, from_hex, to_bytes, to_oklab
from engines.sketch.reference import look_at, palette_of
from engines.sketch.vocabulary import words_of

#: pictures are looked at in this size
LOOK_PX = 96

#: a horizon lies between these fractions of the height, and parts tones at least so different
HORIZONS = (0.25, 0.85)
PARTED = 0.07

#: colours of less chroma have no hue to speak of
GREY = 0.025

#: rows above and below that are compared for it
BAND = 8


@dataclass(frozen=True, slots=True)
class Appearance:
    """One picture in numbers; colours are OKLab."""

    palette: Palette
    width: int
    height: int
    #: names of colours, the most frequent first
    colours: tuple[str, ...]
    #: mean lightness, its deviation, and mean chroma
    light: float
    contrast: float
    chroma: float
    #: how much yellower than blue
    warmth: float
    #: mean step in lightness from one point to the next
    busy: float
    #: as a fraction of the height, or None if no line parts the picture
    horizon: float | None
    #: names of the prevailing colours above and below the middle, or the horizon
    above: str
    below: str
    #: where it is brightest, as fractions
    bright_x: float
    bright_y: float


def looked(path: str) -> Appearance:
    """Return what a picture looks like."""
    whole = look_at(path)
    return look_of(whole)


def look_of(picture: Floats) -> Appearance:
    """Return what a picture in linear light looks like."""
    height, width = picture.shape[:2]
    image = Image.fromarray(to_bytes(picture))
    small = np.asarray(image.resize((LOOK_PX, LOOK_PX), Image.Resampling.BOX), np.float32) / 255
    linear = np.asarray(np.where(small <= 0.04045, small / 12.92, ((small + 0.055) / 1.055) ** 2.4))
    lab = to_oklab(linear.astype(np.float32))
    light = lab[..., 0]
    steps = np.abs(np.diff(light, axis=0)).mean() + np.abs(np.diff(light, axis=1)).mean()
    horizon = _horizon(lab)
    line = round((horizon or 0.5) * LOOK_PX)
    spot = light.reshape(8, LOOK_PX // 8, 8, LOOK_PX // 8).mean(axis=(1, 3))
    row, column = np.unravel_index(int(spot.argmax()), spot.shape)
    return Appearance(
        palette=palette_of([linear.astype(np.float32)], MOODS["day"].palette),
        width=width,
        height=height,
        colours=_names(lab.reshape(-1, 3)),
        light=float(light.mean()),
        contrast=float(light.std()),
        chroma=float(np.hypot(lab[..., 1], lab[..., 2]).mean()),
        warmth=float(lab[..., 2].mean()),
        busy=float(steps / 2),
        horizon=horizon,
        above=_names(lab[:line].reshape(-1, 3))[0],
        below=_names(lab[line:].reshape(-1, 3))[0],
        bright_x=(int(column) + 0.5) / 8,
        bright_y=(int(row) + 0.5) / 8,
    )


def _horizon(lab: Floats) -> float | None:
    """Return the height at which the tones above and below differ most, if they do by enough."""
    rows = lab.mean(axis=1)
    first, last = (round(part * LOOK_PX) for part in HORIZONS)
    parted = [
        float(np.linalg.norm(rows[y - BAND : y].mean(axis=0) - rows[y : y + BAND].mean(axis=0)))
        for y in range(first, last)
    ]
    best = int(np.argmax(parted))
    return (first + best) / LOOK_PX if parted[best] >= PARTED else None


@cache
def _hues() -> tuple[tuple[str, ...], Floats]:
    """Return the names of the colours that have a hue, and the colours."""
    known = [(words_of(text)[0], from_hex(hexa)) for text, hexa in vocabulary.COLOURS.items()]
    hued = [(name, colour) for name, colour in known if np.hypot(*colour[1:]) > GREY]
    return tuple(name for name, _ in hued), np.stack([colour for _, colour in hued])


def _names(points: Floats) -> tuple[str, ...]:
    """Return the names of the colours that cover the most, up to three."""
    hues, colours = _hues()
    chroma = np.hypot(points[:, 1], points[:, 2])
    # hue tells colours apart, and lightness a little: navy from blue, pink from red
    own = np.hypot(colours[:, 1], colours[:, 2])
    turned = points[:, None, 1:] / np.maximum(chroma, 1e-4)[:, None, None]
    apart = ((turned - colours[None, :, 1:] / own[:, None]) ** 2).sum(axis=2)
    apart += (points[:, None, 0] - colours[None, :, 0]) ** 2
    found = apart.argmin(axis=1)
    tones = np.digitize(points[:, 0], (0.28, 0.85))
    found = np.where(chroma < GREY, len(hues) + tones, found)
    names = (*hues, "black", "grey", "white")
    counts = np.bincount(found, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    most = [names[i] for i in order[:3] if counts[i] >= 0.08 * len(points)]
    return tuple(most) or (names[order[0]],)
