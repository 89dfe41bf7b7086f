"""An engine of finished photographs: what a job costs beside its drawing.

A third party's driver like any other, which the worker finds by its entry point; ``bench.pictures`` makes the
files and the entry point. What it yields was encoded before, so that a job's CPU is the gateway's.

Options: ``folder`` with ``preview.jpg`` and, for each side of a square that is asked for, ``512-1.png`` … ``512-4.png`` ·
``seconds`` a drawing takes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from engines.remote.options import Options
from limner.engine import (
    Brief,
    Capabilities,
    Event,
    Finished,
    Handle,
    Health,
    Preview,
    Progress,
    Stop,
)
from limner.request import CELLS
from limner.settings import EngineSettings


def build(settings: EngineSettings) -> Photographs:
    """Build the engine from its ``[[engine]]`` entry."""
    options = Options(settings)
    folder, seconds = Path(options.text("folder")), options.number("seconds", 0.0, 0, 3600)
    options.done()
    return Photographs(folder, seconds)


class Photographs:
    """The same four photographs for every job, after one preview."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder = folder
        self._preview = (folder / "preview.jpg").read_bytes()
        self._seconds = seconds

    def capabilities(self) -> Capabilities:
        """Whatever is asked for, it ignores."""
        return Capabilities(attach=True, previews=True)

    def health(self) -> Health:
        """Always healthy."""
        return Health("ok")

    def submit(self, brief: Brief) -> Handle:
        """Start the clock of a drawing."""
        return {"started": time.time()}

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Yield one preview half way, and the photographs when they are due."""
        for share in (0.5, 1.0):
            left_s = handle["started"] + self._seconds * share - time.time()
            if stop.wait(max(0.0, left_s)):
                return
            if share < 1:
                yield Progress(share)
                yield Preview(None, self._preview)
        names = [f"{brief.width}-{number}.png" for number in range(1, CELLS + 1)]
        # Each drawing has bytes of its own, as if they had come over a network.
        yield Finished(tuple((self._folder / name).read_bytes() for name in names), brief.seeds)

    def cancel(self, handle: Handle) -> None:
        """Nothing to stop."""

    def close(self) -> None:
        """Nothing to release."""
