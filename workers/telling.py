"""What is written of a drawing while it goes on: percent and previews, no more often than is worth it.

Called by ``workers.drawing``.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

from limner.engine import Preview, Progress
from limner.errors import ImagesDown, StoreDown
from limner.images import Images
from limner.job import Picture
from limner.log import event
from limner.pictures import Encoded, PreviewGrid
from limner.store import Store
from workers.keeper import Drawing

log = logging.getLogger(__name__)

#: least seconds between two writes of a drawing's progress
PROGRESS_GAP_S = 0.5
#: previews, each a file, come the slower the longer a drawing takes: at 15 minutes every 15 s, so that
#: no drawing leaves more than some 260 of them
PREVIEW_GAP_OF_AGE = 1 / 60
#: the share of the whole that is done before the pictures are composed and stored
DRAWN_PERCENT = 99
#: a drawing shows no preview for so long after one could not be kept
PREVIEWS_REST_S = 30.0


class Telling:
    """Writes a drawing's progress, coalesced: the newest at most every ``PROGRESS_GAP_S``."""

    def __init__(
        self, store: Store, images: Images, drawing: Drawing, width: int, height: int
    ) -> None:
        self._store = store
        self._images = images
        self._drawing = drawing
        self._previews = PreviewGrid(width, height)
        self._percent = 0
        #: the newest preview of each cell that was not shown yet
        self._unseen: dict[int | None, bytes] = {}
        self._began_s = time.monotonic()
        self._told_s = float("-inf")
        self._previews_from_s = float("-inf")

    def see(self, step: object) -> None:
        """Take one event of the engine in; write if the time has come."""
        if isinstance(step, Progress):
            percent = int(max(0.0, min(1.0, step.fraction)) * 100)
            self._percent = max(self._percent, min(percent, DRAWN_PERCENT))
        elif isinstance(step, Preview):
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
            # Only the newest progress counts: the next one makes up for this.
            event(log, "progress.skipped", level=logging.WARNING, job=self._drawing.job_id)

    def _keep(self, encoded: Encoded) -> Picture | None:
        """Keep a preview; None if the image store is away: there will be others."""
        try:
            key = self._images.put("previews", encoded.data, encoded.suffix, datetime.now(UTC))
        except ImagesDown as error:
            self._previews_from_s = time.monotonic() + PREVIEWS_REST_S
            event(log, "preview.skipped", level=logging.WARNING, why=error.message)
            return None
        return Picture(self._images.url(key), encoded.width, encoded.height)
