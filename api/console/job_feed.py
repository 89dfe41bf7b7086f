"""What the stream of one job's page tells: the job, when it came into its states, and its callbacks.

A feed as in ``api/console/feeds.py``; used by ``api/console/live.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from api.console.feeds import frame
from api.house import House
from api.watcher import Waiter
from limner.errors import JobNotFound
from limner.job import Job, rfc3339
from schemas.limner.callbacks import callbacks_body
from schemas.limner.job import job_body
from schemas.status import STATUS_CODE, STATUS_OF

#: how often it looks while the job or its callbacks go on, and when all is told
BUSY_S, IDLE_S = 2.0, 5.0
_JOB_ID = re.compile(r"[0-9a-f]{32}")
#: the states of events that are still to be delivered
_GOING_ON = ("pending", "resending")


def job_of(here: House, client: str, job_id: str) -> Job:
    """Return a client's job.

    Raises:
        JobNotFound: there is none, or it is another client's.
    """
    if not _JOB_ID.fullmatch(job_id):
        raise JobNotFound
    return here.store.jobs.get(job_id, client)


class JobFeed:
    """One job: ``snapshot`` with everything, then ``job``, ``moments`` and ``callbacks`` as they change."""

    def __init__(self, here: House, client: str, job_id: str) -> None:
        job_of(here, client, job_id)
        self._here = here
        self._client = client
        self._job_id = job_id
        #: what was told, by event
        self._told: dict[str, Any] = {}

    @property
    def looks_s(self) -> float:
        """Seconds after which it looks by itself."""
        events = self._told.get("callbacks", {}).get("data", ())
        if any(event["state"] in _GOING_ON for event in events):
            return BUSY_S
        return IDLE_S if self._told and STATUS_OF[self._told["job"]["status"]].ended else BUSY_S

    def following(self) -> AbstractContextManager[Waiter]:
        """Return the block in which changes are told."""
        return self._here.watcher.following_client(self._client)

    def snapshot(self) -> Iterator[str]:
        """Yield everything."""
        self._told = self._now()
        yield frame("snapshot", self._told)

    def changes(self, ids: set[str]) -> Iterator[str]:
        """Yield what changed, if the job is among these, or if a follow-up that marks it is."""
        if self._job_id in ids or self._is_followed_by(ids):
            yield from self.looked()

    def looked(self) -> Iterator[str]:
        """Yield what changed: its place in the order, and attempts at its callbacks, are no news of a job."""
        now = self._now()
        for event, data in now.items():
            if data != self._told.get(event):
                yield frame(event, data)
        self._told = now

    def _is_followed_by(self, ids: set[str]) -> bool:
        jobs = self._here.store.jobs.several(sorted(ids), self._client)
        return any(job.parent == self._job_id for job in jobs)

    def _now(self) -> dict[str, Any]:
        store = self._here.store
        job = store.jobs.get(self._job_id, self._client)
        return {
            "job": job_body(job),
            "moments": [
                {
                    "at": rfc3339(moment.at),
                    "status": STATUS_CODE[moment.status],
                    "engine": moment.engine,
                }
                for moment in store.stories.moments(job)
            ],
            "callbacks": callbacks_body(store.outbox.told(job.id)),
        }
