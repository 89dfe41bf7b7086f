"""The blend: one scene in the mixed colours, moods and layouts of several pictures.

Each cell mixes them in proportions of its own. Without words, the scene follows from the pictures' colours:
blue below becomes a lake, green hills, and so on.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np

from engines.sketch.easel import complete, paint_scene, set_up
from engines.sketch.look import Appearance, looked
from engines.sketch.moods import MOODS
from engines.sketch.noise import Floats, generator, soften
from engines.sketch.order import Order
from engines.sketch.palette import Palette
from engines.sketch.planner import plan
from engines.sketch.reference import look_at, nearest_mood
from engines.sketch.vocabulary import words_of

#: how much of the palette comes from the pictures
COLOURS = 0.85

#: their layouts show as broad light and shade only, blurred over so many pixels of a full-size cell
BLUR = 36

#: what the lower part of a picture becomes, by its prevailing colour
LAND = {
    "blue": "lake", "navy": "sea", "teal": "lake", "green": "hills", "yellow": "dunes", "gold": "dunes",
    "beige": "dunes", "orange": "dunes", "brown": "hills", "pink": "meadow, flowers", "purple": "meadow",
    "red": "meadow, flowers", "crimson": "hills", "white": "mountains", "grey": "mountains", "black": "forest",
}  # fmt: skip


def painted_blend(order: Order, seed: int, width: int, height: int) -> Floats:
    """Return the pictures blended into one scene, in linear light."""
    looks = [looked(path) for path in order.references]
    shares = generator(seed, "blend").dirichlet([2.0] * len(looks))
    # between two hues lies grey
    palette = _mixed(looks, shares).turned(0.0, 1.3)
    words = order.prompt.strip() or _words(looks, shares, palette)
    planned = plan(replace(order, prompt=words), seed)
    lines = [
        (look.horizon, share) for look, share in zip(looks, shares, strict=True) if look.horizon
    ]
    horizon = planned.horizon
    if lines:
        total = sum(share for _, share in lines)
        horizon = sum(line * share for line, share in lines) / total
    planned = replace(
        planned,
        palette=planned.palette.mixed(palette, COLOURS),
        horizon=float(np.clip(horizon, 0.36, 0.84)),
    )
    stage = set_up(planned, width, height, tile=order.tile)
    paint_scene(stage)
    if not order.tile:
        share = np.float32(min(0.16 + 0.16 * order.image_weight, 0.48))
        layout = soften(_layout(order, shares, width, height), max(2, round(BLUR * stage.scale)))
        stage.canvas.rgb += (np.maximum(layout, 0) - stage.canvas.rgb) * share
    return complete(stage, order)


def _mixed(looks: list[Appearance], shares: Floats) -> Palette:
    """Return the pictures' palettes in these shares."""
    mixed, total = looks[0].palette, float(shares[0])
    for look, share in zip(looks[1:], shares[1:], strict=True):
        total += float(share)
        mixed = mixed.mixed(look.palette, float(share) / max(total, 1e-6))
    return mixed


def _words(looks: list[Appearance], shares: Floats, palette: Palette) -> str:
    """Return a scene for pictures that came without words."""
    ranked = [look for _, look in sorted(zip(-shares, looks, strict=True), key=lambda one: one[0])]
    land = dict.fromkeys(LAND.get(look.below, "hills") for look in ranked)
    return ", ".join([*land, words_of(MOODS[nearest_mood(palette)].words)[0]])


def _layout(order: Order, shares: Floats, width: int, height: int) -> Floats:
    layers = (
        look_at(path, width, height) * np.float32(share)
        for path, share in zip(order.references, shares, strict=True)
    )
    return reduce(np.add, layers)
