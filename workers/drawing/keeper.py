"""One heartbeat thread per process, which renews the process's leases and enforces time limits.

The drawing threads register their drawings; the keeper tells a drawing to stop when its lease is lost,
when it shows no progress for too long, or when it takes too long in all.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Self

from limner.engine import Handle
from limner.errors import StoreDown
from limner.log import event
from limner.settings import Settings
from limner.store import Store
from workers.clock import tell_clock
from workers.drawing.lane_worker import LaneWorker

log = logging.getLogger(__name__)

StopReason = Literal["stale", "shutdown", "stuck", "late"]
#: how long a thread that was told to stop keeps its lease if it does not return
UNHEEDED_S = 20.0
#: how often drawings' time limits, and jobs' deadlines, are looked at
LOOK_S = 0.5


class Drawing(threading.Event):
    """One job that this process holds; as an event it is the engine's ``Stop``."""

    def __init__(self, job_id: str, token: str) -> None:
        super().__init__()
        self.job_id = job_id
        self.token = token
        self.stop_reason: StopReason | None = None
        #: whether the store has confirmed that this process holds the job
        self.taken = False
        #: monotonic seconds; None until an engine draws
        self.began_s: float | None = None
        self.moved_s: float | None = None
        self.told_s: float | None = None
        #: the engine's handle, once it has the job
        self.handle: Handle | None = None
        #: whether another worker could attach to it
        self.attach = False
        #: "" or, if it costs money, what to do if it is lost: "retry" or "fail"
        self.paid = ""
        #: parameters that were left out, because what their caller's text links to cannot be had
        self.left_out: set[str] = set()
        #: whether the engine is done with it: it has drawn it, or does not know it
        self.ended = False

    def stop(self, reason: StopReason) -> None:
        """Tell the drawing to end; the first reason counts."""
        if self.stop_reason is None:
            self.stop_reason = reason
            self.told_s = time.monotonic()
        self.set()

    def began(self) -> None:
        """Start the time limits: an engine has this drawing now."""
        self.began_s = self.moved_s = time.monotonic()

    def moved(self) -> None:
        """Note that the engine showed progress."""
        self.moved_s = time.monotonic()

    def over(self) -> None:
        """Stop the time limits: the engine is done, the worker is not."""
        self.began_s = self.moved_s = None
        self.ended = True


@dataclass(frozen=True)
class Times:
    """A keeper's time limits; each is the setting of that name."""

    lease_s: float
    tick_s: float
    progress_limit_s: float
    drawing_limit_s: float

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take them from the settings."""
        return cls(
            settings.lease_s, settings.tick_s, settings.progress_limit_s, settings.drawing_limit_s
        )


class Keeper:
    """The heartbeat of one lane worker process."""

    def __init__(
        self,
        store: Store,
        worker: LaneWorker,
        times: Times,
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        """Make it; ``announce()`` tells the store what it must know of this process besides heartbeats."""
        self._store = store
        self._worker = worker
        self._times = times
        # Four heartbeats per lease: three may fail before anything is lost.
        self._beat_s = times.lease_s / 4
        self._drawings: set[Drawing] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._swept_s = self._beaten_s = 0.0
        self._announce = announce
        self._alive: Callable[[], None] = lambda: None
        self._retired = False
        #: the store's losses after which this process was announced
        self._losses = 0

    def start(self, alive: Callable[[], None] = lambda: None) -> None:
        """Announce this process, send one heartbeat, so that the store knows it, and continue in a thread.

        ``alive()`` is called in each of its rounds, also while the store is away.
        """
        self._alive = alive
        self._announce()
        self.beat()
        # From here on a store that loses the announcement has lost a heartbeat that came after it.
        self._tell_clock()
        self._thread.start()

    def end(self) -> None:
        """Stop the heartbeat; what is still held expires with its lease."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._beat_s + 1)

    def retire(self) -> None:
        """From now on renew what this process has, but have no engine counted for it; return at once."""
        self._retired = True
        # With the next look.
        self._beaten_s = float("-inf")

    @contextmanager
    def keeping(self, drawing: Drawing) -> Iterator[Drawing]:
        """Renew the drawing's hold or lease while the block runs."""
        with self._lock:
            self._drawings.add(drawing)
        try:
            yield drawing
        finally:
            with self._lock:
                self._drawings.discard(drawing)

    def stop_all(self, reason: StopReason) -> None:
        """Tell every drawing of this process to stop."""
        for drawing in self._held():
            drawing.stop(reason)

    def beat(self) -> None:
        """Renew everything once, and stop what is lost."""
        # A process may have a job twice: a thread that lost it, or has not asked for it yet, must not
        # get in the way of the one that owns it.
        held = (d for d in self._held() if d.taken and d.stop_reason != "stale")
        owned = {d.job_id: d for d in held if not self._unheeded(d)}
        tokens = {job_id: drawing.token for job_id, drawing in owned.items()}
        worker = self._worker
        # A job that only this process could draw would be accepted, and wait for nobody.
        engines = () if self._retired else tuple(worker.engines)
        for lane in worker.lanes:
            for job_id in self._store.lanes.renew(worker.name, lane, engines, tokens):
                # A drawing that has just ended has no owner any more; that does not count as lost.
                if owned[job_id] in self._held():
                    event(log, "lease.lost", level=logging.WARNING, job=job_id)
                    owned[job_id].stop("stale")
            tokens = {}

    def _run(self) -> None:
        while not self._ended.wait(min(self._beat_s, LOOK_S)):
            self._alive()
            try:
                self._check_clocks()
                if self._is_time(self._beaten_s, self._beat_s):
                    self._beaten_s = time.monotonic()
                    self.beat()
                    self._tell_clock()
                if self._is_time(self._swept_s, self._times.tick_s):
                    self._swept_s = time.monotonic()
                    self._store.lanes.sweep(self._worker.messages())
                else:
                    self._store.lanes.pass_deadlines()
            except StoreDown as error:
                event(log, "store.missed", level=logging.WARNING, why=error.message)
            # If a bug stopped the heartbeat, this process would lose all of its drawings.
            except Exception:  # noqa: BLE001
                event(log, "keeper.failed", level=logging.ERROR, error=True)

    def _tell_clock(self) -> None:
        """Report the clock, and announce this process again to a store that was rolled back, or knows it no more."""
        tell_clock(self._store)
        losses = self._store.clock.losses
        if losses != self._losses or self._store.engines.has_forgotten(self._worker.engines):
            self._announce()
            self._losses = losses

    def _is_time(self, last_s: float, every_s: float) -> bool:
        """Return whether ``every_s`` have passed since ``last_s``, as nearly as this loop looks."""
        return time.monotonic() - last_s >= every_s - LOOK_S / 2

    def _check_clocks(self) -> None:
        now = time.monotonic()
        for drawing in self._held():
            # Read once: the drawing's own thread may reset these times at any moment.
            began_s, moved_s = drawing.began_s, drawing.moved_s
            if began_s is None or moved_s is None:
                continue
            if now - began_s > self._times.drawing_limit_s:
                drawing.stop("late")
            elif now - moved_s > self._times.progress_limit_s:
                drawing.stop("stuck")

    def _held(self) -> set[Drawing]:
        with self._lock:
            return set(self._drawings)

    def _unheeded(self, drawing: Drawing) -> bool:
        return drawing.told_s is not None and time.monotonic() - drawing.told_s > UNHEEDED_S
