"""The engine contract over the drawing process; ``engines.diffusers.build`` makes one.

Drawings take turns: a GPU that draws two at once draws both more slowly. The process's messages become
events; while it loads weights or takes a long step, this module reports that it is alive.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from engines.diffusers.config import PipelineConfig
from engines.diffusers.mapping import PipelineOrder, capabilities, order_of
from engines.diffusers.model import Models
from engines.diffusers.process import Message, PainterProcess, ProcessDied, Turns
from engines.remote.levels import notes
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
    EngineStuck,
    OutOfMemory,
    Refused,
    Rejected,
)
from limner.plural import counted

#: how often a waiting drawing checks ``stop``
LOOK_S = 0.1
#: how often a drawing without news reports that it is not stuck
ALIVE_S = 5.0


class Diffusers:
    """Draws with a diffusers pipeline, in a process of its own."""

    def __init__(self, name: str, config: PipelineConfig) -> None:
        self._name = name
        self._config = config
        self._models = Models(config.models, offline=config.offline)
        self._turns = Turns()
        self._lock = threading.Lock()
        self._process: PainterProcess | None = None
        self._closed = False
        self._cancelled: dict[str, threading.Event] = {}

    def capabilities(self) -> Capabilities:
        """Return what the pipeline can do, by its kind."""
        return capabilities(self._config, self._models.family(self._config.model))

    def health(self) -> Health:
        """Return whether the pipelines are on this machine."""
        why = self._models.trouble()
        return Health("down", f"setup: {why}") if why else Health("ok")

    def submit(self, brief: Brief) -> Handle:
        """Name the drawing; ``watch`` does the work, in whichever process calls it.

        Raises:
            Refused: a pipeline is not on this machine.
        """
        if why := self._models.trouble():
            raise Refused("setup", why)
        return {"engine": self._name, "drawing": f"{brief.job_id}/{brief.attempt}"}

    def cancel(self, handle: Handle) -> None:
        """Stop the drawing if this process watches it."""
        if cancelled := self._cancelled.get(str(handle.get("drawing"))):
            cancelled.set()

    def close(self) -> None:
        """End the drawing process."""
        with self._lock:
            self._closed = True
            if self._process:
                self._process.kill()

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Draw when it is this drawing's turn; the same brief gives the same pictures."""
        drawing = str(handle.get("drawing"))
        cancelled = self._cancelled.setdefault(drawing, threading.Event())

        def ends() -> bool:
            return stop.is_set() or cancelled.is_set()

        ticket = self._turns.join()
        try:
            position = 0
            while ahead := self._turns.ahead(ticket, LOOK_S):
                if ends():
                    return
                if ahead != position:
                    position = ahead
                    yield Queued(position)
            if ends():
                return
            model = self._config.model_for(niji=brief.niji)
            yield from self._draw(
                order_of(self._config, self._models.family(model), brief), ends, brief
            )
        finally:
            self._turns.leave(ticket)
            self._cancelled.pop(drawing, None)

    # -- one drawing at a time from here on ----------------------------------------------------

    def _draw(
        self, order: PipelineOrder, ends: Callable[[], bool], brief: Brief
    ) -> Iterator[Event]:
        """Draw in the existing process, or in a new one if that has just exited for lack of work."""
        taken = False

        def taking(events: Iterator[Event]) -> Iterator[Event]:
            nonlocal taken
            for event in events:
                taken = True
                yield event

        try:
            yield from taking(self._drawn(order, ends, brief))
        except ProcessDied:
            if taken or ends():
                raise EngineDown("The drawing process died.") from None
        else:
            return
        try:
            yield from self._drawn(order, ends, brief)
        except ProcessDied:
            raise EngineDown("The drawing process died twice.") from None

    def _drawn(
        self, order: PipelineOrder, ends: Callable[[], bool], brief: Brief
    ) -> Iterator[Event]:
        process = self._living()
        number = process.draw(order.to_json())
        over = False
        done = 0.0
        try:
            for message in self._news(process, number, ends):
                event = message.header["event"] if message else "alive"
                over = event in ("finished", "failed")
                if message is None or event in ("taken", "begun"):
                    yield Progress(done)
                elif event == "failed":
                    raise failure_of(message)
                elif event == "finished":
                    yield self._finished(message, brief)
                    return
                else:
                    # A batch that did not fit into memory starts again from its first cell.
                    done = max(done, float(message.header["done"]))
                    yield Progress(done)
                    for picture in message.parts:
                        yield Preview(message.header["cell"], picture)
        finally:
            if not over:
                process.stop(number)

    def _living(self) -> PainterProcess:
        with self._lock:
            if self._closed:
                raise EngineDown("The engine is closed.")
            if self._process is None or not self._process.alive:
                if self._process:
                    self._process.kill()
                self._process = PainterProcess(self._config)
            return self._process

    def _news(
        self, process: PainterProcess, number: int, ends: Callable[[], bool]
    ) -> Iterator[Message | None]:
        """Yield the process's messages about an order, and None now and then while there are none."""
        limit_s = self._config.load_s
        heard_s = said_s = time.monotonic()
        while not ends():
            message = process.hear(number, LOOK_S)
            now = time.monotonic()
            if message:
                heard_s = said_s = now
                if message.header["event"] != "taken":
                    limit_s = self._config.silent_s
                yield message
            elif now - heard_s > limit_s:
                process.kill()
                raise EngineStuck("The drawing process hangs.")
            elif now - said_s > ALIVE_S:
                said_s = now
                yield None

    def _finished(self, message: Message, brief: Brief) -> Finished:
        if len(message.parts) != 4:
            raise BadResult(
                f"The engine gave {counted(len(message.parts), 'picture')} instead of four."
            )
        first, second, third, fourth = message.parts
        model = self._config.model_for(niji=brief.niji)
        can = capabilities(self._config, self._models.family(model))
        return Finished((first, second, third, fourth), brief.seeds, notes(brief, can))


def failure_of(message: Message) -> EngineError:
    """Return what a failure in the drawing process means for the job."""
    kind, why = message.header["kind"], str(message.header["why"])
    match kind:
        case "setup":
            return Refused("setup", why)
        case "memory":
            return OutOfMemory(f"The engine ran out of memory: {why}.")
        case "reference":
            return Rejected("reference", "A reference picture cannot be read.")
        case "start":
            return Rejected("reference", "This engine's model does not start from pictures.")
        case "moderated":
            return Rejected("moderated", "The model's safety checker refuses the picture.")
    return EngineError(f"The drawing failed: {why}.")
