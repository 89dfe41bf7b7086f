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
#: jobs that are named when they moved
MOVED_MOST = 200


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

    @property
    def looks_s(self) -> float:
        """Seconds after which it looks by itself for what time has changed."""

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
    """The whole gateway: ``moved`` with the jobs that have, and what else a page shows.

    A page with the overview is told ``overview`` when that has changed; any other ``noted`` after a new line in
    the audit trail, and ``letters`` when jobs got dead letters or lost them. All of it at most once in ``looks_s``.
    """

    looks_s = 2.0

    def __init__(self, here: House, *, overview: bool = False) -> None:
        self._here = here
        self._overview = overview
        self._moved: set[str] = set()
        #: what was told last
        self._told: dict[str, Any] = {}

    def following(self) -> AbstractContextManager[Waiter]:
        """Return the block in which changes are told."""
        return self._here.watcher.following_all()

    def snapshot(self) -> Iterator[str]:
        """Yield the beginning."""
        self._moved.clear()
        self._told = self._now()
        yield frame("snapshot", self._told)

    def changes(self, ids: set[str]) -> Iterator[str]:
        """Note the jobs that changed."""
        self._moved |= ids
        yield from ()

    def looked(self) -> Iterator[str]:
        """Yield what has changed since the last look."""
        if self._moved:
            yield frame(
                "moved", {"jobs": len(self._moved), "ids": sorted(self._moved)[:MOVED_MOST]}
            )
            self._moved.clear()
        now, before = self._now(), self._told
        self._told = now
        if self._overview:
            if _untimed(now["overview"]) != _untimed(before["overview"]):
                yield frame("overview", _news(now["overview"], before["overview"]))
            return
        if now["audited"] != before["audited"]:
            yield frame("noted", {})
        if now["letters"] != before["letters"]:
            yield frame("letters", {"jobs": now["letters"]})

    def _now(self) -> dict[str, Any]:
        here = self._here
        if self._overview:
            return {"overview": here.overview.body()}
        newest = here.store.levers.audit(1)
        audited = [(one.at_ms, one.who, one.what) for one in newest]
        return {"audited": audited, "letters": here.store.outbox.dead_jobs()}


def _untimed(overview: dict[str, Any]) -> dict[str, Any]:
    """Return an overview without the moment that it is of."""
    return {name: value for name, value in overview.items() if name != "at"}


def _news(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return the overview without the hours of lanes that are told already: most of it, and new once a minute."""
    hours = {lane["name"]: lane["lastHour"] for lane in before["lanes"]}
    lanes = [
        {name: value for name, value in lane.items() if name != "lastHour"}
        if hours.get(lane["name"]) == lane["lastHour"]
        else lane
        for lane in now["lanes"]
    ]
    return now | {"lanes": lanes}
