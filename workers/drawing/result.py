"""Check an engine's pictures and turn them into those that are stored; called by ``workers.drawing``."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from limner.brief import brief_of
from limner.engine import Engine, Finished
from limner.errors import StoreDown
from limner.job import Job
from limner.log import event
from limner.pictures.editing import Encoded
from limner.store import Store
from limner.store.metrics.warning import Code
from workers.drawing.composing import Composer

log = logging.getLogger(__name__)

#: how long operators are warned after an engine last drew identical cells
ALIKE_KEPT_S = 900.0


class Results:
    """Checks a process's results; remembers which engines respect their seeds."""

    def __init__(self, store: Store, composer: Composer) -> None:
        self._store = store
        self._composer = composer
        #: engines that have drawn different cells for different seeds
        self._heed_seeds: set[str] = set()

    def composed(
        self, job: Job, engine: Engine, finished: Finished
    ) -> tuple[list[Encoded], Mapping[str, Any]]:
        """Return the grid and the four cells, encoded, and notes about them.

        Raises:
            BadResult: they are not what was asked for.
        """
        name, brief = str(job.engine), brief_of(job)
        found: list[int] = []
        # If seeds have made no difference so far, drawing again would make none either, whatever the
        # driver claims of its server: its operator must configure how it takes them.
        alike = None if name in self._heed_seeds else found.extend
        encoded = self._composer.compose(finished.cells, brief.width, brief.height, alike)
        if found:
            self._tell(job, found)
            return encoded, {**finished.notes, "cells_alike": found}
        if engine.capabilities().seed != "none":
            self._heed_seeds.add(name)
        return encoded, finished.notes

    def _tell(self, job: Job, found: list[int]) -> None:
        event(log, "cells.alike", level=logging.WARNING, job=job.id, engine=job.engine, cells=found)
        text = (
            f"The engine {job.engine} drew the same picture more than once in a job: "
            "it is given no seeds or does not heed them, see its setting `seeds`."
        )
        # The drawing is good, whether or not the warning can be stored now.
        with contextlib.suppress(StoreDown):
            self._store.reports.make(Code.CELLS_ALIKE, str(job.engine), text, ALIKE_KEPT_S)
