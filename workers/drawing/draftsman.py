"""Take one drawing through its steps, and handle each kind of trouble."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from limner import tracing
from limner.errors import EngineError, PicturesNotKept, Rejected, StaleLease, StoreDown
from limner.ids import new_id
from limner.job import Job
from limner.log import event
from limner.pictures.image_store import Images
from limner.settings import EngineSettings
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
from workers.drawing.slot import ClaimedJob, Slots
from workers.drawing.translators import Translator
from workers.drawing.trouble import cost_of
from workers.drawing.wording import Wording

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
        settings: Iterable[EngineSettings] = (),
        translator: Translator | None = None,
    ) -> None:
        """Make it; ``translator``: of words that an engine does not understand."""
        self._engines = worker.engines
        self._keeper = keeper
        self._settings = {engine.name: engine for engine in settings}
        images = pictures.images
        self._patience = patience = Patience()
        # A translation takes time, and the gap between two starts counts from the submission.
        self._slots = Slots(store, worker, patience, begins=translator is None)
        self._endings = Endings(store, worker.messages, patience)
        wording = Wording(store, patience, translator)
        preparation = Preparation(store, images, pictures.fetch_for, patience, wording)
        self._run = Run(store, images, preparation, self._endings, patience)
        self._delivery = Delivery(store, images, pictures.picture_format, patience)

    def drain(self) -> None:
        """Hand over everything: called when the process is told to stop."""
        self.retire()
        self._patience.draining = True
        self._keeper.stop_all("shutdown")

    def retire(self) -> None:
        """Start nothing more; what is being drawn is finished."""
        self._patience.retired = True

    def close(self) -> None:
        """Stop the threads, once the drawings have ended."""
        self._delivery.close()

    def imagine(
        self,
        job_id: str,
        on_grant: Callable[[], None] = lambda: None,
        on_start: Callable[[str], None] = lambda _engine: None,
        on_choosy: Callable[[bool], None] = lambda _choosy: None,
        claim: ClaimedJob | None = None,
    ) -> str:
        """Draw a job and return a line for operators.

        ``on_grant()`` is called when the job has a slot, ``on_start(engine)`` when the engine has the
        job, and ``on_choosy(choosy)``, while the job waits, whether others need not wait behind it.
        ``claim``: the job was taken for this process already.

        Raises:
            JobFailed: the job ended in failure.
            GivenBack: the job waits again.
        """
        drawing = Drawing(job_id, claim.token if claim else new_id())
        with self._keeper.keeping(drawing):
            try:
                taken = self._slots.wait(drawing, on_choosy, claim.taken if claim else None)
                if taken.job is None:
                    return "nothing to do"
                on_grant()
                _tell_wait(taken.job)
                return self._draw(self._granted(drawing, taken.job, taken.attempt), on_start)
            except StaleLease:
                event(log, "lease.lost", level=logging.WARNING, job=job_id)
                raise GivenBack("another worker owns the job") from None

    def _granted(self, drawing: Drawing, job: Job, attempt: int | None) -> Grant:
        name = str(job.engine)
        settings = self._settings.get(name)
        if settings is None:
            return Grant(drawing, job, self._engines[name], attempt)
        engine, models = self._engines[name], settings.versions
        translate = settings.translate
        return Grant(drawing, job, engine, attempt, settings.on_lost, models, translate)

    def _draw(self, grant: Grant, on_start: Callable[[str], None]) -> str:
        endings, job = self._endings, grant.job
        facts = {"job": job.id, "lane": job.lane.value, "client": job.client}
        facts |= {"engine": grant.engine_name, "operation": job.request.operation}
        drawing = tracing.of_job("draw", job.trace, "consumer", **facts, cells=job.count)
        try:
            with drawing, folder_for(job) as folder:
                drawn = self._run.watch(grant, Path(folder), on_start)
            if drawn is None or not self._delivery.deliver(grant, drawn):
                endings.stopped(grant)
        except (StaleLease, StoreDown, GivenBack, JobFailed):
            raise
        except Rejected as error:
            endings.fail(grant, error.reason, error.message, answered=True, cost=cost_of(error))
        except PicturesNotKept as error:
            endings.fail(grant, error.reason, error.message, cost=cost_of(error))
        except EngineError as error:
            endings.broken(grant, error)
        # A bug in a driver must cost neither the job nor the worker.
        except Exception:  # noqa: BLE001
            endings.crashed(grant)
        event(log, "job.finished", job=grant.job.id, engine=grant.engine_name, status="done")
        return f"done on {grant.engine_name}"


def _tell_wait(job: Job) -> None:
    facts = {"job": job.id, "lane": job.lane.value, "client": job.client, "engine": str(job.engine)}
    tracing.waited(job.trace, job.created_at, job.started_at, **facts)
