"""Where furniture stands, its wood, and the light it sheds; used by ``rooms.py`` and ``indoors.py``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engines.sketch.mention import Mention
from engines.sketch.noise import Floats
from engines.sketch.palette import from_hex, lighter, mix
from engines.sketch.stage import Stage

WARM = np.array([0.86, 0.04, 0.13], np.float32)


def standing(
    stage: Stage, mention: Mention, size: float, half: float, *, before: float = 0.0
) -> Iterator[tuple[float, float, float]]:
    """Yield the spots of a piece of furniture; ``before``: how far from the wall, 0 to 1."""
    for x, y, own in stage.spots(mention, size, half=half):
        if stage.canvas.tile or not stage.plan.has("room"):
            yield x, y, own
            continue
        floor = floor_of(stage)
        yield x, floor + (1 - floor) * (0.08 + 0.4 * before), own


def floor_of(stage: Stage) -> float:
    """Return the height at which the floor meets the wall."""
    return min(stage.horizon + 0.08, 0.8)


def wood(stage: Stage, hexa: str = "#7a4e30") -> Floats:
    """Return the colour of furniture in the light of the picture."""
    return mix(lighter(from_hex(hexa), -0.14 * stage.palette.darkness), stage.haze, 0.1)


def lit(stage: Stage, x: float, y: float, up: float, size: float, strength: float) -> None:
    """Shed warm light around a lamp or a fire at this height of the thing."""
    if not stage.canvas.tile:
        high = y - up * size * stage.canvas.unit / stage.canvas.height
        night = 0.35 + 0.65 * stage.palette.darkness
        stage.halo(x, high, size * 1.1, WARM, strength * night)
