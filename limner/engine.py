"""The contract between worker and drawing engine: engines implement it, workers call it.

An engine reports what happens; the worker decides what to store, report and check. Facts about the
protocols behind the drivers are in the drivers' docstrings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

#: Plain JSON, written to the job's record before the engine is watched.
Handle = Mapping[str, Any]

Level = Literal["exact", "near", "none"]

#: ``draw``: from words, perhaps with a parent to vary · ``upscale``: the parent's picture, larger · ``edit``:
#: redraw the masked part of a canvas · ``blend``: one picture out of several · ``describe``: prompts for one
Operation = Literal["draw", "upscale", "edit", "blend", "describe"]
Box = tuple[int, int, int, int]


class Stop(Protocol):
    """Signals a drawing to end early; ``threading.Event`` implements it."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool: ...


@dataclass(frozen=True, slots=True)
class Parent:
    """The finished drawing that a follow-up starts from.

    The cell's picture, its index 0-3, the seed it was drawn from if the engine told it, and how far a
    variation departs from it (0-1). For a redraw there is neither picture nor cell. ``handle`` is what the
    engine called ``engine`` returned at submit.
    """

    picture: Path | None = None
    cell: int | None = None
    strength: float = 1.0
    engine: str | None = None
    handle: Handle | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """A canvas of which a part is to be drawn, for the operation ``edit``.

    ``canvas`` and ``mask`` are PNG files of the brief's size; the mask is white where to draw, black where the
    canvas stays. ``kept``: the box of the parent's picture in the canvas (left, top, right, bottom; pixels) if
    the canvas was made larger around it, by zoom or pan. Whatever the engine draws on the black part, the
    worker restores the canvas there.
    """

    canvas: Path
    mask: Path
    kept: Box | None = None


@dataclass(frozen=True, slots=True)
class Brief:
    """All that an engine may know about a job. References are already fetched, checked and decoded."""

    job_id: str
    #: the words to draw, without any ``--flag``
    prompt: str
    #: the words with all flags, as one would type them for Midjourney
    final_prompt: str
    #: what must not be in the picture (``--no``), or ""
    negative: str
    #: one cell, in pixels; of ``upscale`` and ``edit``: the size of the result
    width: int
    height: int
    #: one seed per cell to draw, 0 ≤ seed < 2**32; an engine that can draw fewer than four gets 1 to 4
    seeds: tuple[int, ...]
    chaos: float | None = None
    stylize: float | None = None
    #: "", "raw", or one of the niji styles: cute expressive original scenic
    style: str = ""
    niji: bool = False
    tile: bool = False
    #: local picture files, already checked; of ``blend`` and ``describe``: their pictures
    references: tuple[Path, ...] = ()
    iw: float | None = None
    #: pictures whose style, and whose things, are to be taken over; weights 0-1000
    style_references: tuple[Path, ...] = ()
    style_weight: float | None = None
    object_references: tuple[Path, ...] = ()
    object_weight: float | None = None
    #: .25 .5 1 2 4, relative to the engine's usual effort
    quality: float | None = None
    #: 0-3000
    weird: float | None = None
    #: quick and rough
    draft: bool = False
    #: the engine's own model for the version that was asked for, by ``versions`` in its settings
    model: str | None = None
    operation: Operation = "draw"
    #: of ``upscale``: keep the picture's details, or invent new ones
    upscale: Literal["subtle", "creative"] | None = None
    #: of ``edit``
    edit: Edit | None = None
    parent: Parent | None = None
    fast: bool = True
    #: how many times this job was submitted before; 0: this is the first
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Queued:
    """The drawing waits in the engine's own queue; position 1 is next, None: the engine does not say."""

    position: int | None


@dataclass(frozen=True, slots=True)
class Progress:
    """The fraction done, from 0.0 to 1.0. It never decreases within one watch."""

    fraction: float


