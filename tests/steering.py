"""An operator who pulls levers at random while the soak runs: pauses, drains, resumes, changes slots."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from limner.errors import LimnerError
from limner.store import Store

WHO = "soak"
#: what may be halted: its kind and its name
HALTED = (("lane", "fast"), ("engine", "stage"), ("client", "soak"))
PULL_S, HALTED_S = (1.0, 3.0), (0.5, 3.0)
SLOTS_MOST = 50
#: how often, and how far apart, a lever is tried while Redis is down
TRIES, TRY_S = 60, 0.5


class Steering(threading.Thread):
    """Pulls levers until told to stop, and then puts everything back."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()
        self.count: Counter[str] = Counter()
        self._store, self._chance = store, chance

    def run(self) -> None:
        while not self.done.wait(self._chance.uniform(*PULL_S)):
            if self._chance.random() < 0.4:
                self._slots(self._chance.randint(1, SLOTS_MOST))
                continue
            subject, name = self._chance.choice(HALTED)
            how = "draining" if subject == "engine" and self._chance.random() < 0.5 else "paused"
            self._halt(subject, name, how)
            self.done.wait(self._chance.uniform(*HALTED_S))
            self._resume(subject, name)
        for subject, name in HALTED:
            self._resume(subject, name)
        self._slots(None)

    def _slots(self, slots: int | None) -> None:
        wanted = {"fast_slots": slots}
        self._pull("slots", lambda: self._store.levers.override(WHO, "stage", wanted))

    def _halt(self, subject: Any, name: str, how: Any) -> None:
        self._pull(how, lambda: self._store.levers.halt(WHO, subject, name, how))

    def _resume(self, subject: Any, name: str) -> None:
        self._pull("resumed", lambda: self._store.levers.resume(WHO, subject, name))

    def _pull(self, what: str, pull: Callable[[], object]) -> None:
        """Pull a lever, for as long as Redis is down or does not know the engine again and again."""
        for _ in range(TRIES):
            try:
                pull()
            except LimnerError:
                time.sleep(TRY_S)
                continue
            self.count[what] += 1
            return
