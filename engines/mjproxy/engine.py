"""The mjproxy engine: submits to a midjourney-proxy, and follows the task wherever it goes.

Every parameter is sent as a flag in the final prompt, so what Midjourney has a flag for is exact by
construction; what only some of its models have is near. Four cells are always drawn, of one seed. What was submitted
is paid for: failed polls never give a drawing up, a late picture is accepted after the server's own
timeout, and what the server has forgotten is ``JobLost(charged=True)``. Pictures are copied at once,
because their URLs expire.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from engines.mjproxy.poller import Follower, Poller
from engines.mjproxy.task import Task, failure
from engines.mjproxy.upstream import Upstream
from engines.remote.cells import cell, looks_whole, quarters
from engines.remote.health import health_of
from engines.remote.levels import notes
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
from limner.errors import BadResult, EngineDown, EngineError, JobLost

#: how soon a stop is noticed
LOOK_S = 0.5
#: how often an unchanged task is reported again: its server has a timeout of its own
ALIVE_S = 20.0
#: how many polls in a row must miss a task before it counts as forgotten
MISSING_MAX = 3
#: for how many polls pictures that cannot be fetched, or have no URL yet, are waited for
FETCHES_MAX = 3


@dataclass(frozen=True, slots=True)
class MjProxyManner:
    """The operator's options for this server."""

    poll_s: float
    #: how long a task that the server calls timed out may still get its picture
    late_s: float
    #: without a response for this long, the engine is down
    silent_s: float
    previews: bool
    #: whether the server can cancel a task
    cancel: bool
    #: whether its tasks have Midjourney's buttons
    buttons: bool = False


class MjProxy:
    """One midjourney-proxy."""

    def __init__(self, name: str, upstream: Upstream, manner: MjProxyManner) -> None:
        self._name = name
        self._upstream = upstream
        self._manner = manner
        self._poller = Poller(upstream.look, manner.poll_s)

    def capabilities(self) -> Capabilities:
        """Return what Midjourney has flags and buttons for."""
        pressed: Level = "near" if self._manner.buttons else "none"
        return Capabilities(
            # One seed for all four cells.
            seed="near",
            size="near",
            count="near",
            quality="near",
            weird="near",
            draft="near",
            # By their URLs only.
            style_references="near",
            object_references="near",
            vary="near",
            upscale_subtle=pressed,
            upscale_creative=pressed,
            edit=pressed,
            blend="near",
            describe="exact",
            cancel=self._manner.cancel,
            attach=True,
            previews=self._manner.previews,
            charged=True,
        )

    def health(self) -> Health:
        """Ask about a task that does not exist."""
        return health_of(self._upstream.ask)

    def submit(self, brief: Brief) -> Handle:
        """Submit; for a follow-up of this server's drawing, press its button there."""
        parent = brief.parent
        ours = parent.handle if parent and parent.engine == self._name else None
        return {"engine": self._name, **self._upstream.submit(brief, ours)}

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Report the task's record until it has its pictures."""
        with self._poller.following(str(handle["task"])) as follower:
            watching = _Watching(self._upstream, handle, brief, previews=self._manner.previews)
            for task in self._tasks(follower, str(handle["task"]), stop):
                finished = self._finished(task, watching, brief) if task.state == "done" else None
                if finished:
                    yield finished
                    return
                if task.state in ("failed", "cancelled", "asks"):
                    self._judge(task, watching)
                yield from watching.steps_of(task)

    def cancel(self, handle: Handle) -> None:
        """Cancel the task, if the operator says that this server can."""
        if self._manner.cancel:
            self._upstream.cancel(str(handle["task"]))

    def close(self) -> None:
        """Stop polling and close the connections."""
        self._poller.close()
        self._upstream.close()

    def _finished(self, task: Task, watching: _Watching, brief: Brief) -> Finished | None:
        """Return what a finished task ends in; None if its pictures cannot be fetched yet."""
        mode = {"mode": task.mode} if task.mode else {}
        if brief.operation == "describe":
            if not task.prompts:
                raise BadResult("The engine gave no prompts.")
            return Finished((), notes=mode, prompts=task.prompts)
        cells = watching.pictures_of(task)
        if not cells:
            return None
        seed = self._upstream.seed_of(brief) if task.seed is None else task.seed
        return Finished(
            cells,
            () if seed is None else (seed,) * len(cells),
            notes(brief, self.capabilities(), **mode),
            _applied(brief),
        )

    def _tasks(self, follower: Follower, name: str, stop: Stop) -> Iterator[Task]:
        """Yield each poll of the task until told to stop."""
        missing = 0
        while not stop.is_set():
            look = follower.next_look(LOOK_S)
            if look is None:
                self._check_silence(follower)
                continue
            task = look.task
            missing = 0 if task else missing + 1
            if missing >= MISSING_MAX:
                # Also asked for by itself: a list may omit a task that the server still knows.
                task = self._upstream.look_at(name)
                if task is None:
                    raise JobLost("The engine has forgotten this drawing.", charged=True)
                missing = 0
            if task and not stop.is_set():
                yield task

    def _check_silence(self, follower: Follower) -> None:
        # Whatever the polls' error is, the drawing may well go on: only EngineDown keeps its handle, so
        # that another watch finds it.
        if time.monotonic() - follower.heard_s > self._manner.silent_s:
            why = follower.error.message if follower.error else "no answer"
            raise EngineDown(f"silent for {self._manner.silent_s:g} s: {why}")

    def _judge(self, task: Task, watching: _Watching) -> None:
        """Raise what a failed task means, unless its picture may still come."""
        if not task.timed_out:
            raise failure(task)
        if watching.late_for_s() > self._manner.late_s:
            raise JobLost("The engine's own time was over.", charged=True)


