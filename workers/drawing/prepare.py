"""The second step of a drawing: collect the engine's input, and wait for the lane's gap."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from limner.brief import brief_of
from limner.engine import Brief, Parent
from limner.errors import Rejected
from limner.followup import VARIATION_STRENGTH, cell_of
from limner.job import Job
from limner.pictures.image_store import Images
from limner.store import Store
from workers.drawing.grant import Grant
from workers.drawing.keeper import Drawing
from workers.drawing.patience import Patience
from workers.drawing.references import Fetch, prepare_references


class Preparation:
    """Makes briefs; ``fetch_for(client)`` returns the function that fetches that client's references."""

    def __init__(
        self, store: Store, images: Images, fetch_for: Callable[[str], Fetch], patience: Patience
    ) -> None:
        self._store = store
        self._images = images
        self._fetch_for = fetch_for
        self._patience = patience

    def brief(self, grant: Grant, folder: Path) -> Brief | None:
        """Return the brief for the engine, with its pictures in ``folder``; None: told to stop.

        Raises:
            Rejected: a reference, or the picture to vary, cannot be used.
        """
        drawing, job = grant.drawing, grant.job
        references = self._references(drawing, job, folder)
        if references is None:
            return None
        parent = self._parent(drawing, job, folder)
        attempt = self._begin(drawing) if grant.attempt is None else grant.attempt
        if attempt is None or drawing.is_set():
            return None
        return brief_of(job, references, attempt, parent)

    def _references(self, drawing: Drawing, job: Job, folder: Path) -> list[Path] | None:
        """Return the reference images as files; None if told to stop meanwhile."""
        if not job.request.references:
            return []
        fetch = self._patience.store(lambda: self._fetch_for(job.client))
        return self._patience.images(
            drawing,
            lambda: prepare_references(job.request.references, folder, self._images, fetch),
        )

    def _parent(self, drawing: Drawing, job: Job, folder: Path) -> Parent | None:
        """Return the drawing that a follow-up starts from.

        Raises:
            Rejected: its pictures have been deleted.
        """
        if job.parent is None:
            return None
        parent_id, cell = job.parent, cell_of(job.draw_type)
        parent = self._patience.store(lambda: self._store.jobs.get(parent_id))
        if cell is None:
            return Parent(engine=parent.engine, handle=parent.handle)
        try:
            key = self._images.key_of(parent.cells[cell].url)
            picture = self._patience.images(drawing, lambda: self._images.get(key))
        except KeyError:
            raise Rejected("reference", "The picture to vary has been deleted.") from None
        if picture is None:
            return None
        path = folder / "parent.png"
        path.write_bytes(picture)
        return Parent(path, cell, VARIATION_STRENGTH, parent.engine, parent.handle)

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
    if job.request.references or job.parent:
        return tempfile.TemporaryDirectory(prefix="limner-")
    return contextlib.nullcontext("")