@dataclass(frozen=True, slots=True)
class Preview:
    """An unfinished picture: PNG, JPEG or WebP bytes. Cell 0-3, or None for the whole grid."""

    cell: int | None
    image: bytes


@dataclass(frozen=True, slots=True)
class Finished:
    """The cells as picture bytes, the seeds actually used (none: unknown), and notes for the caller.

    ``applied``: levels that turned out otherwise than ``Capabilities`` said. ``prompts``: of ``describe``, which
    draws no cells. ``cost``: what the host says that the whole drawing cost, in the operator's currency and
    0 or more; None: it does not say, and the engine's ``price`` counts.
    """

    cells: tuple[bytes, ...]
    seeds: tuple[int, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    applied: Mapping[str, Level] = field(default_factory=dict)
    prompts: tuple[str, ...] = ()
    cost: float | None = None


Event = Queued | Progress | Preview | Finished


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do with each parameter, and with a running drawing.

    ``exact``: as asked. ``near``: with an effect of that kind. ``none``: ignored; an operation it cannot do.
    """

    ar: Level = "exact"
    chaos: Level = "exact"
    stylize: Level = "exact"
    style: Level = "exact"
    niji: Level = "exact"
    tile: Level = "exact"
    references: Level = "exact"
    iw: Level = "exact"
    negative: Level = "exact"
    seed: Level = "exact"
    #: exact: it draws whatever width and height the brief has; else the driver crops and resizes to them
    size: Level = "exact"
    #: exact: it draws as many cells as the brief has seeds; else it always draws four
    count: Level = "near"
    quality: Level = "none"
    weird: Level = "none"
    draft: Level = "none"
    style_references: Level = "none"
    object_references: Level = "none"
    #: the operations besides ``draw``, and to vary a picture in it
    vary: Level = "exact"
    upscale_subtle: Level = "none"
    upscale_creative: Level = "none"
    edit: Level = "none"
    blend: Level = "none"
    describe: Level = "none"
    #: ``cancel`` stops a running drawing
    cancel: bool = False
    #: ``watch`` can attach to a running drawing that another process submitted
    attach: bool = False
    previews: bool = False
    #: a drawing costs money
    charged: bool = False
    #: it understands words in any language; else what is not English is translated, if the operator has that done
    any_language: bool = False


#: hard requirements: an engine without one does not get a job that needs it
NEEDS = (
    "tile",
    "references",
    "upscale_subtle",
    "upscale_creative",
    "edit",
    "blend",
    "describe",
)


def lacks(capabilities: Capabilities) -> tuple[str, ...]:
    """Return which of ``NEEDS`` an engine does not support at all."""
    return tuple(need for need in NEEDS if getattr(capabilities, need) == "none")


@dataclass(frozen=True, slots=True)
class Health:
    """The health that an engine reports; ``why`` is for operators."""

    state: Literal["ok", "degraded", "down"]
    why: str = ""


class Engine(Protocol):
    """One configured drawer. Its methods are called from many threads at once."""

    def capabilities(self) -> Capabilities:
        """Return what this engine can do; may ask its server once."""

    def health(self) -> Health:
        """Return whether this engine can draw; takes at most 3 s."""

    def submit(self, brief: Brief) -> Handle:
        """Submit the brief, within 10 s, and return what ``watch`` needs to find the drawing again.

        Raises:
            EngineError: see the tree in ``limner.errors``; then nothing was started.
        """

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Yield the events of a submitted drawing, up to ``Finished``.

        Blocks, and can be called again with a stored handle, also in another process. When ``stop`` is set,
        it returns within 2 s without ``Finished``; a drawing on a remote server continues.

        Raises:
            EngineError: the drawing failed.
        """

    def cancel(self, handle: Handle) -> None:
        """Stop the drawing if it is still running; if it has ended, that is no error."""

    def close(self) -> None:
        """Release processes, sockets and threads; the engine is not used afterwards."""
