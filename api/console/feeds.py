"""What a page's stream tells: a feed for clients, about their jobs, and one for operators, about all.

A feed makes frames: a snapshot for whoever connects, what changed, and what time alone has changed. Used by
``api/console/live.py``; beyond the request's context.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, Protocol

from api.house import House
from api.watcher import Waiter
from limner.compact_json import compact_json
from limner.job import Job, Status
from schemas.limner.job import job_body

#: of a client's jobs, in a snapshot
NEWEST = 50
#: waiting jobs whose place is looked up at a time
LOOKED_AT = 10
#: jobs that are kept as JSON, in a process
SHOWN_MOST = 1000


def frame(event: str, data: Any) -> str:
    """Return one event of a stream, with ``data`` as JSON."""
    return _framed(event, compact_json(data))


class ShownJobs:
    """Jobs as JSON, kept while they stay the same: all pages of a client are told the same, often at once."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Job, str]] = {}

    def __call__(self, job: Job) -> str:
        """Return the job as the API shows it."""
        known = self._kept.get(job.id)
        if known and known[0] == job:
            return known[1]
        if len(self._kept) >= SHOWN_MOST:
            self._kept.clear()
        text = compact_json(job_body(job))
        self._kept[job.id] = (job, text)
        return text


_SHOWN = ShownJobs()


def _framed(event: str, text: str) -> str:
    return f"event: {event}\ndata: {text}\n\n"


class PageFeed(Protocol):
    """What one page is told."""

    #: seconds after which it looks by itself for what time has changed
    looks_s: float

    def following(self) -> AbstractContextManager[Waiter]:
        """Return the block in which changes are told."""

    def snapshot(self) -> Iterator[str]:
        """Yield frames with all that the page shows."""

    def changes(self, ids: set[str]) -> Iterator[str]:
        """Yield frames about the jobs that changed."""

    def looked(self) -> Iterator[str]:
        """Yield frames about what has changed without news, such as positions."""


class ClientFeed:
    """A client's own jobs: ``snapshot`` with the newest, then ``job`` for each that changes."""

    looks_s = 3.0

    def __init__(self, here: House, client: str) -> None:
        self._here = here
        self._client = client
        #: the jobs that wait, as they were told
        self._waiting: dict[str, Job] = {}

    def following(self) -> AbstractContextManager[Waiter]:
        """Return the block in which changes are told."""
        return self._here.watcher.following_client(self._client)

    def snapshot(self) -> Iterator[str]:
        """Yield the newest jobs."""
        page = self._here.store.jobs.page(self._client, limit=NEWEST)
        self._waiting.clear()
        for job in page.jobs:
            self._note(job)
        yield _framed("snapshot", f'{{"jobs":[{",".join(map(_SHOWN, page.jobs))}]}}')

    def changes(self, ids: set[str]) -> Iterator[str]:
        """Yield the jobs that changed, and the jobs that they go on from, which follow-ups mark."""
        jobs = self._here.store.jobs.several(sorted(ids), self._client)
        parents = {job.parent for job in jobs if job.parent and job.seq <= 1} - ids
        jobs += self._here.store.jobs.several(sorted(parents), self._client)
        for job in jobs:
            self._note(job)
            yield _framed("job", _SHOWN(job))

    def looked(self) -> Iterator[str]:
        """Yield the waiting jobs whose place in the order has changed."""
        # Some at a time, in turn: whoever was looked at goes to the end.
        before = dict(islice(self._waiting.items(), LOOKED_AT))
        if not before:
            return
        for job in self._here.store.jobs.several(list(before), self._client):
            self._note(job)
            if job != before[job.id]:
                yield _framed("job", _SHOWN(job))

    def _note(self, job: Job) -> None:
        self._waiting.pop(job.id, None)
        if job.status is Status.WAITING and len(self._waiting) < NEWEST:
            self._waiting[job.id] = job


class OperatorFeed:
    """The whole gateway: ``moved`` whenever jobs have, at most once in ``looks_s``."""

    looks_s = 2.0

    def __init__(self, here: House) -> None:
        self._here = here
        self._moved = 0

    def following(self) -> AbstractContextManager[Waiter]:
        """Return the block in which changes are told."""
        return self._here.watcher.following_all()

    def snapshot(self) -> Iterator[str]:
        """Yield the beginning."""
        yield frame("snapshot", {})

    def changes(self, ids: set[str]) -> Iterator[str]:
        """Note the jobs that changed."""
        self._moved += len(ids)
        yield from ()

    def looked(self) -> Iterator[str]:
        """Yield how many jobs moved."""
        if self._moved:
            yield frame("moved", {"jobs": self._moved})
            self._moved = 0
