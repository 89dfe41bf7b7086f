"""The gate: how many messages one process may hold without a slot, so that the rest stay in the broker.

A threads pool of hundreds would otherwise take hundreds of messages off the queue; the depth in
Flower would be wrong by that much, and a killed worker would take them along. Celery's own
``worker_disable_prefetch`` works by the same seam: the channel's ``qos.can_consume``.
Two a process measured best: with one, slots idle while the next message is on its way.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from celery import bootsteps, signals
from celery.worker.consumer.tasks import Tasks

from limner.message import TASK

WITHOUT_SLOT_MAX = 2
#: jobs that wait for one engine while another, which does not suit them, has room: they do not count
#: as long as there are no more than this, so that they do not hold up those behind them
OVERLOOKED_MAX = 50


class Gate:
    """Counts the messages of this process that wait for a slot, and says if one more may come."""

    def __init__(self, most: int = WITHOUT_SLOT_MAX) -> None:
        self._most = most
        self._waiting: Counter[str] = Counter()
        self._overlooked: set[str] = set()
        self._lock = threading.Lock()
        self._hub: Any = None
        self.closed = False

    def enter(self, job_id: str) -> None:
        """A message was received; called in the consumer's thread."""
        with self._lock:
            self._waiting[job_id] += 1

    def leave(self, job_id: str) -> None:
        """A job got its slot, or its message is done with; called in any thread, any often."""
        with self._lock:
            if job_id not in self._waiting:
                return
            self._waiting[job_id] -= 1
            self._overlooked.discard(job_id)
            if not self._waiting[job_id]:
                del self._waiting[job_id]
        self._wake()

    def overlook(self, job_id: str) -> None:
        """A job waits for an engine that others do not wait for: let one more message in."""
        with self._lock:
            if job_id not in self._waiting or len(self._overlooked) >= OVERLOOKED_MAX:
                return
            self._overlooked.add(job_id)
        self._wake()

    def is_open(self) -> bool:
        """Say whether one more message may be taken off the queue."""
        without_slot = self._waiting.total() - len(self._overlooked)
        return not self.closed and without_slot < self._most

    def _wake(self) -> None:
        if self._hub is not None:
            # The consumer sleeps in its poller; wake it so that it asks again.
            self._hub.call_soon(_nothing)

    def attach(self, consumer: Any) -> None:
        """Put the gate before a consumer's channel; again after each reconnection."""
        self._hub = consumer.hub
        qos = consumer.task_consumer.channel.qos
        can_consume = qos.can_consume
        qos.can_consume = lambda: self.is_open() and can_consume()


def _nothing() -> None:
    """Have the hub go round once."""


def install(app: Any, gate: Gate) -> None:
    """Have the consumer of this process pass through ``gate``; tasks other than imagine do not wait."""

    class GateStep(bootsteps.StartStopStep):  # type: ignore[misc,unused-ignore]
        """Attaches the gate whenever the consumer (re)starts, with its new channel."""

        requires = (Tasks,)

        def start(self, parent: Any) -> None:
            gate.attach(parent)

    app.steps["consumer"].add(GateStep)

    def received(request: Any = None, **_: Any) -> None:
        if request.task_name == TASK:
            gate.enter(request.id)

    def revoked(request: Any = None, **_: Any) -> None:
        gate.leave(request.id)

    signals.task_received.connect(received, weak=False)
    signals.task_revoked.connect(revoked, weak=False)
