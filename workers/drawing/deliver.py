"""The last step of a drawing: check its pictures, store them, and mark the job as done."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from limner import tracing
from limner.applied import applied_of, levels_of
from limner.engine import Finished
from limner.errors import EngineError, StoreDown
from limner.job import Picture
from limner.log import event
from limner.money import micros_said
from limner.pictures.editing import Encoded
from limner.pictures.image_store import Images
from limner.pictures.room import Room
from limner.store import Store
from limner.store.lanes import Result
from limner.store.metrics.warning import Code
from workers.drawing.composing import Composer
from workers.drawing.grant import Grant
from workers.drawing.keeper import Drawing
from workers.drawing.patience import Patience
from workers.drawing.result import Results
from workers.drawing.run import Drawn

log = logging.getLogger(__name__)

#: how long composing waits: when drawings end together, their successors are started first
STARTS_FIRST_S = 0.04
#: Drawings that a process has at most, and bytes of their pictures, between the engine and the image store. More would
#: only make each of them wait longer, and the process larger: until there is room, drawn ones keep their slots.
STORED_MOST, STORED_MOST_BYTES = 16, 64 * 2**20
#: what operators hear of, and for how long
STORING_SLOW_S, STORING_SLOW_KEPT_S = 2.0, 300.0
#: of a description
PROMPTS_MOST, PROMPT_LENGTH = 4, 2000
#: the abilities that buttons on a finished drawing depend on
FOLLOWED_BY = ("vary", "upscale_subtle", "upscale_creative", "edit")


class Delivery:
    """Stores finished pictures, as files of ``picture_format``."""

    def __init__(
        self, store: Store, images: Images, picture_format: str, patience: Patience
    ) -> None:
        self._store = store
        self._images = images
        self._composer = Composer(picture_format)
        self._results = Results(store, self._composer)
        self._room = Room(STORED_MOST_BYTES)
        self._patience = patience

    def close(self) -> None:
        """Stop the threads, once the drawings have ended."""
        self._composer.close()

    def deliver(self, grant: Grant, drawn: Drawn) -> bool:
        """Check the pictures, store them, and only then mark the job as done; False: told to stop.

        Raises:
            BadResult: the pictures are not what was asked for.
            PicturesNotKept: the image store was down for too long.
        """
        try:
            return self._deliver(grant, drawn)
        except EngineError as error:
            # Useless pictures cost what good ones do.
            error.cost = drawn.finished.cost
            raise

    def _deliver(self, grant: Grant, drawn: Drawn) -> bool:
        grant.drawing.over()
        with self._place(grant, drawn):
            return self._stored(grant, drawn)

    @contextlib.contextmanager
    def _place(self, grant: Grant, drawn: Drawn) -> Iterator[None]:
        """Wait, with the slot, until there is room for one more drawing to be stored; not if told to stop."""
        drawing, lanes, began_s = grant.drawing, self._store.lanes, time.monotonic()
        waited: list[str] = []

        def keep_slot() -> None:
            waited.append(grant.engine_name)
            self._patience.store(lambda: lanes.keep_slot(drawing.job_id, drawing.token))

        if not drawn.finished.cells:
            # A description.
            yield
            return
        wanted = max(sum(map(len, drawn.finished.cells)), STORED_MOST_BYTES // STORED_MOST)
        with self._room.take(wanted, keep_slot, drawing.is_set):
            if waited:
                self._tell_wait(grant, time.monotonic() - began_s)
            yield

    def _tell_wait(self, grant: Grant, waited_s: float) -> None:
        job = grant.job.id
        event(log, "slot.kept", job=job, engine=grant.engine_name, waited_s=round(waited_s, 1))
        if waited_s < STORING_SLOW_S:
            return
        text = (
            "A lane worker has more drawings to store than it can: slots wait until it has room. Run another worker, or "
            "set LIMNER_IMAGE_FORMAT to one that costs less."
        )
        host = socket.gethostname()
        with contextlib.suppress(StoreDown):
            reports = self._store.reports
            reports.make(Code.STORING_SLOW, host, text, STORING_SLOW_KEPT_S, why=host)

    def _stored(self, grant: Grant, drawn: Drawn) -> bool:
        lanes, drawing, job = self._store.lanes, grant.drawing, grant.job
        # The engine is free from here on; the rest is our work.
        clear = self._patience.store(lambda: lanes.free_slot(job.id, drawing.token))
        # The next drawings are being started right now, and need the CPU.
        drawing.wait(STARTS_FIRST_S)
        with tracing.of_job("compose", job.trace, job=job.id):
            composed, notes = self._results.composed(job, grant.engine, drawn)
        if not clear:
            self._patience.store(lambda: lanes.free_slot(job.id, drawing.token, checked=True))
        pictures = []
        with tracing.of_job("store", job.trace, job=job.id, pictures=len(composed)):
            for encoded in composed:
                kept = self._keep(drawing, encoded)
                if kept is None:
                    return False
                pictures.append(kept)
        result = self._result(grant, drawn.finished, pictures, notes)
        self._patience.store(lambda: lanes.done(job.id, drawing.token, result))
        return True

    def _result(
        self,
        grant: Grant,
        finished: Finished,
        pictures: list[Picture],
        notes: Mapping[str, Any],
    ) -> Result:
        job, able = grant.job, grant.engine.capabilities()
        levels = levels_of(able, grant.models)
        # As it turned out, of what was asked for: not of what the engine tells besides.
        here = levels_of(able, grant.models, finished.applied)
        return Result(
            grid=pictures[0] if pictures else None,
            # A single cell is its own grid.
            cells=pictures[1:] or pictures,
            notes=notes,
            applied={
                name: "none" if name in grant.drawing.left_out else level
                for name, level in applied_of(job.asked, here).items()
            },
            seeds=finished.seeds[: job.count],
            cost=micros_said(finished.cost),
            prompts=[text[:PROMPT_LENGTH] for text in finished.prompts[:PROMPTS_MOST]],
            can=[name for name in FOLLOWED_BY if levels[name] != "none"],
        )

    def _keep(self, drawing: Drawing, encoded: Encoded) -> Picture | None:
        """Store one finished picture; None if told to stop meanwhile."""
        key = self._patience.images(
            drawing,
            lambda: self._images.put("drawings", encoded.data, encoded.suffix, datetime.now(UTC)),
        )
        if key is None:
            return None
        return Picture(self._images.url(key), encoded.width, encoded.height)
