"""The second step of a drawing: collect the engine's input, and wait for the lane's gap."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

from limner import tracing
from limner.brief import Pictures, brief_of, size_of_request
from limner.engine import Brief, Parent
from limner.errors import Rejected
from limner.followup import cell_of, strength_of
from limner.job import Job
from limner.log import event
from limner.pictures.image_store import Images
from limner.prompt import prompt_of
from limner.store import Store
from workers.drawing.canvas import EditCanvas, canvas_of
from workers.drawing.grant import Grant
from workers.drawing.keeper import Drawing
from workers.drawing.patience import Patience
from workers.drawing.references import Fetch, prepare_references
from workers.drawing.wording import Wording

log = logging.getLogger(__name__)


class StoppedMeanwhile(Exception):
    """The drawing was told to stop meanwhile; never leaves this module."""


class Preparation:
    """Makes briefs; ``fetch_for(client)`` returns the function that fetches that client's references."""

    def __init__(
        self,
        store: Store,
        images: Images,
        fetch_for: Callable[[str], Fetch],
        patience: Patience,
        wording: Wording,
    ) -> None:
        self._store = store
        self._images = images
        self._fetch_for = fetch_for
        self._patience = patience
        self._wording = wording

    def brief(self, grant: Grant, folder: Path) -> Brief | None:
        """Return the brief for the engine, with its pictures in ``folder``; None: told to stop.

        Raises:
            Rejected: a reference, or the picture to go on from, cannot be used.
        """
        drawing = grant.drawing
        try:
            pictures = self._pictures(grant, folder)
        except StoppedMeanwhile:
            return None
        worded = self._wording.worded(grant)
        if worded is None:
            return None
        attempt = self._begin(drawing) if grant.attempt is None else grant.attempt
        if attempt is None or drawing.is_set():
            return None
        return brief_of(
            worded, pictures, attempt, models=grant.models, draws_any_count=grant.draws_any_count
        )

    def canvas(self, grant: Grant, folder: Path) -> EditCanvas | None:
        """Return the canvas of an edit; None: told to stop.

        Raises:
            Rejected: the picture to go on from, or the mask, cannot be used.
        """
        job, change = grant.job, grant.job.request.change
        assert change is not None, "an edit has a change"
        with contextlib.suppress(StoppedMeanwhile):
            masks = self._references(grant.drawing, job, (change.mask or "",), folder, "mask")
            if job.parent is None:
                own = self._references(grant.drawing, job, job.request.references, folder, "edited")
                return canvas_of(change, own[0], masks[0], size_of_request(job.request))
            parent = self._parent(grant.drawing, job, folder)
            assert parent is not None, "an edit has a parent"
            assert parent.picture is not None
            return canvas_of(change, parent.picture, masks[0] if masks else None)
        return None

    def _pictures(self, grant: Grant, folder: Path) -> Pictures:
        drawing, job, able = grant.drawing, grant.job, grant.engine.capabilities()
        request, said = job.request, prompt_of(job.request)
        edit = None
        if request.operation == "edit":
            canvas = self.canvas(grant, folder)
            if canvas is None:
                raise StoppedMeanwhile
            edit = canvas.saved(folder)
        # What an engine ignores is not fetched, and cannot fail its job.
        style: tuple[Path, ...] = ()
        thing: tuple[Path, ...] = ()
        if able.style_references != "none":
            style = self._taken_over(grant, folder, "style", said.style_references)
        if able.object_references != "none":
            thing = self._taken_over(grant, folder, "object", said.object_references)
        # Of an edit, the caller's own picture is the canvas.
        references = () if edit else request.references
        return Pictures(
            self._references(drawing, job, references, folder, "reference"),
            style,
            thing,
            self._parent(drawing, job, folder),
            edit,
        )

    def _taken_over(
        self, grant: Grant, folder: Path, kind: str, links: tuple[str, ...]
    ) -> tuple[Path, ...]:
        """Return the references of a kind, or those that a flag in the text links to."""
        drawing, job = grant.drawing, grant.job
        given = getattr(job.request, f"{kind}_references")
        if given:
            return self._references(drawing, job, given, folder, kind)
        try:
            return self._references(drawing, job, links, folder, kind)
        # Such links were ignored before, and prompts that people copy have dead ones.
        except Rejected as error:
            drawing.left_out |= {f"{kind}_references", f"{kind}_weight"}
            event(log, "links.left_out", job=job.id, why=error.message)
            return ()

    def _references(
        self, drawing: Drawing, job: Job, references: tuple[str, ...], folder: Path, kind: str
    ) -> tuple[Path, ...]:
        """Return reference images as files; "" stands for none."""
        if not any(references):
            return ()
        fetch = self._patience.store(lambda: self._fetch_for(job.client))
        with tracing.step("fetch", pictures=len(references), what=kind):
            found = self._patience.images(
                drawing, lambda: prepare_references(references, folder, self._images, fetch, kind)
            )
        if found is None:
            raise StoppedMeanwhile
        return tuple(found)

    def _parent(self, drawing: Drawing, job: Job, folder: Path) -> Parent | None:
        """Return the drawing that a follow-up starts from.

        Raises:
            Rejected: its pictures have been deleted.
        """
        if job.parent is None:
            return None
        parent_id, change = job.parent, job.request.change
        cell = change.cell if change else cell_of(job.draw_type)
        parent = self._patience.store(lambda: self._store.jobs.get(parent_id))
        if cell is None:
            return Parent(engine=parent.engine, handle=parent.handle)
        try:
            key = self._images.key_of(parent.pictures[cell].url)
            picture = self._patience.images(drawing, lambda: self._images.get(key))
        except (KeyError, IndexError):
            raise Rejected("reference", "The picture to go on from has been deleted.") from None
        if picture is None:
            raise StoppedMeanwhile
        path = folder / "parent.png"
        path.write_bytes(picture)
        seeds = parent.drawn_seeds[cell : cell + 1]
        return Parent(
            picture=path,
            cell=cell,
            strength=strength_of(job.draw_type),
            engine=parent.engine,
            handle=parent.handle,
            seed=seeds[0] if seeds else None,
        )

    def _begin(self, drawing: Drawing) -> int | None:
        """Wait for the lane's gap and count the submission; None if told to stop meanwhile."""
        lanes = self._store.lanes
        while not drawing.is_set():
            begun = self._patience.store(lambda: lanes.begin(drawing.job_id, drawing.token))
            if begun.attempt is not None:
                return begun.attempt
            drawing.wait(begun.wait_s)
        return None


def folder_for(job: Job) -> contextlib.AbstractContextManager[str]:
    """Return a folder for the pictures that the engine starts from; none if it needs only the prompt."""
    said = prompt_of(job.request)
    if job.request.pictures or job.parent or said.style_references or said.object_references:
        return tempfile.TemporaryDirectory(prefix="limner-")
    return contextlib.nullcontext("")
