"""The Celery message ``imagine(job_id)``, rendered by Celery itself once and filled in per job.

``Messages.render`` is called at start by the API and by the workers, each with its own Celery app;
the store pushes what ``fill`` returns. Nothing of Celery's or kombu's format is written by hand here:
one message is published into a channel that keeps it instead of pushing it, and per job only the id
and the delivery tag are replaced.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limner.job import Lane

TASK = "imagine"
#: stands in the rendered message wherever the job's id goes; long and odd, so it is found only there
_ID = "0f0f0f0f-1d1d-4d1d-8d1d-1d1d0f0f0f0f"
_TAG = "7a7a7a7a-9e9e-4e9e-9e9e-9e9e7a7a7a7a"


@dataclass(frozen=True, slots=True)
class _Template:
    """A message cut at its three moving parts: the body, the ids, the delivery tag."""

    text: str
    body: str


@dataclass(frozen=True, slots=True)
class Messages:
    """A template a lane."""

    templates: Mapping[Lane, _Template]

    @classmethod
    def render(cls, app: Any) -> Messages:
        """Let ``app`` (a ``celery.Celery`` on a Redis broker) publish one message a lane.

        Needs the broker up. Raises what kombu raises if it is not.
        """
        return cls({lane: _template(app, lane) for lane in Lane})

    def fill(self, lane: Lane, job_id: str) -> str:
        """Return the message for one job, ready to be pushed onto the list named like the lane."""
        template = self.templates[lane]
        body = base64.b64encode(template.body.replace(_ID, job_id).encode()).decode()
        return (
            template.text.replace('"body": ""', f'"body": "{body}"', 1)
            .replace(_ID, job_id)
            .replace(_TAG, str(uuid.uuid4()))
        )


def published(app: Any, lane: Lane, job_id: str) -> dict[str, Any]:
    """Return the message that ``apply_async`` would push for ``job_id``, as kombu renders it."""
    pushed: list[dict[str, Any]] = []
    with app.connection_for_write() as connection, connection.channel() as channel:
        # The one seam: kombu's Redis channel hands the finished message to `_put`.
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
