"""Every drawing of this process on one server, and the one thread that polls for all of them.

Polling decides; the socket only hints where to look first. Each round asks ``/queue`` once for all, and
``/history/{id}`` only for those that left the queue. A drawing that is in neither twice,
``LOST_AFTER_S`` apart, is lost: the server was restarted, or somebody deleted it. (Right after its end
a drawing may be in neither for up to 0.7 s.)
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator

from engines.comfyui.drawing import Flight
from engines.comfyui.frames import Heard
from engines.comfyui.server import ComfyServer, Queue
from limner.errors import EngineDown, EngineError, JobLost, Refused
from limner.log import event

log = logging.getLogger(__name__)

LOST_AFTER_S = 2.0
#: a submitted drawing that nobody watches is forgotten after this time
EXPECTED_S = 120.0
#: hints are delayed a little, so that the history is written and several are looked up together
HINT_S = 0.02
#: the largest share of one core that polling takes, however long the queue
BUSY_SHARE = 0.1


class Flights:
    """The registry of drawings and its poller, whose thread lives while there is something to poll."""

    def __init__(
        self,
        server: ComfyServer,
        poll_s: float,
        patience_s: float,
        listening: Callable[[Flight], bool] = lambda _drawing: False,
    ) -> None:
        self._server, self._poll_s, self._patience_s = server, poll_s, patience_s
        self._listening = listening
        self._lock = threading.Condition()
        self._watched: dict[str, tuple[Flight, int]] = {}
        self._expected: dict[str, tuple[Flight, float]] = {}
        self._hinted: set[str] = set()
        #: whether drawings are watched that the last round did not look for, and that nothing was heard of
        self._attached = False
        self._missing_since: dict[str, float] = {}
        self._down_since: float | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def expect(self, drawing: Flight) -> None:
        """Register a drawing about to be submitted, so that no early news of it is lost."""
        now_s = time.monotonic()
        with self._lock:
            for prompt_id, (_, until_s) in list(self._expected.items()):
                if until_s < now_s:
                    del self._expected[prompt_id]
            self._expected[drawing.prompt_id] = (drawing, now_s + EXPECTED_S)

    @contextlib.contextmanager
    def watching(self, drawing: Flight) -> Iterator[Flight]:
        """Poll for a drawing while the block runs; yields the one already registered under its id, if any."""
        prompt_id = drawing.prompt_id
        with self._lock:
            expected = self._expected.pop(prompt_id, None)
            known, watchers = self._watched.get(prompt_id, (None, 0))
            drawing = known or (expected[0] if expected else drawing)
            self._watched[prompt_id] = (drawing, watchers + 1)
            # It may have ended already: then it is in no queue, and the first round finds it.
            self._attached |= known is None and expected is None
            self._wake()
            closed = self._closed
        if closed:
            drawing.fail(EngineDown("this worker closed the engine"))
        try:
            yield drawing
        finally:
            with self._lock:
                drawing, watchers = self._watched[prompt_id]
                if watchers > 1:
                    self._watched[prompt_id] = (drawing, watchers - 1)
                else:
                    del self._watched[prompt_id]
                    self._missing_since.pop(prompt_id, None)

    def hear(self, heard: Heard) -> None:
        """Pass on news from the socket, if it is about a drawing of ours."""
        with self._lock:
            known = self._watched.get(heard.prompt_id) or self._expected.get(heard.prompt_id)
            if known and heard.what == "over" and heard.prompt_id in self._watched:
                self._hinted.add(heard.prompt_id)
                self._lock.notify_all()
        if known:
            known[0].hear(heard)

    def running(self) -> list[Flight]:
        """Return the watched drawings that were running when the queue was last read."""
        with self._lock:
            return [drawing for drawing, _ in self._watched.values() if drawing.running]

    def close(self) -> None:
        """Stop the poller; to anyone still watching, the engine is down."""
        with self._lock:
            self._closed = True
            watched = [drawing for drawing, _ in self._watched.values()]
            thread = self._thread
            self._lock.notify_all()
        for drawing in watched:
            drawing.fail(EngineDown("this worker closed the engine"))
        if thread:
            thread.join(5)

    def _wake(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="comfyui-poll", daemon=True)
            self._thread.start()
        self._lock.notify_all()

    def _run(self) -> None:
        #: when the next round is due, and how early it may be for drawings that were attached to
        due_s = rested_s = 0.0
        while True:
            with self._lock:
                if not self._watched or self._closed:
                    self._thread = None
                    return
                if not self._hinted:
                    until_s = rested_s if self._attached else due_s
                    self._lock.wait(max(0.0, until_s - time.monotonic()))
                hinted, self._hinted = self._hinted, set()
                # Listed before /queue is read: a drawing that is added later may be missing from it.
                watched = {i: drawing for i, (drawing, _) in self._watched.items()}
                began_s = time.monotonic()
                is_due = began_s >= (rested_s if self._attached else due_s)
                if is_due:
                    self._attached = False
            if is_due:
                due_s = rested_s = began_s + self._poll_s
            try:
                if hinted:
                    time.sleep(HINT_S)
                    self._look_up({i: watched[i] for i in hinted if i in watched})
                if is_due:
                    self._round(watched)
                    rested_s = began_s + (time.monotonic() - began_s) / BUSY_SHARE
                    due_s = max(due_s, rested_s)
                self._down_since = None
            except Refused as error:
                self._fail_all(error, watched)
            except EngineError as error:
                self._bear(error, watched)
            # A bug here must not leave hundreds of watchers waiting for a dead thread.
            except Exception:  # noqa: BLE001
                event(log, "comfyui.poll_crashed", level=logging.ERROR, error=True)
                self._fail_all(EngineError(), watched)

    def _round(self, watched: dict[str, Flight]) -> None:
        queue = self._server.queue()
        left = self._sort(queue, watched)
        unfinished = self._look_up(left)
        now_s = time.monotonic()
        for prompt_id in watched.keys() - unfinished.keys():
            self._missing_since.pop(prompt_id, None)
        for prompt_id, drawing in unfinished.items():
            since_s = self._missing_since.setdefault(prompt_id, now_s)
            if now_s - since_s >= LOST_AFTER_S:
                drawing.fail(JobLost())

    def _sort(self, queue: Queue, watched: dict[str, Flight]) -> dict[str, Flight]:
        """Report the positions of those in the queue; return the others."""
        left = dict(watched)
        for prompt_id in queue.running:
            if drawing := left.pop(prompt_id, None):
                drawing.seen(None, listening=self._listening(drawing))
        for position, prompt_id in enumerate(queue.pending, start=1):
            if drawing := left.pop(prompt_id, None):
                drawing.seen(position, listening=self._listening(drawing))
        return left

    def _look_up(self, drawings: dict[str, Flight]) -> dict[str, Flight]:
        """Finish those that are in the history; return the others."""
        unfinished = {}
        for prompt_id, drawing in drawings.items():
            entry = self._server.history(prompt_id)
            if entry is None:
                unfinished[prompt_id] = drawing
            else:
                drawing.finish(entry)
        return unfinished

    def _bear(self, error: EngineError, watched: dict[str, Flight]) -> None:
        """Tolerate a server that is unreachable or answers nonsense for a while; then give every drawing back."""
        now_s = time.monotonic()
        self._down_since = self._down_since or now_s
        if now_s - self._down_since >= self._patience_s:
            # EngineDown, whatever the error: only then does a drawing keep its handle.
            down = error if isinstance(error, EngineDown) else EngineDown(error.message)
            self._fail_all(down, watched)
            self._down_since = None

    def _fail_all(self, error: EngineError, watched: dict[str, Flight]) -> None:
        for drawing in watched.values():
            drawing.fail(error)
