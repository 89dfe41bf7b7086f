"""A mask as Youchuan takes it: polygons over what is to be drawn again; pure functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from engines.remote.starting import opened

#: the finest grid that a mask is read on, and how many polygons may come of it
CELLS_A_SIDE, AREAS_MOST = 64, 100


def areas_of(mask: Path) -> list[dict[str, Any]]:
    """Return the white of a mask as rectangles in pixels, on a grid that covers all of it.

    A little more than the white may be covered: the worker restores what is outside of it.

    Raises:
        Rejected: it cannot be read.
    """
    picture = opened(mask).convert("L").point(lambda level: 255 if level > 127 else 0)
    grid, step = picture, 1
    while max(grid.size) > CELLS_A_SIDE:
        grid, step = _halved(grid), step * 2
    boxes = _boxes(grid, step, picture.size)
    while len(boxes) > AREAS_MOST:
        grid, step = _halved(grid), step * 2
        boxes = _boxes(grid, step, picture.size)
    width, height = picture.size
    return [
        {
            "width": width,
            "height": height,
            "points": [left, top, right, top, right, bottom, left, bottom],
        }
        for left, top, right, bottom in boxes
    ]


def _halved(grid: Image.Image) -> Image.Image:
    """Return a mask of half the size, in which what has any white is white."""
    # By more than two at once, an average would lose single pixels.
    return grid.reduce(2).point(lambda level: 255 if level else 0)


def _boxes(grid: Image.Image, step: int, size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Return boxes over all that is white, in pixels; equal runs of rows below each other are one."""
    width, height = size
    found: list[tuple[int, int, int, int]] = []
    running: dict[tuple[int, int], int] = {}
    for row in range(grid.height + 1):
        line = [grid.getpixel((x, row)) for x in range(grid.width)] if row < grid.height else []
        runs = _runs(line)
        for (start, end), since in list(running.items()):
            if (start, end) not in runs:
                del running[(start, end)]
                right, bottom = min(end * step, width), min(row * step, height)
                found.append((start * step, since * step, right, bottom))
        for run in runs:
            running.setdefault(run, row)
    return found


def _runs(line: list[Any]) -> set[tuple[int, int]]:
    """Return the runs of what is not black: where each begins, and where it has ended."""
    runs, start = set(), None
    for place, level in enumerate([*line, 0]):
        if level and start is None:
            start = place
        elif not level and start is not None:
            runs.add((start, place))
            start = None
    return runs
