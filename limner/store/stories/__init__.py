"""One job's story, for whoever watches it: the same events as callbacks, in order.

Used by ``api/waiting.py``. Stories are stored for jobs without a callback URL as well; a
watcher that returns long after the end gets the end from the record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis import Redis

from limner.callback.policy import job_at
from limner.errors import JobNotFound
from limner.job import Job, Status, from_ms
from limner.store.connection import guarded
from limner.store.scripts import Scripts


@dataclass(frozen=True, slots=True)
class Story:
    """A job's new events, oldest first, and the job as it is now."""

    events: tuple[Job, ...]
    now: Job


@dataclass(frozen=True, slots=True)
class StatusSince:
    """When a job came into a state."""

    at: datetime
    status: Status
    engine: str | None = None


class Stories:
    """The events of all jobs."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts

    @guarded
    def moments(self, job: Job) -> list[StatusSince]:
        """Return when a job came into each of its states, oldest first; progress is none.

        An hour after the end the story is gone, and only what the record has is left. Unlike ``after``, it
        tells no watcher's place: what was looked at may still be replaced by something newer.
        """
        found = [StatusSince(job.created_at, Status.WAITING)]
        for text in self._redis.lrange(f"{self._prefix}story:{job.id}", 0, -1):
            event = json.loads(text[1:])
            # An empty Lua table may be encoded as a JSON object or a list.
            then = event["v"] or {}
            status = Status(then["status"])
            if status is not found[-1].status:
                found.append(StatusSince(from_ms(event["t"]), status, then.get("engine")))
        if len(found) == 1 and job.started_at:
            found.append(StatusSince(job.started_at, Status.SUBMITTED, job.engine))
        if job.finished_at and found[-1].status is not job.status:
            found.append(StatusSince(job.finished_at, job.status, job.engine))
        return found

    @guarded
    def after(self, job_id: str, seq: int) -> Story:
        """Return what happened after the event ``seq`` (0: from the beginning).

        Raises:
            JobNotFound: there is no such job.
        """
        rows = self._scripts("story", job_id, seq)
        if not rows:
            raise JobNotFound
        flat, texts = rows
        record = dict(zip(flat[::2], flat[1::2], strict=True))
        now = Job.from_record(record)
        events = tuple(_job(record, json.loads(text[1:])) for text in texts)
        if now.seq > seq and (not events or events[-1].seq < now.seq):
            # The story expires sooner than the job.
            events = (*events, now)
        return Story(events, now)


def _job(record: Mapping[str, str], event: Mapping[str, Any]) -> Job:
    # An empty Lua table may be encoded as a JSON object or a list.
    return job_at(record, event["v"] or {}, int(event["s"]))
