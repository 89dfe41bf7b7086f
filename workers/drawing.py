"""Draw one job, from its message to its pictures: the plain function behind the task ``imagine``.

Called by ``workers.app``. The engine yields what it sees; what is written, told and tried again is
decided here. Every store call waits for Redis to come back; every write carries the job's token.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from limner.brief import brief_of
from limner.engine import Engine, Event, Finished, Handle, Parent
from limner.errors import (
    BadResult,
    EngineDown,
    EngineError,
    EngineStuck,
    ImagesDown,
    JobLost,
    JobNotFound,
    PicturesNotKept,
    Rejected,
    StaleLease,
    StoreDown,
)
from limner.followup import VARIATION_STRENGTH, cell_of
from limner.ids import new_id
from limner.images import Images
from limner.job import Job, Picture
from limner.log import event
from limner.message import Messages
from limner.pictures import Encoded
from limner.store import Store
from limner.store.lanes import Taken, Trouble
from workers.composing import Composer
from workers.keeper import Drawing, Keeper
from workers.references import Fetch, prepare_references
from workers.result import Results
from workers.telling import Telling
from workers.trouble import crash, handover, too_late, trouble_of

log = logging.getLogger(__name__)

T = TypeVar("T")

#: as of a drawing whose worker died (lib_lanes.lua)
PAID_FOR = "The drawing was lost after it had cost money."
#: a held job's worker asks again after so long, also when nobody told it to
ASK_AGAIN_S = 1.0
STORE_RETRY_S = 0.5
#: a finished drawing's pictures wait so long: drawings that end together have their successors started
STARTS_FIRST_S = 0.04
#: pauses while the image store is away, the last one again and again
IMAGES_RETRY_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
#: a finished drawing waits so long for the image store before its job fails
IMAGES_PATIENCE_S = 600.0


class JobFailed(Exception):
    """The job ended in failure; what Flower shows of the task."""


class GivenBack(Exception):
    """The job went back to its lane; another delivery of its message goes on with it."""


class Draftsman:
    """Draws the jobs of one worker process, each call in a thread of its own."""

    def __init__(
        self,
        store: Store,
        engines: Mapping[str, Engine],
        images: Images,
        keeper: Keeper,
        worker: str,
        messages: Callable[[], Messages],
        fetch_for: Callable[[str], Fetch],
        on_lost: Mapping[str, str] | None = None,
        picture_format: str = "png",
    ) -> None:
        self._store = store
        self._engines = engines
        self._images = images
        self._keeper = keeper
        self._worker = worker
        self._messages = messages
        self._fetch_for = fetch_for
        #: engine → "retry" or "fail", for drawings that were lost after they had cost money
        self._on_lost = on_lost or {}
        self._composer = Composer(picture_format)
        self._results = Results(store, self._composer)
        self._draining = False

    def drain(self) -> None:
        """Hand over everything: called when the process is told to end."""
        self._draining = True
        self._keeper.stop_all("shutdown")

    def close(self) -> None:
        """Let go of the threads, once the drawings have ended."""
        self._composer.close()

    def imagine(
        self,
        job_id: str,
        on_grant: Callable[[], None] = lambda: None,
        on_start: Callable[[str], None] = lambda _engine: None,
        on_choosy: Callable[[], None] = lambda: None,
    ) -> str:
        """Draw a job and return a line for operators.

        ``on_grant()`` is called when the job has a slot, ``on_start(engine)`` when the engine has the
        job, and ``on_choosy()`` when an engine has room that does not suit this job, so that others
        need not wait behind it.

        Raises:
            JobFailed: the job ended in failure.
            GivenBack: the job waits again.
        """
        drawing = Drawing(job_id, new_id())
        with self._keeper.keeping(drawing):
            try:
                taken = self._wait_for_slot(drawing, on_choosy)
                if taken.job is None:
                    return "nothing to do"
                on_grant()
                return self._draw(drawing, taken.job, taken.attempt, on_start)
            except StaleLease:
                event(log, "lease.lost", level=logging.WARNING, job=job_id)
                raise GivenBack("another worker owns the job") from None

    def _wait_for_slot(self, drawing: Drawing, on_choosy: Callable[[], None]) -> Taken:
        """Return as soon as the job has a slot, or without a job if this message is of no use."""
        lanes, job_id, token = self._store.lanes, drawing.job_id, drawing.token
        while not drawing.is_set() and not self._draining:
            taken = self._patiently(
                lambda: lanes.take(job_id, token, self._worker, self._messages(), begin=True)
            )
            drawing.taken = taken.state in ("granted", "wait")
            if taken.state == "granted":
                event(log, "job.granted", job=job_id, engine=taken.engine)
                return taken
            if taken.state != "wait":
                event(log, "message.dropped", job=job_id, state=taken.state)
                return taken
            if taken.choosy:
                on_choosy()
            self._wait_for_word(drawing, taken.again_s)
        try:
            if lanes.let_go(job_id, token, self._messages()):
                raise GivenBack("the worker stops")
        except StoreDown:
            # The hold lapses by itself.
            raise GivenBack("the worker stops while Redis is away") from None
        return self._patiently(lambda: lanes.take(job_id, token, self._worker, self._messages()))

    def _wait_for_word(self, drawing: Drawing, again_s: float | None) -> None:
        """Block until asking for a slot is worth it."""
        try:
            wait_s = ASK_AGAIN_S if again_s is None else min(max(again_s, 0.01), ASK_AGAIN_S)
            told_s = self._store.lanes.wait_for_grant(drawing.job_id, wait_s)
            if told_s is not None:
                # Only that a gap or a pause ends then: a slot may be freed before.
                self._store.lanes.wait_for_grant(
                    drawing.job_id, min(max(told_s, 0.01), ASK_AGAIN_S)
                )
        except StoreDown:
            drawing.wait(STORE_RETRY_S)

    def _draw(
        self, drawing: Drawing, job: Job, attempt: int | None, on_start: Callable[[str], None]
    ) -> str:
        engine_name = str(job.engine)
        engine = self._engines[engine_name]
        try:
            with _folder_for(job) as folder:
                finished = self._run_engine(drawing, engine, job, Path(folder), attempt, on_start)
            if finished is None or not self._deliver(drawing, engine, job, finished):
                return self._stopped(drawing, engine, job)
        except (StaleLease, StoreDown, GivenBack, JobFailed):
            raise
        except Rejected as error:
            return self._fail(drawing, job, error.message, error.reason_code, answered=True)
        except PicturesNotKept as error:
            return self._fail(drawing, job, error.message, error.reason_code)
        except EngineError as error:
            event(
                log,
                "engine.failed",
                level=logging.WARNING,
                job=job.id,
                engine=engine_name,
                error_class=type(error).__name__,
                why=str(error.__cause__ or error),
            )
            trouble = trouble_of(error, submitted=drawing.began_s is not None)
            if isinstance(error, JobLost):
                drawing.over()
            charged = isinstance(error, JobLost) and error.charged
            if charged and self._on_lost.get(engine_name) == "fail":
                reason, code = error.summary(), error.reason_code
                return self._fail(drawing, job, reason, code, trouble=trouble)
            keep = trouble.engine_state == "down"
            return self._give_back(drawing, engine, job, trouble, keep=keep)
        # A bug in a driver must not cost the job, nor the worker.
        except Exception:  # noqa: BLE001
            event(log, "drawing.crashed", level=logging.ERROR, error=True, job=job.id)
            # What was paid for is looked at once more, where it can be.
            return self._lose(drawing, engine, job, crash(), keep=drawing.paid != "")
        event(log, "job.finished", job=job.id, engine=engine_name, status="done")
        return f"done on {engine_name}"

    def _run_engine(
        self,
        drawing: Drawing,
        engine: Engine,
        job: Job,
        folder: Path,
        attempt: int | None,
        on_start: Callable[[str], None],
    ) -> Finished | None:
        """Submit, or go on with a handle, and watch; None: the drawing was stopped."""
        if job.handle is None:
            references = self._references(drawing, job, folder)
            if references is None:
                return None
            parent = self._parent(drawing, job, folder)
            if attempt is None:
                attempt = self._begin(drawing)
            if attempt is None or drawing.is_set():
                return None
            brief = brief_of(job, references, attempt, parent)
            drawing.handle = engine.submit(brief)
            try:
                self._keep_handle(drawing, engine, job, drawing.handle)
            except (StaleLease, StoreDown):
                # Nobody else will ever hear of this drawing.
                self._cancel(drawing, engine, job)
                raise
            event(log, "job.submitted", job=job.id, attempt=attempt)
        else:
            drawing.handle, drawing.attach = job.handle, True
            # Said again, so that a death from here on counts as a lost worker.
            self._keep_handle(drawing, engine, job, job.handle)
            brief = brief_of(job, attempt=job.attempts)
            event(log, "job.attached", job=job.id)
        drawing.began()
        on_start(str(job.engine))
        telling = Telling(self._store, self._images, drawing, brief.width, brief.height)
        with contextlib.closing(_generator(engine.watch(drawing.handle, brief, drawing))) as steps:
            try:
                for step in steps:
                    drawing.moved()
                    if isinstance(step, Finished):
                        return step
                    if drawing.is_set():
                        return None
                    telling.see(step)
            except StaleLease:
                # The end of a drawing that nobody can attach to any more, as in `_stopped`.
                drawing.stop("stale")
                return None
        if not drawing.is_set():
            raise BadResult("The engine ended without a result.")
        return None

    def _keep_handle(self, drawing: Drawing, engine: Engine, job: Job, handle: Handle) -> None:
        """Write down what the engine gave, before it is watched."""
        able = engine.capabilities()
        drawing.paid = self._on_lost.get(job.engine or "", "retry") if able.charged else ""
        self._patiently(
            lambda: self._store.lanes.keep_handle(
                drawing.job_id, drawing.token, handle, attach=able.attach, paid=drawing.paid
            ),
        )
        drawing.attach = able.attach

    def _references(self, drawing: Drawing, job: Job, folder: Path) -> list[Path] | None:
        """Return the reference images as files; None if told to stop meanwhile."""
        if not job.request.references:
            return []
        fetch = self._patiently(lambda: self._fetch_for(job.client))
        return self._with_images(
            drawing,
            lambda: prepare_references(job.request.references, folder, self._images, fetch),
        )

    def _parent(self, drawing: Drawing, job: Job, folder: Path) -> Parent | None:
        """Return what a follow-up starts from.

        Raises:
            Rejected: its pictures are not kept any more.
        """
        if job.parent is None:
            return None
        parent_id, cell = job.parent, cell_of(job.draw_type)
        parent = self._patiently(lambda: self._store.jobs.get(parent_id))
        if cell is None:
            return Parent(engine=parent.engine, handle=parent.handle)
        try:
            key = self._images.key_of(parent.cells[cell].url)
            picture = self._with_images(drawing, lambda: self._images.get(key))
        except KeyError:
            raise Rejected("reference", "The picture to vary is not kept any more.") from None
        if picture is None:
            return None
        path = folder / "parent.png"
        path.write_bytes(picture)
        return Parent(path, cell, VARIATION_STRENGTH, parent.engine, parent.handle)

    def _begin(self, drawing: Drawing) -> int | None:
        """Wait for the lane's gap and count the hand-over; None if told to stop meanwhile."""
        lanes = self._store.lanes
        while not drawing.is_set():
            begun = self._patiently(lambda: lanes.begin(drawing.job_id, drawing.token))
            if begun.attempt is not None:
                return begun.attempt
            drawing.wait(begun.wait_s)
        return None

    def _deliver(self, drawing: Drawing, engine: Engine, job: Job, finished: Finished) -> bool:
        """Check the pictures, keep them, and only then say so in the record; False: told to stop."""
        lanes = self._store.lanes
        drawing.over()
        # The engine is free from here on; what is left to do is ours.
        clear = self._patiently(lambda: lanes.free_slot(job.id, drawing.token))
        # The next drawings are being started just now, and need the CPU.
        drawing.wait(STARTS_FIRST_S)
        composed, notes = self._results.composed(job, engine, finished)
        if not clear:
            self._patiently(lambda: lanes.free_slot(job.id, drawing.token, checked=True))
        pictures = []
        for encoded in composed:
            kept = self._keep(drawing, encoded)
            if kept is None:
                return False
            pictures.append(kept)
        self._patiently(
            lambda: lanes.done(job.id, drawing.token, pictures[0], pictures[1:], notes),
        )
        return True

    def _keep(self, drawing: Drawing, encoded: Encoded) -> Picture | None:
        """Keep one finished picture; None if told to stop meanwhile."""
        key = self._with_images(
            drawing,
            lambda: self._images.put("drawings", encoded.data, encoded.suffix, datetime.now(UTC)),
        )
        if key is None:
            return None
        return Picture(self._images.url(key), encoded.width, encoded.height)

    def _with_images(self, drawing: Drawing, call: Callable[[], T]) -> T | None:
        """Use the image store, as often as it takes; None if told to stop meanwhile.

        The lease is kept all the while, and the engine draws others.

        Raises:
            PicturesNotKept: the store was away for ``IMAGES_PATIENCE_S``.
        """
        given_up_s = time.monotonic() + IMAGES_PATIENCE_S
        tries = 0
        while True:
            try:
                return call()
            except ImagesDown as error:
                event(
                    log,
                    "images.missed",
                    level=logging.WARNING,
                    job=drawing.job_id,
                    why=error.message,
                )
                pause_s = IMAGES_RETRY_S[min(tries, len(IMAGES_RETRY_S) - 1)]
                if time.monotonic() + pause_s > given_up_s:
                    raise PicturesNotKept from error
            tries += 1
            if drawing.wait(pause_s):
                return None

    def _stopped(self, drawing: Drawing, engine: Engine, job: Job) -> str:
        """End a drawing that the keeper told to stop, by its reason."""
        if drawing.stop_reason == "stale":
            if not drawing.attach:
                # Whoever has the job now draws it anew: this drawing is nobody's.
                self._cancel(drawing, engine, job)
            raise StaleLease
        if drawing.stop_reason == "shutdown":
            return self._lose(drawing, engine, job, handover(), keep=True)
        if drawing.stop_reason == "late":
            self._cancel(drawing, engine, job)
            late = too_late()
            return self._fail(drawing, job, late.reason, late.reason_code, trouble=late)
        # Where another worker can attach, perhaps only the news stopped: it may find a finished one.
        stuck = trouble_of(EngineStuck(), submitted=True)
        return self._lose(drawing, engine, job, stuck, keep=True)

    def _lose(
        self, drawing: Drawing, engine: Engine, job: Job, trouble: Trouble, *, keep: bool = False
    ) -> str:
        """Give a job back whose drawing may be lost by that, unless it would be paid for twice."""
        if drawing.paid != "fail" or (keep and drawing.attach):
            return self._give_back(drawing, engine, job, trouble, keep=keep)
        self._cancel(drawing, engine, job)
        struck = trouble if trouble.counter else None
        return self._fail(drawing, job, PAID_FOR, JobLost.reason_code, trouble=struck)

    def _cancel(self, drawing: Drawing, engine: Engine, job: Job) -> None:
        """Stop at its engine what nobody goes on with; as soon as it can be reached, if not now."""
        handle = drawing.handle
        if handle is None or drawing.ended:
            return
        try:
            engine.cancel(handle)
        except EngineDown:
            with contextlib.suppress(StoreDown):
                self._store.lanes.cancel_later(str(job.engine), handle)
        # The job's end does not depend on whether its engine could be told.
        except Exception:  # noqa: BLE001
            event(log, "engine.cancel_failed", level=logging.WARNING, error=True)

    def _fail(
        self,
        drawing: Drawing,
        job: Job,
        reason: str,
        code: str,
        *,
        answered: bool = False,
        trouble: Trouble | None = None,
    ) -> str:
        self._patiently(
            lambda: self._store.lanes.failed(
                job.id, drawing.token, reason, code, answered=answered, trouble=trouble
            ),
        )
        event(log, "job.finished", job=job.id, status="failed", reason_code=code)
        raise JobFailed(code)

    def _give_back(
        self, drawing: Drawing, engine: Engine, job: Job, trouble: Trouble, *, keep: bool = False
    ) -> str:
        """Put the job back, or fail it; ``keep``: the drawing goes on where another can attach."""
        keep = keep and drawing.attach and drawing.handle is not None
        if not keep:
            self._cancel(drawing, engine, job)
        state = self._patiently(
            lambda: self._store.lanes.give_back(
                job.id, drawing.token, trouble, self._messages(), keep=keep
            ),
        )
        if state == "failed":
            if keep:
                self._cancel(drawing, engine, job)
            event(log, "job.finished", job=job.id, status="failed", reason_code=trouble.reason_code)
            raise JobFailed(trouble.reason_code)
        event(log, "job.returned", job=job.id, kept=keep, why=trouble.engine_why)
        raise GivenBack(trouble.engine_why or "the worker stops")

    def _patiently(self, call: Callable[[], T]) -> T:
        """Make a store call, as often as it takes until Redis is back or the process must end.

        Raises:
            StaleLease: the job is gone.
            StoreDown: the process ends before Redis is back; the lease will lapse.
        """
        while True:
            try:
                return call()
            except JobNotFound:
                raise StaleLease from None
            except StoreDown:
                if self._draining:
                    raise
                time.sleep(STORE_RETRY_S)


def _folder_for(job: Job) -> contextlib.AbstractContextManager[str]:
    """Return a folder for what the engine is to start from; none where it starts from the prompt."""
    if job.request.references or job.parent:
        return tempfile.TemporaryDirectory(prefix="limner-")
    return contextlib.nullcontext("")


def _generator(steps: Iterator[Event]) -> Generator[Event, None, None]:
    """Return ``steps`` as something that can be closed, which closes them too and ends a watch early."""
    yield from steps
