"""Check an engine's pictures and turn them into those that are stored; called by ``workers.drawing``."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from limner.brief import size_of_request
from limner.engine import Engine
from limner.errors import BadResult, StoreDown
from limner.job import Job
from limner.log import event
from limner.pictures.editing import Encoded
from limner.store import Store
from limner.store.metrics.warning import Code
from workers.drawing.composing import Composer, Composition
from workers.drawing.run import Drawn

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
        self, job: Job, engine: Engine, drawn: Drawn
    ) -> tuple[list[Encoded], Mapping[str, Any]]:
        """Return the grid and the cells, or the only cell, encoded, and notes about them.

        What an edit was not to change of its canvas is put back.

        Raises:
            BadResult: they are not what was asked for.
        """
        finished = drawn.finished
        if job.request.operation == "describe":
            if not any(finished.prompts):
                raise BadResult("The engine gave no prompts.")
            return [], finished.notes
        name, able = str(job.engine), engine.capabilities()
        cells = finished.cells if able.count == "exact" else finished.cells[: job.count]
        found: list[int] = []
        # If seeds have made no difference so far, drawing again would make none either, whatever the
        # driver claims of its server: its operator must configure how it takes them.
        alike = None if name in self._heed_seeds else found.extend
        wanted = Composition(*size_of_request(job.request), job.count, drawn.canvas)
        encoded = self._composer.compose(cells, wanted, alike)
        if found:
            self._tell(job, found)
            return encoded, {**finished.notes, "cells_alike": found}
        # A single cell says nothing about seeds.
        if able.seed != "none" and job.count > 1:
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
