"""The gate: how many messages one process may hold without a slot, so that the rest stay in the broker.

A pool of hundreds of threads would otherwise take hundreds of messages off the queue; Flower's queue
length would be wrong by that much, and a killed worker would lose them all. Celery's own
``worker_disable_prefetch`` uses the same hook: the channel's ``qos.can_consume``.
Two messages per process measured best: with one, slots idle while the next message is on its way.

A message takes a *place* when it is received and leaves it once: when its job gets a slot, when its
task ends, or when Celery drops it before its task has begun. The place travels with the message
(``Task.request``), so the place that is left is always the one that was taken, whatever the message's
id and arguments, and even if it is duplicated.
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
#: how many jobs are left out of the count that wait for an engine while others could start: on another
#: that does not suit them, or in slots that were kept
OVERLOOKED_MAX = 50
#: the name of the place among the fields of a task's request
PLACE = "limner_place"


class Place:
    """One message's place. Its methods are safe from any thread, any number of times."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        #: whether its task is running
        self.begun = False
        self.left = False

    def begin(self) -> None:
        """Note that the task runs; it will leave at its end."""
        self._gate.begin(self)

    def leave(self) -> None:
        """Leave: the job has its slot, or the message is finished."""
        self._gate.leave(self)

    def overlook(self, choosy: bool = True) -> None:
        """Let one more message in while the job is ``choosy``: others need not wait behind it."""
        self._gate.overlook(self, choosy)


class Gate:
    """Counts this process's messages that wait for a slot, and decides whether to take another."""

    def __init__(self, most: int = WITHOUT_SLOT_MAX) -> None:
        self._most = most
        self._waiting: set[Place] = set()
        self._overlooked: set[Place] = set()
        self._lock = threading.Lock()
        self._hub: Any = None
        self.closed = False

    def enter(self) -> Place:
        """Take a place for a message just received; called in the consumer's thread."""
        place = Place(self)
        with self._lock:
            self._waiting.add(place)
        return place

    def begin(self, place: Place) -> None:
        """Note that a place's task runs: it keeps the place, or gets it back if ``attach`` took it."""
        with self._lock:
            place.begun = True
            if not place.left:
                self._waiting.add(place)

    def leave(self, place: Place) -> None:
        """Free a place, if it is still taken."""
        with self._lock:
            place.left = True
            if place not in self._waiting:
                return
            self._waiting.remove(place)
            self._overlooked.discard(place)
        self._wake()

    def overlook(self, place: Place, choosy: bool) -> None:
        """Stop counting a place, unless too many are overlooked already; count it again if not ``choosy``."""
        with self._lock:
            if not choosy:
                self._overlooked.discard(place)
                return
            if place not in self._waiting or len(self._overlooked) >= OVERLOOKED_MAX:
                return
            self._overlooked.add(place)
        self._wake()

    def is_open(self) -> bool:
        """Return whether one more message may be taken off the queue."""
        without_slot = len(self._waiting) - len(self._overlooked)
        return not self.closed and without_slot < self._most

    def _wake(self) -> None:
        if self._hub is not None:
            # The consumer sleeps in its poller; wake it to ask again.
            self._hub.call_soon(_nothing)

    def attach(self, consumer: Any) -> None:
        """Put the gate in front of a consumer's channel; called again after each reconnection."""
        with self._lock:
            # When the connection broke, Celery dropped the messages it had not started, but not those
            # queued in the pool: these get their places back when they begin.
            self._waiting = {place for place in self._waiting if place.begun}
            self._overlooked &= self._waiting
        self._hub = consumer.hub
        qos = consumer.task_consumer.channel.qos
        can_consume = qos.can_consume
        qos.can_consume = lambda: self.is_open() and can_consume()

    def place_of(self, request: Any) -> Place:
        """Return the place of a running task's message; if it has none, one that was already left."""
        place = getattr(request, PLACE, None)
        if place is None:
            place = Place(self)
            place.left = True
        return place


def _nothing() -> None:
    """Wake the hub for one iteration."""


class GatedRequest(Request):  # type: ignore[misc,unused-ignore]
    """A message on its way through the worker; the ``Request`` class of the task ``imagine``."""

    def on_accepted(self, *args: Any, **kwargs: Any) -> None:
        """Let the task run even if Celery's own step before it fails: the pool would drop both."""
        try:
            super().on_accepted(*args, **kwargs)
        except Exception:  # noqa: BLE001
            event(log, "task.unannounced", level=logging.WARNING, error=True, task=self.id)

    def terminate(self, pool: Any, signal: Any = None) -> None:
        """Report the task as revoked, which cancels its job: a thread cannot be killed."""
        self._announce_revoked("terminated", True, signal, False)  # type: ignore[attr-defined]

    def on_failure(self, *args: Any, **kwargs: Any) -> Any:
        """Leave the gate: the task may have failed before its own code, which otherwise does so."""
        _leave(self.request_dict)
        return super().on_failure(*args, **kwargs)


def _leave(fields: dict[str, Any]) -> None:
    place = fields.get(PLACE)
    if place is not None:
        place.leave()


def install(app: Any, gate: Gate) -> None:
    """Put ``gate`` in front of this process's consumer; only the task imagine waits there."""

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
        # Not the consumer's request but the task's, which is built from the same fields.
        _leave(vars(request))

    signals.task_received.connect(received, weak=False)
    signals.task_revoked.connect(revoked, weak=False)
