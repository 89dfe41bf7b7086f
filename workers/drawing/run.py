"""The third step of a drawing: submit it to its engine, or attach to it there, and watch it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from limner import tracing
from limner.brief import brief_of
from limner.engine import Brief, Event, Finished, Handle
from limner.errors import BadResult, StaleLease, StoreDown
from limner.log import event
from limner.pictures.image_store import Images
from limner.store import Store
from workers.drawing.canvas import EditCanvas
from workers.drawing.endings import Endings
from workers.drawing.grant import Grant
from workers.drawing.patience import Patience
from workers.drawing.prepare import Preparation
from workers.drawing.telling import Shown, Telling

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drawn:
    """What an engine ended with, and the canvas of an edit."""

    finished: Finished
    canvas: EditCanvas | None = None


class Run:
    """Runs the drawings of one process on their engines."""

    def __init__(
        self,
        store: Store,
        images: Images,
        preparation: Preparation,
        endings: Endings,
        patience: Patience,
    ) -> None:
        self._store = store
        self._images = images
        self._preparation = preparation
        self._endings = endings
        self._patience = patience

    def watch(self, grant: Grant, folder: Path, on_start: Callable[[str], None]) -> Drawn | None:
        """Submit, or attach by a handle, and watch; None: the drawing was stopped."""
        handle = grant.job.handle
        brief = self._submit(grant, folder) if handle is None else self._attach(grant, handle)
        if brief is None or grant.drawing.handle is None:
            return None
        grant.drawing.began()
        on_start(grant.engine_name)
        with tracing.step("watch", attached=handle is not None):
            finished = self._watch(grant, grant.drawing.handle, brief)
        if finished is None or brief.operation != "edit":
            return Drawn(finished) if finished else None
        # Whoever attaches to a drawing has not made its canvas. Who has does not fetch the mask again: by
        # now it may be another one, or gone.
        made = EditCanvas.of(brief.edit) if brief.edit else None
        canvas = made or self._preparation.canvas(grant, folder)
        return Drawn(finished, canvas) if canvas else None

    def _submit(self, grant: Grant, folder: Path) -> Brief | None:
        brief = self._preparation.brief(grant, folder)
        if brief is None:
            return None
        able = grant.engine.capabilities()
        if able.charged and able.attach:
            # From here on money may be spent, and only the engine's answer says where: a death in between
            # is a loss, and counts at the price. What cannot be attached to starts when it is watched, and not before.
            self._keep_handle(grant, {}, attach=False)
        with tracing.step("submit", attempt=brief.attempt):
            grant.drawing.handle = grant.engine.submit(brief)
        try:
            self._keep_handle(grant, grant.drawing.handle)
        except (StaleLease, StoreDown):
            # Nobody else will ever know about this drawing.
            self._endings.cancel(grant)
            raise
        event(log, "job.submitted", job=grant.job.id, attempt=brief.attempt)
        return brief

    def _attach(self, grant: Grant, handle: Handle) -> Brief:
        grant.drawing.handle, grant.drawing.attach = handle, True
        # Stored again, so that a death from here on counts as a lost worker.
        self._keep_handle(grant, handle)
        event(log, "job.attached", job=grant.job.id)
        job = replace(grant.job, translation=None) if grant.understands else grant.job
        return brief_of(
            job,
            attempt=grant.job.attempts,
            models=grant.models,
            draws_any_count=grant.draws_any_count,
        )

    def _keep_handle(self, grant: Grant, handle: Handle, *, attach: bool = True) -> None:
        """Store the engine's handle, before it is watched; ``attach``: it leads to the drawing, if any does."""
        drawing, able = grant.drawing, grant.engine.capabilities()
        drawing.paid = grant.on_lost if able.charged else ""
        self._patience.store(
            lambda: self._store.lanes.keep_handle(
                drawing.job_id,
                drawing.token,
                handle,
                attach=attach and able.attach,
                paid=drawing.paid,
            ),
        )
        drawing.attach = attach and able.attach

    def _watch(self, grant: Grant, handle: Handle, brief: Brief) -> Finished | None:
        drawing, engine = grant.drawing, grant.engine
        telling = Telling(self._store, self._images, drawing, Shown.of(grant.job, brief))
        with contextlib.closing(_generator(engine.watch(handle, brief, drawing))) as steps:
            try:
                for step in steps:
                    drawing.moved()
                    if isinstance(step, Finished):
                        return step
                    if drawing.is_set():
                        return None
                    telling.see(step)
            except StaleLease:
                # The end of a drawing that nobody can attach to, as in `Endings.stopped`.
                drawing.stop("stale")
                return None
        if not drawing.is_set():
            raise BadResult("The engine ended without a result.")
        return None


def _generator(steps: Iterator[Event]) -> Generator[Event, None, None]:
    """Return ``steps`` as a generator; closing it closes them as well, which ends a watch early."""
    yield from steps
