"""One running drawing: the poller and the socket leave news here, and ``watch`` picks it up.

Only the newest counts: a slow watcher sees fewer steps, never a growing backlog.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engines.comfyui.frames import Heard
from limner.engine import Event, Preview, Progress, Queued
from limner.errors import EngineError

#: the samplers' share of the progress; the rest is for decoding and saving
SAMPLING_SHARE = 0.92
#: how often a drawing that the server has, but sends no events for, reports that it is alive
ALIVE_S = 10.0


@dataclass(frozen=True, slots=True)
class News:
    """What happened since the last call. At the end, ``entry`` (from the history) or ``error``."""

    events: tuple[Event, ...]
    entry: Mapping[str, Any] | None = None
    error: EngineError | None = None

    @property
    def over(self) -> bool:
        """Whether this is the last news."""
        return self.entry is not None or self.error is not None


class Flight:
    """A prompt of ours on the server. Written by two threads, read by a third."""

    def __init__(
        self, prompt_id: str, samplers: Mapping[str, int], outputs: Mapping[str, int | None]
    ) -> None:
        self.prompt_id = prompt_id
        self._samplers, self._outputs = samplers, outputs
        self._changed = threading.Condition()
        self._fresh: dict[object, Event] = {}
        self._done: dict[str, float] = {}
        self._fraction = 0.0
        self._position: int | None = None
        self._heard_s = self._shown_s = time.monotonic()
        #: whether this process submitted it, so that its events come here
        self.is_ours = True
        self._entry: Mapping[str, Any] | None = None
        self._error: EngineError | None = None

    def hear(self, heard: Heard) -> None:
        """Process news from the socket."""
        with self._changed:
            self._heard_s = time.monotonic()
            if heard.what == "preview" and heard.node in self._samplers and heard.image:
                cell = self._samplers[heard.node]
                self._show(("preview", cell), Preview(cell, heard.image))
            elif heard.what == "step" and heard.most > 0:
                self._advance(heard.node, heard.value / heard.most)
            elif heard.what == "done":
                self._advance(heard.node, 1.0)

    def seen(self, position: int | None, *, listening: bool) -> None:
        """Process its state in the queue: its position if it waits, or None if it runs."""
        with self._changed:
            quiet = time.monotonic() - self._shown_s >= ALIVE_S
            if position is not None and (quiet or position != self._position):
                self._show("queued", Queued(position))
            elif position is None and self._position != 0:
                self._heard_s = time.monotonic()
                self._show("progress", Progress(self._fraction))
            elif position is None and quiet and not listening:
                # A drawing that another process submitted has no events here: the queue shows that it lives.
                self._show("progress", Progress(self._fraction))
            self._position = position if position is not None else 0

    def finish(self, entry: Mapping[str, Any]) -> None:
        """Process the history's record: the prompt has ended."""
        with self._changed:
            self._entry = entry
            self._changed.notify_all()

    def fail(self, error: EngineError) -> None:
        """Give the drawing up."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    @property
    def running(self) -> bool:
        """Whether the queue last said that it runs."""
        return self._position == 0

    def silent_s(self, now_s: float) -> float:
        """Return for how long the socket has been silent about it."""
        return now_s - self._heard_s

    def news(self, timeout_s: float) -> News:
        """Wait for news for a limited time, and take it."""
        with self._changed:
            if not self._fresh and self._entry is None and self._error is None:
                self._changed.wait(timeout_s)
            fresh, self._fresh = self._fresh, {}
            return News(tuple(fresh.values()), self._entry, self._error)

    def _advance(self, node: str, fraction: float) -> None:
        if node not in self._samplers and node not in self._outputs:
            return
        # A sampler that a graph uses twice starts from zero again: the highest value counts.
        self._done[node] = max(self._done.get(node, 0.0), min(fraction, 1.0))
        sampled = sum(self._done.get(n, 0.0) for n in self._samplers) / max(len(self._samplers), 1)
        saved = sum(self._done.get(n, 0.0) for n in self._outputs) / max(len(self._outputs), 1)
        whole = SAMPLING_SHARE * sampled + (1 - SAMPLING_SHARE) * saved
        if whole > self._fraction:
            self._fraction = whole
            self._show("progress", Progress(whole))

    def _show(self, slot: object, event: Event) -> None:
        self._shown_s = time.monotonic()
        self._fresh[slot] = event
        self._changed.notify_all()
