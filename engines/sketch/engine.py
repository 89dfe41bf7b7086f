"""The engine contract over the painting processes; ``engines.sketch.build`` makes one.

A drawing is a list of small pieces: every cell at an eighth, a quarter and half of its size for the
previews, then in full; a description is one piece. Pieces go to one or two painting processes; between them, and while waiting,
the drawing checks whether to stop.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from engines.sketch.children import Child, ChildDied, Children
from engines.sketch.order import Order
from engines.sketch.preview import preview
from limner.engine import (
    Brief,
    Capabilities,
    Event,
    Finished,
    Handle,
    Health,
    Preview,
    Progress,
    Queued,
    Stop,
)
from limner.errors import (
    BadResult,
    ConfigError,
    EngineDown,
    EngineError,
    EngineStuck,
    OutOfMemory,
    Rejected,
)
from limner.settings import EngineSettings

#: how often a waiting drawing checks ``stop``
LOOK_S = 0.1

#: one cell takes about a second; a painting process silent for this long hangs
SILENT_S = 120.0

#: a cell is painted at these fractions of its size, for previews; then in full
SHRINKS = (8, 4, 2, 1)

#: most processes per drawing: the gain from more is not worth their memory
MOST_HANDS = 2

#: how many processes may die before the drawing gives up
MOST_DEATHS = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """One cell at one size: the unit of work that a painting process takes."""

    cell: int
    shrink: int

    @property
    def work(self) -> float:
        """Return the amount of work, as a fraction of a whole cell."""
        return 1.0 / self.shrink**2


@dataclass(slots=True)
class Painting:
    """The state of a running drawing: pieces to do, pictures done."""

    order: Order
    pieces: deque[Piece]
    all_work: float
    hands: dict[Child, Piece] = field(default_factory=dict)
    shown: dict[int, bytes] = field(default_factory=dict)
    cells: dict[int, bytes] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    #: of a description
    prompts: tuple[str, ...] = ()
    done: float = 0.0
    deaths: int = 0
    heard_at_s: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, brief: Brief) -> Self:
        """Return the drawing that the brief asks for, not begun."""
        order = Order.of(brief)
        if order.operation == "describe":
            pieces = [Piece(0, 1)]
        else:
            pieces = [Piece(cell, n) for n in SHRINKS for cell in range(len(order.seeds))]
        return cls(order, deque(pieces), sum(piece.work for piece in pieces))


class SketchEngine:
    """Paints the words it knows as a scene, in processes of its own."""

    def __init__(self, name: str, processes: int) -> None:
        self._name = name
        self._children = Children(processes)
        self._cancelled: dict[str, threading.Event] = {}

    @classmethod
    def configured(cls, settings: EngineSettings) -> Self:
        """Return the engine that ``settings`` describe.

        Raises:
            ConfigError: an option is unknown or wrong.
        """
        cores = os.cpu_count() or 1
        # the slots limit concurrent drawings; a single drawing may still use two cores
        processes = settings.options.get("processes", min(cores, max(settings.slots, MOST_HANDS)))
        where = f"engine {settings.name}"
        for option in settings.options:
            if option != "processes":
                raise ConfigError(f"{where}: {option}", "sketch has no such option")
        if isinstance(processes, bool) or not isinstance(processes, int) or not 0 < processes <= 64:
            raise ConfigError(f"{where}: processes", "must be a whole number from 1 to 64")
        return cls(settings.name, processes)

    def capabilities(self) -> Capabilities:
        """Seed, size, count and negative are exact; what only a neural model could do is near."""
        return Capabilities(
            niji="near",
            references="near",
            count="exact",
            quality="near",
            weird="near",
            draft="near",
            style_references="near",
            upscale_subtle="exact",
            upscale_creative="near",
            edit="near",
            blend="near",
            describe="near",
            cancel=True,
            previews=True,
        )

    def health(self) -> Health:
        """Always healthy: nothing outside this process could be down."""
        return Health("ok")

    def submit(self, brief: Brief) -> Handle:
        """Return the drawing's name; ``watch`` does the work, in the process that calls it."""
        return {"engine": self._name, "drawing": f"{brief.job_id}/{brief.attempt}"}

    def cancel(self, handle: Handle) -> None:
        """Stop the drawing if this process is the one that watches it."""
        if cancelled := self._cancelled.get(str(handle.get("drawing"))):
            cancelled.set()

    def close(self) -> None:
        """End the painting processes."""
        self._children.close()

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Paint the drawing, coarse to fine; the same brief gives the same pictures."""
        drawing = Painting.of(brief)
        cancelled = self._cancelled.setdefault(str(handle.get("drawing")), threading.Event())

        def ends() -> bool:
            return stop.is_set() or cancelled.is_set()

        ticket = self._children.join()
        try:
            child = None
            position = 0
            while child is None:
                if ends():
                    return
                child = self._children.lend(ticket, LOOK_S)
                if child is None and position != self._children.queue_position(ticket):
                    position = self._children.queue_position(ticket)
                    yield Queued(position)
            self._begin(drawing, child)
            while drawing.hands:
                if ends():
                    return
                self._call_for_help(drawing)
                for hand in self._answered(drawing):
                    yield from self._piece_done(drawing, hand)
            yield self._finished(drawing, brief)
        finally:
            self._children.leave(ticket)
            self._cancelled.pop(str(handle.get("drawing")), None)
            # a child that is still painting is useless to the next drawing
            for hand in list(drawing.hands):
                self._release(drawing, hand, useful=False)

    # -- handing out pieces ----------------------------------------------------------------------

    def _begin(self, drawing: Painting, child: Child) -> None:
        """Give the child the next piece, or return the child if there is none."""
        if not drawing.pieces:
            self._children.give_back(child, useful=True)
            return
        piece = drawing.pieces.popleft()
        drawing.hands[child] = piece
        header = {"order": drawing.order.to_json(), "cell": piece.cell, "shrink": piece.shrink}
        try:
            child.send(header | {"notes": not drawing.notes})
        except ChildDied:
            self._died(drawing, child)

    def _call_for_help(self, drawing: Painting) -> None:
        """Borrow a second child while there is work for it and nobody waits for one."""
        if len(drawing.hands) < MOST_HANDS and drawing.pieces:
            spare = self._children.lend_spare()
            if spare:
                self._begin(drawing, spare)

    def _release(self, drawing: Painting, child: Child, *, useful: bool) -> None:
        drawing.hands.pop(child, None)
        self._children.give_back(child, useful=useful)

    def _died(self, drawing: Painting, child: Child) -> None:
        """Put a dead child's piece back and take a new child, within limits."""
        drawing.pieces.appendleft(drawing.hands.pop(child))
        drawing.deaths += 1
        if drawing.deaths > MOST_DEATHS:
            self._children.give_back(child, useful=False)
            raise EngineDown("The painting processes keep dying.")
        self._begin(drawing, self._children.replace(child))

    # -- taking pieces back ----------------------------------------------------------------------

    def _answered(self, drawing: Painting) -> list[Child]:
        """Wait briefly; return the children whose replies have begun to arrive."""
        try:
            ready = select.select(list(drawing.hands), [], [], LOOK_S)[0]
        except (OSError, ValueError) as error:
            # close() took the pipes away
            raise EngineDown("The engine is closed.") from error
        if ready:
            drawing.heard_at_s = time.monotonic()
        elif time.monotonic() - drawing.heard_at_s > SILENT_S:
            raise EngineStuck("A painting process hangs.")
        return ready

    def _piece_done(self, drawing: Painting, hand: Child) -> Iterator[Event]:
        """Receive one piece, give the child the next one, and yield whatever there is to show."""
        piece = drawing.hands[hand]
        try:
            answer, picture = hand.receive()
        except ChildDied:
            self._died(drawing, hand)
            return
        if "failed" in answer:
            self._release(drawing, hand, useful=answer["failed"] != "memory")
            raise _failure(answer)
        drawing.notes = answer["notes"] or drawing.notes
        drawing.prompts = tuple(answer.get("prompts", ()))
        del drawing.hands[hand]
        self._begin(drawing, hand)
        drawing.done += piece.work
        drawing.shown[piece.cell] = picture
        yield Progress(min(1.0, drawing.done / drawing.all_work))
        if drawing.order.operation == "describe":
            return
        if piece.shrink == 1:
            drawing.cells[piece.cell] = picture
        # the coarse stages show four cells at once, the last one every cell as it is done
        pending = [*drawing.pieces, *drawing.hands.values()]
        stage_over = all(other.shrink != piece.shrink for other in pending)
        count = len(drawing.order.seeds)
        # a single cell that is done needs no preview
        shows = piece.shrink == 1 and count > 1
        if len(drawing.shown) == count and (shows or (stage_over and piece.shrink > 1)):
            cell = 0 if count == 1 else None
            yield Preview(cell, preview(drawing.shown, drawing.order))

    def _finished(self, drawing: Painting, brief: Brief) -> Finished:
        if drawing.order.operation == "describe":
            return Finished((), notes=drawing.notes, prompts=drawing.prompts)
        cells = range(len(brief.seeds))
        if not drawing.cells or len(drawing.cells) != len(cells):
            raise BadResult
        return Finished(tuple(drawing.cells[cell] for cell in cells), brief.seeds, drawing.notes)


def _failure(answer: dict[str, Any]) -> EngineError:
    """Return what a painting process's failure means for the job."""
    if answer["failed"] == "reference":
        return Rejected("reference", "A reference picture cannot be read.")
    if answer["failed"] == "memory":
        return OutOfMemory()
    # the same order would fail again: painting is deterministic
    return Rejected("failed", f"The painter failed: {answer['why']}")
