"""Take one drawing through its steps, and handle each kind of trouble."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from limner.errors import EngineError, PicturesNotKept, Rejected, StaleLease, StoreDown
from limner.ids import new_id
from limner.log import event
from limner.pictures.image_store import Images
from limner.store import Store
from workers.drawing.deliver import Delivery
from workers.drawing.endings import Endings, GivenBack, JobFailed
from workers.drawing.grant import Grant
from workers.drawing.keeper import Drawing, Keeper
from workers.drawing.lane_worker import LaneWorker
from workers.drawing.patience import Patience
from workers.drawing.prepare import Preparation, folder_for
from workers.drawing.references import Fetch
from workers.drawing.run import Run
from workers.drawing.slot import Slots

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PictureIO:
    """Where the pictures of a process's drawings come from and where they are stored."""

    images: Images
    #: client → the function that fetches its references
    fetch_for: Callable[[str], Fetch]
    #: format of finished pictures: png, webp or jpeg
    picture_format: str = "png"


class Draftsman:
    """Draws the jobs of one worker process, each call in a thread of its own."""

    def __init__(
        self,
        store: Store,
        worker: LaneWorker,
        keeper: Keeper,
        pictures: PictureIO,
        on_lost: Mapping[str, str] | None = None,
    ) -> None:
        self._engines = worker.engines
        self._keeper = keeper
        #: engine → "retry" or "fail", for drawings that were lost after they had cost money
        self._on_lost = on_lost or {}
        images = pictures.images
        self._patience = patience = Patience()
        self._slots = Slots(store, worker, patience)
        self._endings = Endings(store, worker.messages, patience)
        preparation = Preparation(store, images, pictures.fetch_for, patience)
        self._run = Run(store, images, preparation, self._endings, patience)
        self._delivery = Delivery(store, images, pictures.picture_format, patience)

    def drain(self) -> None:
        """Hand over everything: called when the process is told to stop."""
        self._patience.draining = True
        self._keeper.stop_all("shutdown")

    def close(self) -> None:
        """Stop the threads, once the drawings have ended."""
        self._delivery.close()

    def imagine(
        self,
        job_id: str,
        on_grant: Callable[[], None] = lambda: None,
        on_start: Callable[[str], None] = lambda _engine: None,
        on_choosy: Callable[[], None] = lambda: None,
    ) -> str:
        """Draw a job and return a line for operators.

        ``on_grant()`` is called when the job has a slot, ``on_start(engine)`` when the engine has the
        job, and ``on_choosy()`` when an engine that does not suit this job has room, so that other jobs
        need not wait behind it.

        Raises:
            JobFailed: the job ended in failure.
            GivenBack: the job waits again.
        """
        drawing = Drawing(job_id, new_id())
        with self._keeper.keeping(drawing):
            try:
                taken = self._slots.wait(drawing, on_choosy)
                if taken.job is None:
                    return "nothing to do"
                on_grant()
                name = str(taken.job.engine)
                on_lost = self._on_lost.get(name, "retry")
                grant = Grant(drawing, taken.job, self._engines[name], taken.attempt, on_lost)
                return self._draw(grant, on_start)
            except StaleLease:
                event(log, "lease.lost", level=logging.WARNING, job=job_id)
                raise GivenBack("another worker owns the job") from None

    def _draw(self, grant: Grant, on_start: Callable[[str], None]) -> str:
        endings = self._endings
        try:
            with folder_for(grant.job) as folder:
                finished = self._run.watch(grant, Path(folder), on_start)
            if finished is None or not self._delivery.deliver(grant, finished):
                endings.stopped(grant)
        except (StaleLease, StoreDown, GivenBack, JobFailed):
            raise
        except Rejected as error:
            endings.fail(grant, error.reason, error.message, answered=True)
        except PicturesNotKept as error:
            endings.fail(grant, error.reason, error.message)
        except EngineError as error:
            endings.broken(grant, error)
        # A bug in a driver must cost neither the job nor the worker.
        except Exception:  # noqa: BLE001
            endings.crashed(grant)
        event(log, "job.finished", job=grant.job.id, engine=grant.engine_name, status="done")
        return f"done on {grant.engine_name}"
