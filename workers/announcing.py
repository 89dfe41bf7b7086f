"""What Flower shows beside a running task: an event of ours, behind those that Celery sends of it.

Flower keeps of each field what came last. Celery's events of a task wait for the consumer's thread, and one that is
sent past them overtakes them where the machine is busy: the task's own arguments, which are none, would replace ours.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import bootsteps
from celery.worker.consumer.events import Events

from limner.log import event

log = logging.getLogger(__name__)


class Announcer:
    """Sends events in the order of the consumer's own. Safe from any thread."""

    def __init__(self) -> None:
        self._consumer: Any = None

    def attach(self, consumer: Any) -> None:
        """Send through this consumer from now on; called again after each reconnection."""
        self._consumer = consumer

    def started(self, task_id: str, **fields: Any) -> None:
        """Tell more of a task that has started, soon; nothing, if nobody is told of tasks."""
        consumer = self._consumer
        if consumer is not None and consumer.hub is not None:
            # In its own thread: Celery 5.6 forgets what comes from others while it sends.
            consumer.hub.call_soon(_send, consumer, task_id, fields)


def _send(consumer: Any, task_id: str, fields: dict[str, Any]) -> None:
    # None while the consumer starts again or has ended.
    sender = consumer.event_dispatcher
    if sender is None or not sender.enabled:
        return
    try:
        sender.send("task-started", uuid=task_id, **fields)
    # Redis may go down at any moment; what Flower shows must not cost a drawing.
    except Exception as error:  # noqa: BLE001
        event(log, "flower.missed", level=logging.WARNING, why=type(error).__name__)


def install(app: Any, announcer: Announcer) -> None:
    """Have ``announcer`` send through this process's consumer."""

    class AnnouncerStep(bootsteps.StartStopStep):  # type: ignore[misc,unused-ignore]
        """Attaches it whenever the consumer (re)starts."""

        requires = (Events,)

        def start(self, parent: Any) -> None:
            announcer.attach(parent)

    app.steps["consumer"].add(AnnouncerStep)
