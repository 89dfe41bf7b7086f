"""Check what an engine has drawn, and make of it what is kept; called by ``workers.drawing``."""

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
from limner.pictures import Encoded
from limner.store import Store
from limner.warning import Code
from workers.composing import Composer

log = logging.getLogger(__name__)

#: how long after the last time operators are told that an engine repeats itself
ALIKE_KEPT_S = 900.0


def composed_of(
    composer: Composer, store: Store, job: Job, engine: Engine, finished: Finished
) -> tuple[list[Encoded], Mapping[str, Any]]:
    """Return the grid and the four cells, encoded, and what is to be noted of them.

    Raises:
        BadResult: they are not what was asked for.
    """
    found: list[int] = []
    # An engine that is given no seeds may have but one of its own. Drawing again would not help: its
    # operator must say how it takes them.
    takes_seeds = engine.capabilities().seed != "none"
    brief = brief_of(job)
    encoded = composer.compose(
        finished.cells, brief.width, brief.height, None if takes_seeds else found.extend
    )
    if not found:
        return encoded, finished.notes
    event(log, "cells.alike", level=logging.WARNING, job=job.id, engine=job.engine, cells=found)
    text = (
        f"The engine {job.engine} drew the same picture more than once in a job: "
        "it is given no seeds, see its setting `seeds`."
    )
    # The drawing is there, whether or not this can be told now.
    with contextlib.suppress(StoreDown):
        store.reports.make(Code.CELLS_ALIKE, str(job.engine), text, ALIKE_KEPT_S)
    return encoded, {**finished.notes, "cells_alike": found}