class _Watching:
    """What one watch has reported so far."""

    def __init__(self, upstream: Upstream, handle: Handle, brief: Brief, *, previews: bool) -> None:
        self._upstream = upstream
        self._ahead = int(handle.get("ahead", 0))
        self._width, self._height = brief.width, brief.height
        #: an upscaled picture is no grid
        self._single = brief.operation == "upscale"
        self._previews = previews
        self._fraction = 0.0
        self._shown = ""
        self._told: Task | None = None
        self._told_s = 0.0
        self._late_since_s: float | None = None
        self._fetches = 0

    def steps_of(self, task: Task) -> Iterator[Event]:
        """Yield what is new about a task, and now and then that it is still there."""
        now = time.monotonic()
        if task == self._told and now - self._told_s < ALIVE_S:
            return
        self._told, self._told_s = task, now
        if task.state == "waiting":
            yield Queued(self._ahead + 1)
            return
        # Free text, or less than before, is no news.
        self._fraction = max(self._fraction, task.fraction or 0.0)
        yield Progress(self._fraction)
        preview = self._preview(task)
        if preview:
            yield Preview(None, preview)

    def late_for_s(self) -> float:
        """Return for how long the server has called this task timed out."""
        if self._late_since_s is None:
            self._late_since_s = time.monotonic()
        return time.monotonic() - self._late_since_s

    def pictures_of(self, task: Task) -> tuple[bytes, ...] | None:
        """Return the cells of a finished task; None if they cannot be fetched yet.

        Raises:
            JobLost: they could not be fetched several times.
            EngineDown: the pictures' host cannot be reached; another watch may find them.
        """
        try:
            return self._cells(task)
        except BadResult:
            # URLs expire: the next poll may return a fresh one.
            self._fetches += 1
            if self._fetches >= FETCHES_MAX:
                raise JobLost("The engine's pictures are gone.", charged=True) from None
            return None

    def _cells(self, task: Task) -> tuple[bytes, ...]:
        if task.cells and not self._single:
            try:
                return tuple(self._cell(url) for url in task.cells)
            except EngineError:
                if not task.picture:
                    raise
        if not task.picture:
            raise BadResult("The engine's task has no picture.")
        if self._single:
            return (self._cell(task.picture),)
        return quarters(self._upstream.picture(task.picture), self._width, self._height)

    def _cell(self, url: str) -> bytes:
        return cell(self._upstream.picture(url), self._width, self._height)

    def _preview(self, task: Task) -> bytes | None:
        if not self._previews or task.state != "drawing" or task.picture in ("", self._shown):
            return None
        self._shown = task.picture
        try:
            image = self._upstream.picture(task.picture, preview=True)
        except EngineError:
            # A preview must not fail a drawing.
            return None
        return image if looks_whole(image) else None


def _applied(brief: Brief) -> dict[str, Level]:
    """Return the levels of pictures that were not sent: only those with a URL are, in the prompt."""
    given = {
        "style_references": (brief.style_references, "--sref"),
        "object_references": (brief.object_references, "--oref"),
    }
    return {
        name: "none"
        for name, (pictures, flag) in given.items()
        if pictures and flag not in brief.final_prompt
    }
