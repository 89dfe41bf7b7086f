"""The size to ask a model for; pure functions, used by the drivers.

Models draw some sizes only: a few of their own, a list of ratios, or any on a grid of pixels within limits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

Size = tuple[int, int]

_RATIO = re.compile(r"([1-9]\d{0,4})\s*[:x*_]\s*([1-9]\d{0,4})")


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """What sizes a model draws: on a grid of ``step_px``, within these limits."""

    step_px: int = 16
    #: how many times larger than the cell to draw
    scale: float = 2.0
    #: the fewest and the most pixels
    pixels: tuple[int, int] = (0, 8_294_400)
    shortest_px: int = 0
    longest_px: int = 3840
    #: how many times as long as the other side a side may be
    ratio_most: float = math.inf


def nearest(asked: Size, sizes: Iterable[Size]) -> Size:
    """Return the size that is nearest in ratio."""
    ratio = math.log(asked[0] / asked[1])
    return min(sizes, key=lambda size: abs(math.log(size[0] / size[1]) - ratio))


def nearest_word(asked: Size, words: Iterable[str]) -> str | None:
    """Return the word whose ratio is nearest; None if none of them has one.

    Such words are ``16:9``, ``1024x768``, ``square_hd``, ``landscape_16_9`` and ``portrait_4_3``.
    """
    ratios: dict[Size, str] = {}
    for word in words:
        ratio = _ratio_of(word)
        if ratio:
            ratios.setdefault(ratio, word)
    return ratios[nearest(asked, ratios)] if ratios else None


def _ratio_of(word: str) -> Size | None:
    if word.startswith("square"):
        return 1, 1
    found = _RATIO.fullmatch(word.removeprefix("landscape_").removeprefix("portrait_"))
    if not found:
        return None
    sides = int(found[1]), int(found[2])
    if word.startswith("portrait_"):
        return min(sides), max(sides)
    return sides


def drawn_size(asked: Size, limits: SizeLimits) -> Size:
    """Return the size to request: of exactly the cell's ratio if the model draws one, else the nearest."""
    return _of_this_ratio(asked, limits) or _near(asked, limits)


def _of_this_ratio(asked: Size, limits: SizeLimits) -> Size | None:
    """Return the size of exactly this ratio whose scale is nearest to the operator's; None: there is none."""
    width, height = asked
    if max(asked) > limits.ratio_most * min(asked):
        return None
    shared = math.gcd(width, height)
    # Every size of this ratio on the grid is a multiple of the smallest one.
    across, down = width // shared * limits.step_px, height // shared * limits.step_px
    least, most = limits.pixels
    lowest = max(
        1,
        math.ceil(math.sqrt(least / (across * down))),
        math.ceil(limits.shortest_px / min(across, down)),
    )
    highest = min(math.isqrt(most // (across * down)), limits.longest_px // max(across, down))
    if lowest > highest:
        return None
    times = min(max(round(limits.scale * shared / limits.step_px), lowest), highest)
    return across * times, down * times


def _near(asked: Size, limits: SizeLimits) -> Size:
    """Return a size near the ratio, from which the cell is cut."""
    step = limits.step_px
    width, height = (float(side) for side in asked)
    width = min(max(width, height / limits.ratio_most), height * limits.ratio_most)
    height = max(height, width / limits.ratio_most)
    least, most = limits.pixels
    scale = max(limits.scale, math.sqrt(least / (width * height)))
    scale = max(scale, limits.shortest_px / min(width, height))
    scale = min(scale, math.sqrt(most / (width * height)), limits.longest_px / max(width, height))
    across, down = (max(step, int(side * scale // step) * step) for side in (width, height))
    if across * down < least or min(across, down) < limits.shortest_px:
        across, down = across + step, down + step
    return across, down
