"""Find jobs of all clients by what they are; for operators: the CLI calls it.

No index is kept for that: the indexes by client are walked, newest jobs first, which takes as long as there are
jobs to look at.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from redis import Redis

from limner.job import Job, Status, tag_key
from limner.request import Lane
from limner.store.connection import guarded

#: records read in one round trip
BATCH = 200
#: the sets by client of the jobs in these states (lib_moves.lua)
SET_OF = {Status.WAITING: "waits", Status.SUBMITTED: "runs", Status.DRAWING: "runs"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs are meant; None and empty: any."""

    lane: Lane | None = None
    engine: str | None = None
    client: str | None = None
    statuses: frozenset[Status] = frozenset()
    #: a reason code
    reason: str | None = None
    #: accepted then or later
    since: datetime | None = None
    tag: str | None = None
    id: str | None = None
    #: older than this one: when it was accepted, and its id
    before: tuple[datetime, str] | None = None

    def fits(self, job: Job) -> bool:
        """Say whether a job is one of those."""
        return (
            (self.lane is None or job.lane is self.lane)
            and (self.engine is None or job.engine == self.engine)
            and (self.client is None or job.client == self.client)
            and (not self.statuses or job.status in self.statuses)
            and (self.reason is None or job.reason_code == self.reason)
            and (self.since is None or job.created_at >= self.since)
            and (self.before is None or (job.created_at, job.id) < self.before)
            and (self.tag is None or tag_key(job.tag) == tag_key(self.tag))
            and self.id in (None, job.id)
        )


class Search:
    """Looks through the jobs of all clients."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis
        self._prefix = prefix

    @guarded
    def find(self, wanted: Wanted, most: int) -> list[Job]:
        """Return the newest ``most`` of these jobs, newest first, without their positions."""
        if wanted.id is not None:
            return [job for job in self._read([wanted.id]) if wanted.fits(job)][:most]
        clients = [wanted.client] if wanted.client else self._clients()
        found = (job for client in clients for job in islice(self._of(client, wanted), most))
        return heapq.nlargest(most, found, key=lambda job: (job.created_at, job.id))

    @guarded
    def these(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """Return the jobs with these ids that there are."""
        return {job.id: job for job in self._read(job_ids)}

    def _clients(self) -> list[str]:
        return sorted(self._redis.smembers(self._prefix + "clients"))

    def _of(self, client: str, wanted: Wanted) -> Iterator[Job]:
        """Yield a client's jobs, newest first."""
        for ids in self._ids(client, wanted):
            jobs = self._read(ids)
            yield from (job for job in jobs if wanted.fits(job))
            if wanted.since and jobs and jobs[-1].created_at < wanted.since:
                return

    def _ids(self, client: str, wanted: Wanted) -> Iterator[list[str]]:
        if wanted.statuses and wanted.statuses <= SET_OF.keys():
            sets = {SET_OF[status] for status in wanted.statuses}
            keys = [f"{self._prefix}{name}:{client}" for name in sorted(sets)]
            jobs = self._read(sorted(self._redis.sunion(keys)))
            # In the order of the other indexes.
            jobs.sort(key=lambda job: (job.created_at, job.id), reverse=True)
            ids = [job.id for job in jobs]
            yield from (ids[at : at + BATCH] for at in range(0, len(ids), BATCH))
            return
        tagged = wanted.tag is not None
        index = f"tag:{client}:{tag_key(wanted.tag or '')}" if tagged else f"jobs:{client}"
        at = 0
        while ids := self._redis.zrevrange(self._prefix + index, at, at + BATCH - 1):
            yield ids
            at += BATCH

    def _read(self, job_ids: Sequence[str]) -> list[Job]:
        jobs: list[Job] = []
        for at in range(0, len(job_ids), BATCH):
            with self._redis.pipeline(transaction=False) as pipe:
                for job_id in job_ids[at : at + BATCH]:
                    pipe.hgetall(self._prefix + "job:" + job_id)
                # A tentative job (lib_tentative.lua) is none yet.
                records = [record for record in pipe.execute() if "status" in record]
                jobs += map(Job.from_record, records)
        return jobs
