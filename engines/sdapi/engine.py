"""The sdapi engine: one blocking request draws, while other requests poll its progress.

The pictures exist only in that request's response. So ``submit`` merely names the task, ``watch`` posts
in a thread of its own, stopping means hanging up, and a drawing whose worker died is drawn again. The
response may take as long as the server's queue: there is no time limit for it; the wait ends when the
server no longer responds to other requests.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import replace

from engines.remote.cells import cell, looks_whole
from engines.remote.levels import notes
from engines.remote.session import DRAWING_MAX_BYTES, Answer, Answered, NoAnswer, Remote
from engines.sdapi.answer import pictures, refused_path
from engines.sdapi.live import DrawingLook, SdapiServer
from engines.sdapi.wanted import CFG_LEAST_TO_VARY, SdapiManner, SdapiRequest, wanted
from limner.engine import (
    Brief,
    Capabilities,
    Event,
    Finished,
    Handle,
    Health,
    Level,
    Preview,
    Progress,
    Queued,
    Stop,
)
from limner.errors import (
    BadResult,
    EngineDown,
    EngineError,
    JobLost,
    OutOfMemory,
    Refused,
)
from net.cut import Cut

#: the progress reached when a drawing's last picture arrives
DRAWN = 0.97
HANG_UP_S = 0.5
HEALTH_SPARE_S = 0.4
#: how often an unchanged state is reported again
ALIVE_S = 5.0


class Sdapi:
    """One server that speaks ``/sdapi/v1``."""

    def __init__(
        self,
        name: str,
        server: SdapiServer,
        manner: SdapiManner,
        *,
        tiling: str,
        poll_s: float,
        silent_s: float,
    ) -> None:
        self._name = name
        self._server = server
        self._manner = manner
        self._tiling = tiling
        self._poll_s = poll_s
        self._silent_s = silent_s

    def capabilities(self) -> Capabilities:
        """Return what the server can do; while it cannot be asked, the minimum."""
        try:
            kind, tells = self._server.kind(), self._server.tells()
        except EngineError:
            kind, tells = "blind", False
        tile: Level = "exact" if self._tiles(kind) else "none"
        return Capabilities(
            chaos="near" if kind == "task" else "none",
            stylize="near" if self._manner.cfg >= CFG_LEAST_TO_VARY else "none",
            style="near",
            niji="exact" if self._manner_for(kind).niji_checkpoint else "near",
            tile=tile,
            references="near",
            cancel=tells,
            previews=tells,
        )

    def health(self) -> Health:
        """Check that the server is alive and has the checkpoints."""
        began_s = time.monotonic()
        try:
            self._server.ask()
            # A slow answer leaves no time for a second question.
            in_time = time.monotonic() - began_s < HEALTH_SPARE_S
            missing = self._missing_checkpoint() if in_time else None
        except Refused as error:
            return Health("down", f"{error.kind}: {error.message}")
        except EngineError as error:
            self._server.forget()
            return Health("down", error.message)
        if missing:
            return Health("down", f"setup: the server has no checkpoint {missing!r}")
        return Health("ok")

    def submit(self, brief: Brief) -> Handle:
        """Name the task; only check that the server is there."""
        self._server.ask()
        return {"engine": self._name, "task": f"limner-{brief.job_id}-{brief.attempt}"}

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Draw, in one request or four; a batch that does not fit into memory is drawn one by one."""
        # The second attempt must not report less progress than the first did.
        reached = 0.0
        for step in self._try(handle, brief, stop):
            if isinstance(step, Progress):
                reached = max(reached, step.fraction)
                step = Progress(reached)
            yield step

    def _try(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        try:
            yield from self._draw(handle, brief, stop, batch=self._manner.batch)
        except OutOfMemory:
            if not self._manner.batch:
                raise
            yield from self._draw(handle, brief, stop, batch=False)

    def cancel(self, handle: Handle) -> None:
        """Interrupt the server if it is drawing this one now; otherwise only hanging up ends it."""
        for task in (str(handle["task"]), *(f"{handle['task']}-{n}" for n in range(4))):
            if self._server.interrupt(task):
                return

    def close(self) -> None:
        """Close the connections."""
        self._server.remote.close()

    def _missing_checkpoint(self) -> str | None:
        wanted = {self._manner.checkpoint, self._manner.niji_checkpoint} - {None}
        # sd-server has one model, and cannot load another.
        if not wanted or self._server.kind() == "blind":
            return None
        return self._server.missing(name for name in wanted if name)

    def _tiles(self, kind: str) -> bool:
        return self._tiling == "yes" or (self._tiling == "auto" and kind != "blind")

    def _manner_for(self, kind: str) -> SdapiManner:
        """Return the options that the server supports: sd-server has one model, and keeps it."""
        if kind != "blind":
            return self._manner
        return replace(self._manner, checkpoint=None, niji_checkpoint=None)

    def _draw(self, handle: Handle, brief: Brief, stop: Stop, *, batch: bool) -> Iterator[Event]:
        kind = self._server.kind()
        # SD.Next accepts a variation's strength, and gives all pictures one seed; but not all of its
        # pipelines vary it then, and the four would be the same.
        tiling, subseeds = self._tiles(kind), kind == "task"
        manner = self._manner_for(kind)
        parts = wanted(brief, manner, batch=batch, tiling=tiling, subseeds=subseeds)
        cells: list[bytes] = []
        seeds: list[int] = []
        for place, part in enumerate(parts):
            task = str(handle["task"]) if batch else f"{handle['task']}-{place}"
            drawn = yield from self._draw_part(part, task, place / len(parts), len(parts), stop)
            if drawn is None:
                return
            images, told = pictures(drawn, len(part.cells))
            cells += [cell(image, brief.width, brief.height) for image in images]
            # With chaos all pictures have one seed, and differ by the variation's seed.
            varied = brief.chaos is not None and subseeds
            seeds += part.seeds if varied else told or part.seeds
        first, second, third, fourth = cells
        s1, s2, s3, s4 = seeds
        yield Finished(
            (first, second, third, fourth),
            (s1, s2, s3, s4),
            notes(brief, self.capabilities(), **({} if batch else {"requests": len(parts)})),
        )

    def _draw_part(
        self, part: SdapiRequest, task: str, done: float, parts: int, stop: Stop
    ) -> Generator[Event, None, Answer | None]:
        """Post one request and report its progress; return its response, or None if told to stop."""
        if stop.is_set():
            return None
        body = dict(part.body)
        if self._server.takes_task_ids():
            body["force_task_id"] = task
        shown_as = part.cells[0] if parts > 1 else None
        post = _Post(self._server.remote, part.path, body)
        try:
            yield from self._wait_for(post, task, done, DRAWN / parts, shown_as, stop)
        finally:
            post.hang_up()
        if stop.is_set():
            # An interrupted server also returns 200: our own flag reveals half-made pictures.
            return None
        answer = self._result(post)
        if self._server.was_interrupted():
            raise BadResult("Somebody interrupted the engine.")
        return answer

    def _wait_for(
        self,
        post: _Post,
        task: str,
        done: float,
        share: float,
        preview_cell: int | None,
        stop: Stop,
    ) -> Iterator[Event]:
        look = DrawingLook()
        heard_s = time.monotonic()
        fraction, told, told_s = 0.0, None, 0.0
        while not stop.is_set() and not post.over.wait(self._poll_s):
            try:
                look = self._server.look(task, look.preview_id)
                heard_s = time.monotonic()
            except EngineError as error:
                if time.monotonic() - heard_s > self._silent_s:
                    raise EngineDown(f"silent for {self._silent_s:g} s: {error.message}") from None
                continue
            fraction = max(fraction, look.fraction)
            news: Event = Progress(done * DRAWN + fraction * share)
            if look.state == "queued":
                news = Queued(look.position)
            # If a drawing visibly makes no progress, the worker decides that it is stuck. If it
            # waits, or cannot be observed, it lives as long as its server does.
            again = look.state != "drawing" and time.monotonic() - told_s > ALIVE_S
            if news != told or again:
                told, told_s = news, time.monotonic()
                yield news
            # The stop may have come while the worker processed the news.
            if look.preview and looks_whole(look.preview) and not stop.is_set():
                yield Preview(preview_cell, look.preview)

    def _result(self, post: _Post) -> Answer:
        if post.answer is not None:
            return post.answer
        error = post.error or JobLost("The engine's answer was lost.")
        if isinstance(error, Answered):
            raise refused_path(error)
        if isinstance(error, NoAnswer):
            # Is the server gone, or just this response?
            self._server.forget()
            self._server.ask()
            raise JobLost("The engine's answer was lost.") from None
        raise error


class _Post:
    """A request that takes as long as a drawing, in a thread of its own."""

    def __init__(self, remote: Remote, path: str, body: dict[str, object]) -> None:
        self._remote, self._path, self._body = remote, path, body
        self._cut = Cut()
        self.answer: Answer | None = None
        self.error: Exception | None = None
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sdapi", daemon=True)
        self._thread.start()

    def hang_up(self) -> None:
        """Close the connection if it is still open, and wait for the thread to notice."""
        if not self.over.is_set():
            self._cut()
            self._thread.join(HANG_UP_S)

    def _run(self) -> None:
        try:
            self.answer = self._remote.request(
                "POST",
                self._path,
                json=self._body,
                read_s=math.inf,
                cut=self._cut,
                most_bytes=DRAWING_MAX_BYTES,
            )
        # Whatever it is, the thread that waits raises it.
        except Exception as error:  # noqa: BLE001
            self.error = error
        finally:
            self.over.set()
