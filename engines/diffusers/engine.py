"""The engine contract over the drawing process; ``engines.diffusers.build`` makes one.

The process's messages become events; while it loads weights or takes a long step, this module reports that
it is alive.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

from engines.diffusers.abilities import capabilities, otherwise
from engines.diffusers.config import PipelineConfig
from engines.diffusers.mapping import order_of
from engines.diffusers.model import CONFIG, Models
from engines.diffusers.order import CaptionOrder, PipelineOrder
from engines.diffusers.process import Conversation, PainterProcess, ProcessDied
from engines.diffusers.wire import Message
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

    def __init__(self, name: str, config: PipelineConfig, versions: tuple[str, ...] = ()) -> None:
        """``versions``: more pipelines, for the versions that a caller may ask for."""
        self._name = name
        self._config = config
        self._models = Models(config, versions)
        self._process = PainterProcess(name, config)
        self._cancelled: dict[str, threading.Event] = {}

    def capabilities(self) -> Capabilities:
        """Return what the pipeline can do, by its kind."""
        return self._abilities(self._config.model)

    def health(self) -> Health:
        """Return whether the pipelines are on this machine."""
        why = self._models.trouble()
        return Health("down", f"setup: {why}") if why else Health("ok")

    def submit(self, brief: Brief) -> Handle:
        """Name the drawing; ``watch`` does the work, in whichever process calls it.

        Raises:
            Refused: a pipeline is not on this machine.
        """
        if why := self._models.trouble(*filter(None, (brief.model,))):
            raise Refused("setup", why)
        return {"engine": self._name, "drawing": f"{brief.job_id}/{brief.attempt}"}

    def cancel(self, handle: Handle) -> None:
        """Stop the drawing if this process watches it."""
        if cancelled := self._cancelled.get(str(handle.get("drawing"))):
            cancelled.set()

    def close(self) -> None:
        """Leave the drawing process; it ends when no worker is left."""
        self._process.close()

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Draw when it is this drawing's turn; the same brief gives the same pictures."""
        drawing = str(handle.get("drawing"))
        cancelled = self._cancelled.setdefault(drawing, threading.Event())

        def ends() -> bool:
            return stop.is_set() or cancelled.is_set()

        try:
            if ends():
                return
            family = self._models.family(self._config.model_for(brief))
            yield from self._draw(order_of(self._config, family, brief), ends, brief)
        finally:
            self._cancelled.pop(drawing, None)

    def _draw(
        self, order: PipelineOrder | CaptionOrder, ends: Callable[[], bool], brief: Brief
    ) -> Iterator[Event]:
        """Draw in the existing process, or in a new one if that has just ended, for whatever reason."""
        begun = False

        def beginning(events: Iterator[Event]) -> Iterator[Event]:
            nonlocal begun
            for event in events:
                # While it waits, it is another's drawing that the process may die of.
                begun = begun or not isinstance(event, Queued)
                yield event

        try:
            yield from beginning(self._drawn(order, ends, brief))
        except ProcessDied:
            if begun or ends():
                raise EngineDown("The drawing process died.") from None
        else:
            return
        try:
            yield from self._drawn(order, ends, brief)
        except ProcessDied:
            raise EngineDown("The drawing process died twice.") from None

    def _drawn(
        self, order: PipelineOrder | CaptionOrder, ends: Callable[[], bool], brief: Brief
    ) -> Iterator[Event]:
        with closing(self._process.draw(order.to_json())) as conversation:
            done, position = 0.0, 0
            for message in self._news(conversation, ends):
                event = message.header["event"] if message else "alive"
                if event == "queued":
                    assert message
                    if message.header["ahead"] != position:
                        position = message.header["ahead"]
                        yield Queued(position)
                elif message is None or event in ("taken", "begun", "works"):
                    yield Progress(done)
                elif event == "preview":
                    yield from (Preview(message.header["cell"], each) for each in message.parts)
                elif event == "failed":
                    raise failure_of(message)
                elif event == "finished":
                    yield self._finished(message, order, brief)
                    return
                elif event == "step":
                    # A batch that did not fit into memory starts again from its first cell.
                    done = max(done, float(message.header["done"]))
                    yield Progress(done)

    def _news(
        self, conversation: Conversation, ends: Callable[[], bool]
    ) -> Iterator[Message | None]:
        """Yield the process's messages about an order, and None now and then while there are none."""
        # Until it is greeted, the process may be on its start.
        limit_s = self._config.load_s
        heard_s = said_s = time.monotonic()
        taken = False
        while not ends():
            message = conversation.hear(LOOK_S)
            now = time.monotonic()
            if message:
                heard_s = said_s = now
                event = message.header["event"]
                taken = taken or event == "taken"
                loads = event == "taken" or message.header.get("loads")
                limit_s = self._config.load_s if loads else self._config.silent_s
                if event != "hello":
                    yield message
            elif now - heard_s > limit_s:
                self._process.kill()
                raise EngineStuck("The drawing process hangs.")
            elif taken and now - said_s > ALIVE_S:
                said_s = now
                yield None

    def _finished(
        self, message: Message, order: PipelineOrder | CaptionOrder, brief: Brief
    ) -> Finished:
        if isinstance(order, CaptionOrder):
            prompts = tuple(map(str, message.header["prompts"]))
            if not prompts:
                raise BadResult("The engine said nothing about the picture.")
            return Finished((), prompts=prompts)
        given, wanted = len(message.parts), len(order.seeds)
        if given != wanted:
            raise BadResult(f"The engine gave {counted(given, 'picture')} instead of {wanted}.")
        can, here = self.capabilities(), self._abilities(order.model)
        applied = otherwise(can, here, brief, order, self._config.niji_model)
        return Finished(message.parts, order.seeds, notes(brief, here), applied)

    def _abilities(self, model: str) -> Capabilities:
        config = self._config
        return capabilities(
            config,
            self._models.family(model),
            adapts=self._models.has(config.ip_adapter, config.ip_adapter_weights),
            describes=self._models.has(config.caption_model, CONFIG),
        )


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
