"""Turn an engine's pictures into those that are stored; called by ``workers.drawing``.

It takes tens of milliseconds of CPU just when a slot becomes free and the next drawing needs the CPU.
So a few threads of low priority do it, which the kernel runs when nothing else wants to run. Few
threads also bound the memory used when hundreds of drawings end at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from limner.errors import BadResult
from limner.pictures.editing import Encoded, alike, encode, encode_grid, open_cells, own_file
from limner.request import CELLS
from workers.drawing.canvas import EditCanvas

#: the niceness of these threads, as in nice(1)
NICENESS = 10


@dataclass(frozen=True)
class Composition:
    """The size of each cell in pixels, how many are wanted, and the canvas of an edit."""

    width: int
    height: int
    count: int = CELLS
    canvas: EditCanvas | None = None


class Composer:
    """The composing threads of one process."""

    def __init__(self, picture_format: str) -> None:
        self._format = picture_format
        self._pool = ThreadPoolExecutor(
            os.cpu_count() or 1, thread_name_prefix="composer", initializer=_give_way
        )

    def compose(
        self,
        cells: Sequence[bytes],
        wanted: Composition,
        on_alike: Callable[[tuple[int, ...]], None] | None = None,
    ) -> list[Encoded]:
        """Return the grid and the cells, or the only cell, encoded; blocks until they are ready.

        ``on_alike(numbers)`` receives the numbers, from 1, of cells with the same picture; without it, none
        may be the same.

        Raises:
            BadResult: they are not as many different pictures of that size.
        """
        return self._pool.submit(self._composed, cells, wanted, on_alike).result()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False)

    def _composed(
        self,
        cells: Sequence[bytes],
        wanted: Composition,
        on_alike: Callable[[tuple[int, ...]], None] | None,
    ) -> list[Encoded]:
        opened = open_cells(cells, wanted.width, wanted.height, wanted.count)
        pictures = [file.picture for file in opened]
        same = alike(pictures)
        if same and on_alike is None:
            raise BadResult(f"The engine's pictures {_listed(same)} are the same.")
        if same and on_alike:
            on_alike(same)
        if wanted.canvas:
            pictures = [wanted.canvas.restored(picture) for picture in pictures]
            drawn = [encode(picture, self._format) for picture in pictures]
        else:
            drawn = [
                own_file(file, self._format) or encode(file.picture, self._format)
                for file in opened
            ]
        return [encode_grid(pictures, self._format), *drawn] if len(drawn) > 1 else drawn


def _listed(numbers: Sequence[int]) -> str:
    *first, last = (str(number) for number in numbers)
    return f"{', '.join(first)} and {last}"


def _give_way() -> None:
    # Linux has a priority per thread; elsewhere this would change the whole process's.
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
