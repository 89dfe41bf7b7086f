"""The gate: how many messages one process may hold without a slot, so that the rest stay in the broker.

A threads pool of hundreds would otherwise take hundreds of messages off the queue; the depth in
Flower would be wrong by that much, and a killed worker would take them along. Celery's own
``worker_disable_prefetch`` works by the same seam: the channel's ``qos.can_consume``.
Two a process measured best: with one, slots idle while the next message is on its way.

A message takes a *place* when it is received and leaves it once: with its job's slot, or with the end
of its task, or when Celery gives it up before its task has begun. The place travels with the message
(``Task.request``), so what is taken is what is left, whatever ids, arguments or doubles it has.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from celery import bootsteps, signals
from celery.worker.consumer.tasks import Tasks
from celery.worker.request import Request

from limner.log import event
from limner.message import TASK

log = logging.getLogger(__name__)

WITHOUT_SLOT_MAX = 2
#: jobs that wait for one engine while another, which does not suit them, has room: they do not count
#: as long as there are no more than this, so that they do not hold up those behind them
OVERLOOKED_MAX = 50
#: where the place is among the fields of a task's request
PLACE = "limner_place"


class Place:
    """One message's place; its methods are called in any thread, any often."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        #: its task runs
        self.begun = False
        self.left = False

    def begin(self) -> None:
        """The task runs, and leaves in the end."""
        self._gate.begin(self)

    def leave(self) -> None:
        """The job got its slot, or the message is done with."""
        self._gate.leave(self)

    def overlook(self) -> None:
        """The job waits for an engine that others do not wait for: let one more message in."""
        self._gate.overlook(self)


class Gate:
    """Counts the messages of this process that wait for a slot, and says if one more may come."""

    def __init__(self, most: int = WITHOUT_SLOT_MAX) -> None:
        self._most = most
        self._waiting: set[Place] = set()
        self._overlooked: set[Place] = set()
        self._lock = threading.Lock()
        self._hub: Any = None
        self.closed = False

    def enter(self) -> Place:
        """A message was received; called in the consumer's thread."""
        place = Place(self)
        with self._lock:
            self._waiting.add(place)
        return place

    def begin(self, place: Place) -> None:
        """Note that a place's task runs: it keeps its place, or has it again if ``attach`` took it."""
        with self._lock:
            place.begun = True
            if not place.left:
                self._waiting.add(place)

    def leave(self, place: Place) -> None:
        """Take a place back, if it is still taken."""
        with self._lock:
            place.left = True
            if place not in self._waiting:
                return
            self._waiting.remove(place)
            self._overlooked.discard(place)
        self._wake()

    def overlook(self, place: Place) -> None:
        """Count a place no more, unless too many are overlooked already."""
        with self._lock:
            if place not in self._waiting or len(self._overlooked) >= OVERLOOKED_MAX:
                return
            self._overlooked.add(place)
        self._wake()

    def is_open(self) -> bool:
        """Say whether one more message may be taken off the queue."""
        without_slot = len(self._waiting) - len(self._overlooked)
        return not self.closed and without_slot < self._most

    def _wake(self) -> None:
        if self._hub is not None:
            # The consumer sleeps in its poller; wake it so that it asks again.
            self._hub.call_soon(_nothing)

    def attach(self, consumer: Any) -> None:
        """Put the gate before a consumer's channel; again after each reconnection."""
        with self._lock:
            # With the former connection Celery gave up what had not begun, but not what the pool has
            # queued: that has its place again when it begins.
            self._waiting = {place for place in self._waiting if place.begun}
            self._overlooked &= self._waiting
        self._hub = consumer.hub
        qos = consumer.task_consumer.channel.qos
        can_consume = qos.can_consume
        qos.can_consume = lambda: self.is_open() and can_consume()

    def place_of(self, request: Any) -> Place:
        """Return the place of a running task's message; one that is left already if it has none."""
        place = getattr(request, PLACE, None)
        if place is None:
            place = Place(self)
            place.left = True
        return place


def _nothing() -> None:
    """Have the hub go round once."""


class GatedRequest(Request):  # type: ignore[misc,unused-ignore]
    """A task's message on its way through the worker; the ``Request`` of the task ``imagine``."""

    def on_accepted(self, *args: Any, **kwargs: Any) -> None:
        """Have the task run, also where what Celery does before fails: the pool would drop both."""
        try:
            super().on_accepted(*args, **kwargs)
        except Exception:  # noqa: BLE001
            event(log, "task.unannounced", logging.WARNING, error=True, task=self.id)

    def terminate(self, pool: Any, signal: Any = None) -> None:
        """Say that the task is revoked, which cancels its job: a thread cannot be killed."""
        self._announce_revoked("terminated", True, signal, False)  # type: ignore[attr-defined]

    def on_failure(self, *args: Any, **kwargs: Any) -> Any:
        """Leave the gate: this may have come before the task's own code, which leaves it otherwise."""
        _leave(self.request_dict)
        return super().on_failure(*args, **kwargs)


def _leave(fields: dict[str, Any]) -> None:
    place = fields.get(PLACE)
    if place is not None:
        place.leave()


def install(app: Any, gate: Gate) -> None:
    """Have the consumer of this process pass through ``gate``; tasks other than imagine do not wait."""

    class GateStep(bootsteps.StartStopStep):  # type: ignore[misc,unused-ignore]
        """Attaches the gate whenever the consumer (re)starts, with its new channel."""

        requires = (Tasks,)

        def start(self, parent: Any) -> None:
            gate.attach(parent)

    app.steps["consumer"].add(GateStep)

    def received(request: Any = None, **_: Any) -> None:
        if request.task.name == TASK:
            request.request_dict[PLACE] = gate.enter()

    def revoked(request: Any = None, **_: Any) -> None:
        # Not the consumer's request but the task's, made of the same fields.
        _leave(vars(request))

    signals.task_received.connect(received, weak=False)
    signals.task_revoked.connect(revoked, weak=False)
