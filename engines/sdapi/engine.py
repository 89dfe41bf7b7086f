"""The sdapi engine: one blocking request draws, while other requests poll its progress.

The pictures exist only in that request's response. So ``submit`` merely names the task, ``watch`` posts
in a thread of its own, stopping means hanging up, and a drawing whose worker died is drawn again. The
response may take as long as the server's queue: there is no time limit for it; the wait ends when the
server no longer responds to other requests.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

from engines.remote.cells import cell, looks_whole
from engines.remote.levels import notes
from engines.remote.post import Post
from engines.remote.session import DRAWING_MAX_BYTES, Answer, Answered, NoAnswer
from engines.sdapi import offers
from engines.sdapi.abilities import capabilities
from engines.sdapi.answer import pictures, refused_path
from engines.sdapi.live import DrawingLook, SdapiServer
from engines.sdapi.offers import Offers
from engines.sdapi.queued import ALIVE_S, DRAWN, QueuedDrawings
from engines.sdapi.result import finished
from engines.sdapi.wanted import IMG2IMG, TXT2IMG, SdapiManner, SdapiRequest, varies, wanted
from limner.engine import (
    Brief,
    Capabilities,
    Event,
    Finished,
    Handle,
    Health,
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

HEALTH_SPARE_S = 0.4


class Sdapi:
    """One server that speaks ``/sdapi/v1``."""

    def __init__(
        self,
        name: str,
        server: SdapiServer,
        manner: SdapiManner,
        *,
        poll_s: float,
        silent_s: float,
        queued: QueuedDrawings | None = None,
    ) -> None:
        self._name = name
        self._server = server
        self._manner = manner
        self._poll_s = poll_s
        self._silent_s = silent_s
        self._checkpoints = (manner.checkpoint, manner.niji_checkpoint, *manner.versions)
        self._offers = Offers(server.remote)
        #: the server's own queue, if it may be used
        self._queued = queued

    def capabilities(self) -> Capabilities:
        """Return what the server can do; while it cannot be asked, the minimum."""
        try:
            kind, tells = self._server.kind(), self._server.tells()
            enlarges = self._offers.has_upscaler(self._manner.upscaler)
            describes = bool(self._offers.captioners())
            queue = self._queue()
        except EngineError:
            kind, tells, enlarges, describes, queue = "blind", False, False, False, None
        can = capabilities(
            self._manner_for(kind),
            kind,
            tiles=self._tiles(kind),
            tells=tells,
            enlarges=enlarges,
            describes=describes,
        )
        return replace(can, attach=True, cancel=queue.ends_drawings()) if queue else can

    def health(self) -> Health:
        """Check that the server is alive and has the checkpoints."""
        began_s = time.monotonic()
        try:
            self._server.ask()
            # A slow answer leaves no time for a second question.
            in_time = time.monotonic() - began_s < HEALTH_SPARE_S
            missing = self._missing_checkpoint(*self._checkpoints) if in_time else None
        except Refused as error:
            return Health("down", f"{error.kind}: {error.message}")
        except EngineError as error:
            self._forget()
            return Health("down", error.message)
        if missing:
            return Health("down", f"setup: the server has no checkpoint {missing!r}")
        return Health("ok")

    def submit(self, brief: Brief) -> Handle:
        """Queue the drawing on a server with its own queue; else only name the task.

        A server draws with another checkpoint if it does not have the version's: that is looked for.
        """
        self._server.ask()
        if missing := self._missing_checkpoint(brief.model):
            raise Refused("setup", f"the server has no checkpoint {missing!r}")
        handle = {"engine": self._name, "task": f"limner-{brief.job_id}-{brief.attempt}"}
        queue = self._queue() if brief.operation != "describe" else None
        return handle | {"jobs": queue.begin(self._parts(brief))} if queue else handle

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
        if self._queued and "jobs" in handle:
            yield from self._draw_queued(self._queued, handle["jobs"], brief, stop)
            return
        if brief.operation == "describe":
            yield from self._describe(handle, brief, stop)
            return
        upscaler = self._manner.upscaler
        if brief.upscale == "subtle" and upscaler and self._offers.has_upscaler(upscaler):
            yield from self._enlarge(handle, brief, stop, upscaler)
            return
        try:
            yield from self._draw(handle, brief, stop, batch=self._manner.batch)
        except OutOfMemory:
            if not self._manner.batch or len(brief.seeds) == 1:
                raise
            yield from self._draw(handle, brief, stop, batch=False)

    def cancel(self, handle: Handle) -> None:
        """Interrupt the server if it is drawing this one now; otherwise only hanging up ends it.

        What waits in the server's own queue is taken out of it.
        """
        if self._queued and "jobs" in handle:
            self._queued.cancel(handle["jobs"])
            return
        for task in (str(handle["task"]), *(f"{handle['task']}-{n}" for n in range(4))):
            if self._server.interrupt(task):
                return

    def close(self) -> None:
        """Close the connections."""
        self._server.remote.close()

    def _missing_checkpoint(self, *named: str | None) -> str | None:
        wanted = {name for name in named if name}
        # sd-server has one model, and cannot load another.
        if not wanted or self._server.kind() == "blind":
            return None
        return self._server.missing(wanted)

    def _forget(self) -> None:
        self._server.forget()
        self._offers.forget()
        if self._queued:
            self._queued.forget()

    def _queue(self) -> QueuedDrawings | None:
        """Return the server's own queue; None if it has none, or reports its drawings without it."""
        queue = self._queued if self._server.kind() == "blind" else None
        return queue if queue and queue.is_there() else None

    def _tiles(self, kind: str) -> bool:
        return self._manner.tiling == "yes" or (self._manner.tiling == "auto" and kind != "blind")

    def _manner_for(self, kind: str) -> SdapiManner:
        """Return the options that the server supports: sd-server has one model, and keeps it."""
        if kind != "blind":
            return self._manner
        return replace(self._manner, checkpoint=None, niji_checkpoint=None)

    def _parts(self, brief: Brief, *, batch: bool | None = None) -> list[SdapiRequest]:
        kind = self._server.kind()
        return wanted(
            brief if kind != "blind" else replace(brief, model=None),
            self._manner_for(kind),
            batch=self._manner.batch if batch is None else batch,
            tiling=self._tiles(kind),
            # SD.Next accepts a variation's strength, and gives all pictures one seed; but not all of
            # its pipelines vary it then, and the four would be the same.
            subseeds=kind == "task",
        )

    def _draw(self, handle: Handle, brief: Brief, stop: Stop, *, batch: bool) -> Iterator[Event]:
        parts = self._parts(brief, batch=batch)
        answers = yield from self._answers(handle, parts, stop)
        if answers is None:
            return
        # With chaos all pictures have one seed, and differ by the variation's seed.
        varied = self._server.kind() == "task" and varies(brief)
        drawn: list[bytes] = []
        seeds: list[int] = []
        for part, answer in zip(parts, answers, strict=True):
            images, told = pictures(answer, len(part.cells))
            drawn += images
            seeds += part.seeds if varied else told or part.seeds
        yield self._finished(brief, parts, drawn, seeds)

    def _draw_queued(
        self, queue: QueuedDrawings, jobs: Sequence[str], brief: Brief, stop: Stop
    ) -> Iterator[Event]:
        parts = self._parts(brief)
        drawn = yield from queue.watch(jobs, parts, stop)
        if drawn is not None:
            images = [image for several in drawn for image in several]
            yield self._finished(brief, parts, images, [n for part in parts for n in part.seeds])

    def _finished(
        self,
        brief: Brief,
        parts: Sequence[SdapiRequest],
        drawn: Sequence[bytes],
        seeds: Sequence[int],
    ) -> Finished:
        kind = self._server.kind()
        manner, can = self._manner_for(kind), self.capabilities()
        return finished(brief, manner, kind, can, parts=parts, drawn=drawn, seeds=seeds)

    def _enlarge(self, handle: Handle, brief: Brief, stop: Stop, upscaler: str) -> Iterator[Event]:
        answers = yield from self._answers(handle, offers.upscaling(brief, upscaler), stop)
        if answers is not None:
            images = [offers.upscaled(answer) for answer in answers]
            cells = tuple(cell(image, brief.width, brief.height) for image in images)
            yield Finished(cells, brief.seeds, notes(brief, self.capabilities()))

    def _describe(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        answers: list[Answer | EngineError] = []
        for part in offers.describing(brief, self._offers.captioners()):
            try:
                answer = yield from self._answers(handle, [part], stop)
            except (Answered, BadResult, Refused) as error:
                if isinstance(error, Refused) and error.kind != "setup":
                    raise
                # One model is enough; the other may not be installed.
                answers.append(EngineError(f"The engine cannot describe: {error.message}"))
                continue
            if answer is None:
                return
            answers += answer
        yield Finished((), prompts=offers.described(answers))

    def _answers(
        self, handle: Handle, parts: Sequence[SdapiRequest], stop: Stop
    ) -> Generator[Event, None, list[Answer] | None]:
        """Make the requests and report their progress; return the responses, or None if told to stop."""
        task, count = str(handle["task"]), len(parts)
        answers: list[Answer] = []
        for place, part in enumerate(parts):
            own = task if count == 1 else f"{task}-{place}"
            answer = yield from self._draw_part(part, own, place / count, count, stop)
            if answer is None:
                return None
            answers.append(answer)
        return answers

    def _draw_part(
        self, part: SdapiRequest, task: str, done: float, parts: int, stop: Stop
    ) -> Generator[Event, None, Answer | None]:
        """Post one request and report its progress; return its response, or None if told to stop."""
        if stop.is_set():
            return None
        body = dict(part.body)
        draws = part.path in (TXT2IMG, IMG2IMG)
        if draws and self._server.takes_task_ids():
            body["force_task_id"] = task
        shown_as = part.cells[0] if len(part.cells) == 1 else None
        post = Post(self._server.remote, part.path, body, DRAWING_MAX_BYTES)
        try:
            yield from self._wait_for(post, task, done, DRAWN / parts, shown_as, stop)
        finally:
            post.hang_up()
        if stop.is_set():
            # An interrupted server also returns 200: our own flag reveals half-made pictures.
            return None
        answer = self._result(post)
        if draws and self._server.was_interrupted():
            raise BadResult("Somebody interrupted the engine.")
        return answer

    def _wait_for(
        self,
        post: Post,
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

    def _result(self, post: Post) -> Answer:
        if post.answer is not None:
            return post.answer
        error = post.error or JobLost("The engine's answer was lost.")
        if isinstance(error, Answered):
            raise refused_path(error)
        if isinstance(error, NoAnswer):
            # Is the server gone, or just this response?
            self._forget()
            self._server.ask()
            raise JobLost("The engine's answer was lost.") from None
        raise error
