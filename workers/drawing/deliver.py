"""The last step of a drawing: check its pictures, store them, and mark the job as done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from limner import tracing
from limner.applied import applied_of, levels_of
from limner.engine import Finished
from limner.errors import EngineError
from limner.job import Picture
from limner.money import micros_said
from limner.pictures.editing import Encoded
from limner.pictures.image_store import Images
from limner.store import Store
from limner.store.lanes import Result
from workers.drawing.composing import Composer
from workers.drawing.grant import Grant
from workers.drawing.keeper import Drawing
from workers.drawing.patience import Patience
from workers.drawing.result import Results
from workers.drawing.run import Drawn

#: how long composing waits: when drawings end together, their successors are started first
STARTS_FIRST_S = 0.04
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
        lanes, drawing, job = self._store.lanes, grant.drawing, grant.job
        drawing.over()
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
