"""The first step of a drawing: wait until the job has a slot on an engine."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from limner.errors import StoreDown
from limner.log import event
from limner.store import Store
from limner.store.lanes import Taken
from workers.drawing.endings import GivenBack
from workers.drawing.keeper import Drawing
from workers.drawing.lane_worker import LaneWorker
from workers.drawing.patience import STORE_RETRY_S, Patience

log = logging.getLogger(__name__)

#: how long a held job's worker waits before it asks again without being told to
ASK_AGAIN_S = 1.0


@dataclass(frozen=True)
class ClaimedJob:
    """A job that was taken for this process: under which token, and with what result."""

    job_id: str
    token: str
    taken: Taken


class Slots:
    """Lets the jobs of one process wait for their slots."""

    def __init__(
        self, store: Store, worker: LaneWorker, patience: Patience, *, begins: bool = True
    ) -> None:
        """Make it; ``begins``: what has its slot is submitted at once, unless pictures must be fetched first."""
        self._store = store
        self._worker = worker
        self._patience = patience
        self._begins = begins

    def wait(
        self, drawing: Drawing, on_choosy: Callable[[bool], None], claimed: Taken | None = None
    ) -> Taken:
        """Return once the job has a slot, or without a job if this message is useless.

        ``on_choosy()`` is told whether others need not wait behind this job, as often as it is looked at.
        ``claimed``: the result of the first attempt to take it.

        Raises:
            GivenBack: the process is stopping.
        """
        while not drawing.is_set() and not self._patience.retired:
            taken = claimed or self._patience.store(lambda: self._take(drawing, begin=self._begins))
            claimed = None
            drawing.taken = taken.state in ("granted", "wait")
            if taken.state == "granted":
                event(log, "job.granted", job=drawing.job_id, engine=taken.engine)
                return taken
            if taken.state != "wait":
                event(log, "message.dropped", job=drawing.job_id, state=taken.state)
                return taken
            on_choosy(taken.choosy)
            self._wait_for_word(drawing, taken.again_s)
        return self._let_go(drawing)

    def _take(self, drawing: Drawing, *, begin: bool = False) -> Taken:
        worker = self._worker
        return self._store.lanes.take(
            drawing.job_id, drawing.token, worker.name, worker.messages(), begin=begin
        )

    def _wait_for_word(self, drawing: Drawing, again_s: float | None) -> None:
        """Block until it is worth asking for a slot."""
        try:
            wait_s = ASK_AGAIN_S if again_s is None else min(max(again_s, 0.01), ASK_AGAIN_S)
            told_s = self._store.lanes.wait_for_grant(drawing.job_id, wait_s)
            if told_s is not None:
                # That is only the end of a gap or a pause: a slot may be freed before.
                self._store.lanes.wait_for_grant(
                    drawing.job_id, min(max(told_s, 0.01), ASK_AGAIN_S)
                )
        except StoreDown:
            drawing.wait(STORE_RETRY_S)

    def _let_go(self, drawing: Drawing) -> Taken:
        """Leave the job to another worker, unless it has just been granted a slot."""
        try:
            left = self._store.lanes.let_go(drawing.job_id, drawing.token, self._worker.messages())
        except StoreDown:
            # The hold expires by itself.
            raise GivenBack("the worker stops while Redis is away") from None
        if left:
            raise GivenBack("the worker stops")
        return self._patience.store(lambda: self._take(drawing))
