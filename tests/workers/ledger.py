"""An engine that draws until it is told to end and writes down what is asked of it, and its workers."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from limner.engine import Brief, Capabilities, Event, Finished, Handle, Health, Progress, Stop
from limner.errors import EngineDown, StoreDown
from limner.job import Job
from limner.pictures.image_store import Images
from limner.request import Lane
from limner.store import Store
from tests.builders import MESSAGES, an_engine
from tests.conftest import MovingClock, a_while_later, wait_until
from tests.standins.loopback import picture
from workers.drawing import Draftsman, GivenBack, JobFailed, PictureIO
from workers.drawing.keeper import Keeper, Times
from workers.drawing.lane_worker import LaneWorker
from workers.drawing.probe import Probe

ENGINE = "stage"


class Killed(BaseException):
    """What ends a thread without a word, as the end of its process would."""


class Ledger:
    """One engine whose drawings never end by themselves."""

    def __init__(self, *, attach: bool, charged: bool = False) -> None:
        self.attach, self.charged = attach, charged
        #: drawings by number, in the order of the calls
        self.submitted: list[int] = []
        self.watched: list[int] = []
        self.cancelled: list[int] = []
        #: what the engine draws just now
        self.going: set[int] = set()
        #: it cannot be reached
        self.away = False
        #: called while a brief is handed over
        self.on_submit: Callable[[], None] = lambda: None
        #: what the watches under way do next
        self._next: BaseException | Event | None = None
        #: every drawing ends well
        self.finishes = False

    # -- what a test does -------------------------------------------------------------------------

    def fail(self, error: BaseException) -> None:
        """Have the watch under way end by an error."""
        self._next = error

    def step(self) -> None:
        """Have the watch under way tell a step."""
        self._next = Progress(0.5)

    # -- what a worker does -----------------------------------------------------------------------

    def capabilities(self) -> Capabilities:
        """Say what the test chose."""
        return Capabilities(cancel=True, attach=self.attach, charged=self.charged)

    def health(self) -> Health:
        """Be there or not."""
        return Health("down" if self.away else "ok")

    def submit(self, brief: Brief) -> Handle:
        """Begin a drawing."""
        number = len(self.submitted) + 1
        self.submitted.append(number)
        self.going.add(number)
        self.on_submit()
        return {"number": number}

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Wait for what the test does."""
        number = int(handle["number"])
        self.watched.append(number)
        while not stop.is_set():
            if self.finishes:
                self.going.discard(number)
                first, second, third, fourth = (
                    picture(brief.width, brief.height, f"{cell}") for cell in range(4)
                )
                yield Finished((first, second, third, fourth), brief.seeds)
            now, self._next = self._next, None
            if isinstance(now, BaseException):
                if isinstance(now, Killed) and not self.attach:
                    # It lived in the worker.
                    self.going.discard(number)
                raise now
            if now:
                yield now
            stop.wait(0.005)

    def cancel(self, handle: Handle) -> None:
        """End a drawing, if anybody can be told to."""
        if self.away:
            raise EngineDown
        number = int(handle["number"])
        self.cancelled.append(number)
        self.going.discard(number)

    def close(self) -> None:
        """Hold nothing."""


class Worker:
    """One lane worker in miniature, whose heart beats when a test says so."""

    def __init__(
        self,
        name: str,
        store: Store,
        images: Images,
        engines: dict[str, Ledger],
        on_lost: str = "retry",
    ) -> None:
        self.name, self.store = name, store
        worker = LaneWorker(name, tuple(Lane), engines, lambda: MESSAGES)
        self.keeper = Keeper(store, worker, Times(15, 5, 120, 900))
        pictures = PictureIO(images, lambda _client: lambda _url, _most: b"")
        settings = [replace(an_engine(name), on_lost=on_lost) for name in engines]
        self.draftsman = Draftsman(store, worker, self.keeper, pictures, settings)
        self.probe = Probe(store, engines)
        self.keeper.beat()
        self.threads: list[threading.Thread] = []

    def imagine(self, job: Job) -> threading.Thread:
        """Take the job's message in a thread of its own."""
        thread = threading.Thread(target=self._imagine, args=(job.id,), daemon=True)
        self.threads.append(thread)
        thread.start()
        return thread

    def _imagine(self, job_id: str) -> None:
        with contextlib.suppress(GivenBack, JobFailed, StoreDown, Killed):
            self.draftsman.imagine(job_id)

    def close(self) -> None:
        """End whatever still runs."""
        self.draftsman.drain()
        for thread in self.threads:
            thread.join(20)
        self.draftsman.close()


@dataclass
class House:
    """A job that worker ``one`` draws on the engine; worker ``two`` takes over."""

    store: Store
    clock: MovingClock
    engine: Ledger
    one: Worker
    two: Worker
    job: Job

    def begin(self, worker: Worker | None = None) -> threading.Thread:
        """Have a worker draw the job, and return its thread once the engine is watched."""
        before = len(self.engine.watched)
        thread = (worker or self.one).imagine(self.job)
        wait_until(lambda: len(self.engine.watched) > before, what="a watch")
        return thread

    def later(self, seconds: float, *beating: Worker) -> None:
        """Let time pass; the hearts of these workers beat meanwhile."""
        for _ in range(round(seconds / 5)):
            a_while_later(self.store, self.clock, 5, MESSAGES)
            for worker in beating:
                worker.keeper.beat()

    @property
    def now(self) -> Job:
        return self.store.jobs.get(self.job.id)

    @property
    def ended(self) -> bool:
        return self.now.status.ended

    def end(self) -> Job:
        """Have the second worker draw the job to its end."""
        self.engine.finishes = True
        for _ in range(5):
            for thread in self.two.threads:
                over(thread)
            if self.ended:
                break
            self.later(65, self.two)
            self.two.imagine(self.job)
        return self.now


def over(thread: threading.Thread) -> None:
    thread.join(20)
    assert not thread.is_alive()
