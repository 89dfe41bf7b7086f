"""What a host tells about its models: asked once each, and remembered; used by the drivers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from limner.errors import EngineError

Model = TypeVar("Model")

#: how long until what could not be asked is asked again
ASK_AGAIN_S = 10.0


class Remembered(Generic[Model]):
    """The models of one engine, by their names: as many as its operator names."""

    def __init__(self, ask: Callable[[str], Model]) -> None:
        """Make it; ``ask(name)`` raises an ``EngineError`` if it cannot be asked, or there is none."""
        self._ask = ask
        self._lock = threading.Lock()
        self._known: dict[str, Model] = {}
        self._ask_again_s: dict[str, float] = {}

    def knows(self, name: str) -> bool:
        """Return whether a model was asked about."""
        return name in self._known

    def get(self, name: str) -> Model:
        """Return a model.

        Raises:
            EngineError: it cannot be asked about, or there is none.
        """
        with self._lock:
            if name not in self._known:
                self._known[name] = self._ask(name)
            return self._known[name]

    def if_known(self, name: str) -> Model | None:
        """Return a model; None while it cannot be asked about."""
        # Asked at every turn, a host that does not answer would hold every drawing up.
        if not self.knows(name) and time.monotonic() < self._ask_again_s.get(name, 0.0):
            return None
        try:
            return self.get(name)
        except EngineError:
            self._ask_again_s[name] = time.monotonic() + ASK_AGAIN_S
            return None
