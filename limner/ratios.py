"""The seven aspect ratios, and the size of one cell in each; used by schemas, prompts and briefs.

Sizes are exact in ratio and divide by eight, so that every kind of engine can draw them.
"""

from __future__ import annotations

import math

#: ratio → width and height of one cell, in pixels
CELL_SIZE_PX: dict[str, tuple[int, int]] = {
    "4:5": (448, 560),
    "2:3": (416, 624),
    "4:7": (384, 672),
    "1:1": (512, 512),
    "5:4": (560, 448),
    "3:2": (624, 416),
    "7:4": (672, 384),
}

SQUARE = "1:1"


def nearest_ratio(width: float, height: float) -> str:
    """Return the ratio of the seven that is nearest to ``width:height``, by the logarithm.

    The logarithm makes 2:1 as far from 1:1 as 1:2 is. Both numbers must be above zero.
    """
    wanted = math.log(width) - math.log(height)

    def distance(ratio: str) -> float:
        cell_width, cell_height = CELL_SIZE_PX[ratio]
        return abs(math.log(cell_width / cell_height) - wanted)

    return min(CELL_SIZE_PX, key=distance)


def ratio_of(width: int, height: int) -> str:
    """Return a size's ratio in the smallest whole numbers: 1024 by 576 is 16:9."""
    shared = math.gcd(width, height)
    return f"{width // shared}:{height // shared}"
