"""The size to ask an image model for; pure functions.

Models draw some sizes only: a few of their own, or any on a grid of 16 pixels within limits. OpenAI's
rules for gpt-image-2: sides are multiples of 16 and at most 3840, one at most three times the other,
655,360 to 8,294,400 pixels in all.
"""

from __future__ import annotations

import math

from engines.openai.manner import OpenAIManner
from limner.engine import Brief

Size = tuple[int, int]

STEP_PX = 16


def drawn_size(brief: Brief, manner: OpenAIManner) -> Size:
    """Return the size to request: the cell's exact ratio if the model draws it, else the nearest."""
    asked = brief.width, brief.height
    if manner.sizes:
        ratio = math.log(asked[0] / asked[1])
        return min(manner.sizes, key=lambda size: abs(math.log(size[0] / size[1]) - ratio))
    return _of_this_ratio(asked, manner) or _near(asked, manner)


def _of_this_ratio(asked: Size, manner: OpenAIManner) -> Size | None:
    """Return the size of exactly this ratio whose scale is nearest to the operator's; None: too large."""
    width, height = asked
    if max(asked) > manner.ratio_most * min(asked):
        return None
    shared = math.gcd(width, height)
    # Every size of this ratio on the grid is a multiple of the smallest one.
    across, down = width // shared * STEP_PX, height // shared * STEP_PX
    least, most = manner.pixels
    lowest = max(1, math.ceil(math.sqrt(least / (across * down))))
    highest = min(math.isqrt(most // (across * down)), manner.longest_px // max(across, down))
    if lowest > highest:
        return None
    times = min(max(round(manner.scale * shared / STEP_PX), lowest), highest)
    return across * times, down * times


def _near(asked: Size, manner: OpenAIManner) -> Size:
    """Return a size near the ratio, from which the cell is cut."""
    width, height = (float(side) for side in asked)
    width = min(max(width, height / manner.ratio_most), height * manner.ratio_most)
    height = max(height, width / manner.ratio_most)
    least, most = manner.pixels
    scale = max(manner.scale, math.sqrt(least / (width * height)))
    scale = min(scale, math.sqrt(most / (width * height)), manner.longest_px / max(width, height))
    across, down = _stepped(width * scale), _stepped(height * scale)
    if across * down < least:
        across, down = across + STEP_PX, down + STEP_PX
    return across, down


def _stepped(pixels: float) -> int:
    return max(STEP_PX, int(pixels // STEP_PX) * STEP_PX)
