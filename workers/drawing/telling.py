"""Write a drawing's progress as it goes on: percent and previews, at a limited rate.

Called by ``workers.drawing``.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from limner.engine import Brief, Preview, Progress
from limner.errors import ImagesDown, StoreDown
from limner.job import Job, Picture
from limner.log import event
from limner.pictures.editing import Encoded, PreviewGrid
from limner.pictures.image_store import Images
from limner.store import Store
from workers.drawing.keeper import Drawing

log = logging.getLogger(__name__)

#: minimum seconds between two writes of a drawing's progress
PROGRESS_GAP_S = 0.5
#: previews, each a file, become rarer as a drawing takes longer: every 15 s after 15 minutes, so that
#: no drawing leaves more than about 260 of them
PREVIEW_GAP_OF_AGE = 1 / 60
#: the percentage reached before the pictures are composed and stored
DRAWN_PERCENT = 99
#: how long a drawing stores no preview after one could not be stored
PREVIEWS_REST_S = 30.0


@dataclass(frozen=True)
class Shown:
    """The size of a cell in pixels, how many there are, and whether progress comes with pictures."""

    width: int
    height: int
    count: int
    previews: bool

    @classmethod
    def of(cls, job: Job, brief: Brief) -> Self:
        """Return what is shown of a job."""
        return cls(brief.width, brief.height, job.count, job.request.previews)


class Telling:
    """Writes a drawing's progress, coalesced: only the newest, at most every ``PROGRESS_GAP_S``."""

    def __init__(self, store: Store, images: Images, drawing: Drawing, shown: Shown) -> None:
        self._store = store
        self._images = images
        self._drawing = drawing
        self._previews = PreviewGrid(shown.width, shown.height, shown.count)
        self._pictured = shown.previews
        self._percent = 0
        #: the newest preview of each cell that has not been written yet
        self._unseen: dict[int | None, bytes] = {}
        self._began_s = time.monotonic()
        self._told_s = float("-inf")
        self._previews_from_s = float("-inf")

    def see(self, step: object) -> None:
        """Take one event from the engine; write if it is time to."""
        if isinstance(step, Progress):
            percent = int(max(0.0, min(1.0, step.fraction)) * 100)
            self._percent = max(self._percent, min(percent, DRAWN_PERCENT))
        elif isinstance(step, Preview) and self._pictured:
            self._unseen[step.cell] = step.image
        else:
            return
        now = time.monotonic()
        if now - self._told_s >= PROGRESS_GAP_S:
            self._told_s = now
            self._tell()

    def _tell(self) -> None:
        picture = None
        now = time.monotonic()
        if self._unseen and now >= self._previews_from_s:
            self._previews_from_s = now + (now - self._began_s) * PREVIEW_GAP_OF_AGE
            shown = [self._previews.show(cell, image) for cell, image in self._unseen.items()]
            self._unseen.clear()
            picture = self._keep(shown[-1]) if shown[-1] else None
        try:
            self._store.lanes.progress(
                self._drawing.job_id, self._drawing.token, self._percent, picture
            )
        except StoreDown:
            # Only the newest progress matters: the next write makes up for this one.
            event(log, "progress.skipped", level=logging.WARNING, job=self._drawing.job_id)

    def _keep(self, encoded: Encoded) -> Picture | None:
        """Store a preview; None if the image store is down: there will be others."""
        try:
            key = self._images.put("previews", encoded.data, encoded.suffix, datetime.now(UTC))
        except ImagesDown as error:
            self._previews_from_s = time.monotonic() + PREVIEWS_REST_S
            event(log, "preview.skipped", level=logging.WARNING, why=error.message)
            return None
        return Picture(self._images.url(key), encoded.width, encoded.height)
