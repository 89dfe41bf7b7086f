"""The Celery message ``imagine(job_id)``, rendered once by Celery itself and filled in per job.

``Messages.render`` is called at start by the API and by the workers, each with its own Celery app;
the store pushes what ``fill`` returns. We write none of Celery's or kombu's format ourselves: one
message is published into a channel that captures it instead of pushing it, and per job only the id and
the delivery tag are replaced.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from limner.errors import StoreDown
from limner.ids import new_id
from limner.request import Lane

TASK = "imagine"
#: placeholder for the job's id in the rendered message; long and unusual, so it occurs nowhere else
_ID = "0f0f0f0f-1d1d-4d1d-8d1d-1d1d0f0f0f0f"
_TAG = "7a7a7a7a-9e9e-4e9e-9e9e-9e9e7a7a7a7a"


@dataclass(frozen=True, slots=True)
class _Template:
    """A message split at its three variable parts: the body, the ids, the delivery tag."""

    text: str
    body: str


@dataclass(frozen=True, slots=True)
class Messages:
    """One template per lane."""

    templates: Mapping[Lane, _Template]

    @classmethod
    def render(cls, app: Any) -> Messages:
        """Let ``app`` (a ``celery.Celery`` with a Redis broker) publish one message per lane.

        Raises:
            StoreDown: the broker cannot be reached.
        """
        try:
            return cls({lane: _template(app, lane) for lane in Lane})
        except Exception as error:
            # kombu wraps some of redis-py's errors and lets others through.
            if type(error).__module__.partition(".")[0] in ("kombu", "redis"):
                name = type(error).__name__
                raise StoreDown(f"The broker cannot be reached: {name}") from error
            raise

    def fill(self, lane: Lane, job_id: str) -> str:
        """Return the message for one job, to be pushed onto the list with the lane's name."""
        template = self.templates[lane]
        body = base64.b64encode(template.body.replace(_ID, job_id).encode()).decode()
        return (
            template.text.replace('"body": ""', f'"body": "{body}"', 1)
            .replace(_ID, job_id)
            .replace(_TAG, new_id())
        )


class LazyMessages:
    """The rendered messages, made by the first call that finds Redis up.

    So a process can start while Redis is down, and needs no restart when it is back.
    """

    def __init__(self, render: Callable[[], Messages], ping: Callable[[], None]) -> None:
        self._render = render
        self._ping = ping
        self._lock = threading.Lock()
        self._messages: Messages | None = None

    @property
    def at_hand(self) -> Messages | None:
        """The messages if they are rendered already; waits for nobody."""
        return self._messages

    def __call__(self) -> Messages:
        """Return the messages.

        Raises:
            StoreDown: the broker cannot be reached.
        """
        if self._messages is not None:
            return self._messages
        # Outside the lock: while Redis is down, callers time out in parallel, not one after another.
        self._ping()
        with self._lock:
            if self._messages is None:
                self._messages = self._render()
            return self._messages


def published(app: Any, lane: Lane, job_id: str) -> dict[str, Any]:
    """Return the message that ``apply_async`` would push for ``job_id``, as kombu renders it."""
    pushed: list[dict[str, Any]] = []
    with app.connection_for_write() as connection, connection.channel() as channel:
        # The only private API used: kombu's Redis channel passes the finished message to `_put`.
        channel._put = lambda _queue, message, **_options: pushed.append(message)
        with app.amqp.Producer(channel) as producer:
            app.send_task(TASK, args=[job_id], task_id=job_id, queue=lane.value, producer=producer)
    return pushed[0]


def _template(app: Any, lane: Lane) -> _Template:
    message = published(app, lane, _ID)
    body = base64.b64decode(message["body"]).decode()
    message["body"] = ""
    message["properties"]["delivery_tag"] = _TAG
    return _Template(text=json.dumps(message), body=body)
