"""Bind a message to a job only when a worker takes it: to the job whose turn it is, whichever it names.

A message is a nudge: there are as many as jobs that wait, and it does not matter which one a worker
takes. Celery's seam for that is a task's *strategy*, which turns a message into a request. Ours asks the
store first, and lets the message go on under that job's id, so that Flower finds the task by it. The job
travels with the message (``Task.request``), already held for this worker, perhaps with its slot.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.strategy import default

from limner.errors import StoreDown
from limner.log import event
from limner.request import Lane
from workers.drawing import ClaimedJob

log = logging.getLogger(__name__)

#: the name of the claim among the fields of a task's request
CLAIM = "limner_claim"


#: takes the job whose turn it is (lane, the job that the message names); None: no job waits
Take = Callable[[Lane, str], ClaimedJob | None]


class Binder:
    """Claims jobs for this process's messages."""

    #: set once the process has a store; until then messages are for the jobs that they name
    take: Take | None = None

    def bind(self, message: Any) -> bool:
        """Let a message go on for the job whose turn it is; False: it is for none, and to be dropped."""
        lane = (message.delivery_info or {}).get("routing_key")
        if self.take is None or lane not in list(Lane):
            return True
        named = message.headers["id"]
        try:
            claim = self.take(Lane(lane), named)
        # Its task waits for Redis to come back, and takes the job that the message names.
        except StoreDown as error:
            event(log, "message.unbound", level=logging.WARNING, why=error.message)
            return True
        # Nor must a bug of ours end the consumer, and with it the worker.
        except Exception:  # noqa: BLE001
            event(log, "message.unbound", level=logging.ERROR, job=named, error=True)
            return True
        if claim is None:
            event(log, "message.dropped", job=named, state="none waits")
            return False
        _rename(message, named, claim.job_id)
        message.headers[CLAIM] = claim
        return True


def _rename(message: Any, named: str, job_id: str) -> None:
    """Put another job's id wherever a message has its own: in its headers, its properties, its body."""
    if named == job_id:
        return
    for name, value in message.headers.items():
        if isinstance(value, str):
            message.headers[name] = value.replace(named, job_id)
    message.properties["correlation_id"] = job_id
    body = message.body
    message.body = (
        body.replace(named, job_id)
        if isinstance(body, str)
        else body.replace(named.encode(), job_id.encode())
    )


binder = Binder()


def strategy(task: Any, app: Any, consumer: Any, **options: Any) -> Any:
    """Return what handles the messages of a task: Celery's own way, once they are bound to their jobs."""
    handle = default(task, app, consumer, **options)

    def bound(message: Any, body: Any, ack: Any, *args: Any, **kwargs: Any) -> Any:
        if not binder.bind(message):
            return ack(log, consumer.connection_errors)
        return handle(message, body, ack, *args, **kwargs)

    return bound
