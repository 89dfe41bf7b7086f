"""The contract between the worker and a drawing engine; engines implement it, workers drive it.

An engine yields what it sees; the worker decides what to write, to tell and to check. Facts about
the protocols behind the drivers are in the drivers' own docstrings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

#: Plain JSON, written to the job's record before the engine is watched.
Handle = Mapping[str, Any]

Level = Literal["exact", "near", "none"]


class Stop(Protocol):
    """What tells a drawing to end early; ``threading.Event`` is one."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool: ...


@dataclass(frozen=True, slots=True)
class Parent:
    """The done drawing that a follow-up starts from.

    Of a variation: the cell's picture, its index 0-3, and how far to go from it (0-1). Of a redraw
    there is neither picture nor cell. ``handle`` is what the engine called ``engine`` gave at submit.
    """

    picture: Path | None = None
    cell: int | None = None
    strength: float = 1.0
    engine: str | None = None
    handle: Handle | None = None


@dataclass(frozen=True, slots=True)
class Brief:
    """All an engine may know of a job. References are fetched, checked and decoded before."""

    job_id: str
    #: the words to draw, without any ``--flag``
    prompt: str
    #: the words with every flag, as a caller of Midjourney would type them
    final_prompt: str
    #: what must not be seen (``--no``), or ""
    negative: str
    #: one cell, in pixels
    width: int
    height: int
    #: one seed a cell, 0 ≤ seed < 2**32
    seeds: tuple[int, int, int, int]
    chaos: float | None = None
    stylize: float | None = None
    #: "", "raw", or one of the niji styles: cute expressive original scenic
    style: str = ""
    niji: bool = False
    tile: bool = False
    #: picture files on this machine, already checked
    references: tuple[Path, ...] = ()
    iw: float | None = None
    parent: Parent | None = None
    fast: bool = True
    #: how many times this job was handed to an engine before: 0 for the first time
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Queued:
    """The engine's own queue holds the drawing; position 1 is the next."""

    position: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How much is done, from 0.0 to 1.0. It never falls within one watch."""

    fraction: float


@dataclass(frozen=True, slots=True)
class Preview:
    """An unfinished picture: PNG, JPEG or WebP bytes. Cell 0-3, or None for the whole grid."""

    cell: int | None
    image: bytes


@dataclass(frozen=True, slots=True)
class Finished:
    """The four cells as picture bytes, the seeds really used, and what the caller should know."""

    cells: tuple[bytes, bytes, bytes, bytes]
    seeds: tuple[int, int, int, int]
    notes: Mapping[str, Any] = field(default_factory=dict)


Event = Queued | Progress | Preview | Finished


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do with each parameter, and with a drawing under way."""

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
    #: ``cancel`` stops a drawing under way
    cancel: bool = False
    #: ``watch`` finds a drawing that another process submitted, still going on
    attach: bool = False
    previews: bool = False
    #: a drawing costs money
    charged: bool = False


#: what a job may need so much that an engine without it does not get the job
NEEDS = ("tile", "references")


def lacks(capabilities: Capabilities) -> tuple[str, ...]:
    """Return which of ``NEEDS`` an engine cannot do at all."""
    return tuple(need for need in NEEDS if getattr(capabilities, need) == "none")


@dataclass(frozen=True, slots=True)
class Health:
    """What an engine says of itself; ``why`` is for operators."""

    state: Literal["ok", "degraded", "down"]
    why: str = ""


class Engine(Protocol):
    """One configured drawer. Its methods are called from many threads at once."""

    def capabilities(self) -> Capabilities:
        """Say what this engine can do; may ask its peer once."""

    def health(self) -> Health:
        """Say whether this engine can draw; answers within 3 s."""

    def submit(self, brief: Brief) -> Handle:
        """Hand the brief over and return what ``watch`` needs to find it again, within 10 s.

        Raises:
            EngineError: as the tree in ``limner.errors`` says; nothing was started then.
        """

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Yield what happens to a submitted drawing until ``Finished``.

        Blocking, and callable again on a stored handle, in another process too. When ``stop`` is
        set it returns within 2 s without ``Finished``, leaving a drawing elsewhere going on.

        Raises:
            EngineError: the drawing did not come to its end.
        """

    def cancel(self, handle: Handle) -> None:
        """Stop the drawing if it still goes on; a drawing already over is a success."""

    def close(self) -> None:
        """Let go of processes, sockets and threads; the engine is not used afterwards."""
