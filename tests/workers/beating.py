"""A keeper whose thread a test runs by itself, on seconds that pass by its own pauses."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from engines.rehearsal import Rehearsal
from limner.request import Lane
from limner.store import Store
from tests.builders import MESSAGES, WORKER
from workers.drawing.keeper import Keeper, Times
from workers.drawing.lane_worker import LaneWorker

#: how often a keeper beats, of a lease of 15 s; longer steps seem an outage, after which all is renewed
BEAT_S = 15 / 4


def a_keeper(store: Store, announce=lambda: None, **times) -> Keeper:
    worker = LaneWorker(WORKER, tuple(Lane), {"stage": Rehearsal("stage", 1, 1)}, lambda: MESSAGES)
    return Keeper(store, worker, replace(Times(15, 5, 120, 900), **times), announce)


class Ticking:
    """A monotonic clock that passes by a keeper's own pauses."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds

    def run(self, keeper: Keeper, seconds: float, each=lambda: None) -> None:
        """Run the keeper's thread here for so long; ``each()`` is called after each of its rounds."""
        ends_s = self.now_s + seconds

        def wait(timeout: float) -> bool:
            each()
            self.pass_s(timeout)
            return self.now_s > ends_s

        keeper._ended = SimpleNamespace(wait=wait)
        keeper._run()
