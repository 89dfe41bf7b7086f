"""What Flower shows beside a running task: an event of ours, behind those that Celery sends of it.

Flower keeps of each field what came last. Celery's events of a task wait for the consumer's thread, and one that is
sent past them overtakes them where the machine is busy: the task's own arguments, which are none, would replace ours.
"""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from celery.worker.consumer.events import Events


class Announcer:
    """Sends events in the order of the consumer's own. Safe from any thread."""

    def __init__(self) -> None:
        self._consumer: Any = None

    def attach(self, consumer: Any) -> None:
        """Send through this consumer from now on; called again after each reconnection."""
        self._consumer = consumer

    def started(self, task_id: str, **fields: Any) -> None:
        """Tell more of a task that has started; nothing, if nobody is told of tasks."""
        # None while the consumer starts again or has ended.
        sender = getattr(self._consumer, "event_dispatcher", None)
        if sender is not None and sender.enabled:
            sender.send("task-started", uuid=task_id, **fields)


def install(app: Any, announcer: Announcer) -> None:
    """Have ``announcer`` send through this process's consumer."""

    class AnnouncerStep(bootsteps.StartStopStep):  # type: ignore[misc,unused-ignore]
        """Attaches it whenever the consumer (re)starts."""

        requires = (Events,)

        def start(self, parent: Any) -> None:
            announcer.attach(parent)

    app.steps["consumer"].add(AnnouncerStep)
