"""What a portrait wears on its head: glasses, hat, crown, earrings. Called by ``faces.py``."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from engines.sketch.noise import Floats
from engines.sketch.palette import from_hex, lighter, mix
from engines.sketch.shape import Shape
from engines.sketch.stage import Stage


class Put(Protocol):
    """Paints a shape at the bust."""

    def __call__(self, shape: Shape, colour: Floats, rim: float = 0.0, shade: float = 0.05) -> None:
        """Paint ``shape`` in ``colour``."""


def points(text: str) -> list[tuple[float, float]]:
    """Parse an outline in hundredths that may have fractions."""
    pairs = (pair.split(",") for pair in text.split())
    return [(float(x) / 100, float(y) / 100) for x, y in pairs]


def wear(stage: Stage, put: Put, ink: Floats) -> None:
    """Paint what the words put on the head; ``ink`` is the colour of thin dark lines."""
    if stage.plan.has("glasses"):
        frames = Shape()
        for side in (-1, 1):
            ring = [
                (side * 0.097 + 0.072 * np.cos(t), 0.643 + 0.056 * np.sin(t))
                for t in np.linspace(0, 2 * np.pi, 20)
            ]
            frames.line(ring, 0.014)
            frames.line([(side * 0.168, 0.655), (side * 0.215, 0.665)], 0.012)
        frames.line(points("-2.6,65.5 0,66.3 2.6,65.5"), 0.012)
        asked = stage.plan.find("glasses")
        own = stage.colour_of(asked, ink) if asked else ink
        put(frames, own, 0.3)
    if hat := stage.plan.find("hat"):
        felt = stage.colour_of(hat, mix(stage.accent(2), stage.palette.ink, 0.5))
        crown = Shape().blob(*points("-23,82 -24,98 -17,112 0,116 17,112 24,98 23,82 0,88"))
        brim = Shape().blob(*points("-40,80 -24,88 0,91 24,88 40,80 26,79 0,84 -26,79"))
        band = Shape().blob(*points("-23.5,84 0,90 23.5,84 23.5,90 0,96 -23.5,90"))
        put(crown, felt, 0.6, 0.15)
        put(band, mix(felt, stage.palette.ink, 0.5))
        put(brim, lighter(felt, 0.03), 0.6)
    if crown_of := stage.plan.find("crown"):
        gold = stage.colour_of(crown_of, from_hex("#d9a93a"))
        points_of = "-22,86 -25,108 -14,98 -9,113 0,101 9,113 14,98 25,108 22,86 0,90"
        put(Shape().area(*points(points_of)), gold, 0.8, 0.2)
        gems = Shape().disc(0, 0.945, 0.02).disc(-0.13, 0.93, 0.016).disc(0.13, 0.93, 0.016)
        put(gems, from_hex("#b8243a"), 0.6)
    if ring_of := stage.plan.find("earrings"):
        drops = Shape().disc(-0.225, 0.545, 0.02).disc(0.225, 0.545, 0.02)
        put(drops, stage.colour_of(ring_of, from_hex("#e0b84a")), 0.8)
