"""Wait for a job: until it changes, until it ends, or through all its events.

Called by the views of every face. Each wait holds one of its client's places (``House.waits``), ends when
the caller hangs up, and at the latest when this process does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from api import peer
from api.access.own import own_job
from api.house import House, house
from api.peer import HungUp
from api.places import Hold
from api.watcher import REREAD_S
from limner.errors import JobNotFound, StoreDown
from limner.job import Job, Status
from limner.store.jobs.state import State
from limner.store.waits import waiting_at_most

#: how long one stands who finds no place to wait in (``api/wait_places.py``)
STAND_S = 1.0
#: how often an idle stream sends a keep-alive, and so learns whether its reader is still there
HEARTBEAT_S = 15.0
#: a stream ends after this time, so that others get its place; its reader reconnects for the rest
STREAM_MOST_S = 600.0


def place(client: str, most_s: float = STAND_S) -> Hold:
    """Return a place for the present request to wait in; where none is free, one may come free in a moment, ``most_s`` at most.

    Raises:
        HungUp: the caller did not wait for it.
        TooManyAtOnce, Crowded: too many wait already.
    """
    return house().waits.patiently(client, peer.watched(), min(most_s, STAND_S))


def changed(job: Job, wait_s: float) -> Job:
    """Return the job as soon as it differs, or as it is after ``wait_s`` seconds.

    Raises:
        HungUp: the caller did not wait for a place.
        TooManyAtOnce, Crowded: too many wait already.
        StoreDown, JobNotFound: it cannot be read any more.
    """
    return _awaited(job, wait_s, lambda now: State.of(now) != State.of(job))[0]


def ended(job: Job, wait_s: float) -> Job:
    """Return the job once it has ended, or as it is after ``wait_s`` seconds.

    Raises:
        HungUp: the caller did not wait for it.
        TooManyAtOnce, Crowded: too many wait already.
        StoreDown, JobNotFound: it cannot be read any more.
    """
    if job.status.ended:
        return job
    now, gone = _awaited(job, wait_s, lambda now: now.status.ended)
    if gone:
        raise HungUp
    return now


def all_ended(jobs: Sequence[Job], wait_s: float) -> list[Job]:
    """Return the jobs once all are done, or one has failed, or as they are after ``wait_s`` seconds.

    All are waited for in one ``place``, which the caller holds, and gives back.

    Raises:
        HungUp, StoreDown, JobNotFound: as ``ended`` does.
    """
    seen, ends = list(jobs), time.monotonic() + wait_s
    if all(job.status.ended for job in jobs):
        return seen
    for number, job in enumerate(jobs):
        left_s = max(0.0, ends - time.monotonic())
        seen[number], gone = _followed(job, left_s, lambda now: now.status.ended)
        if gone:
            raise HungUp
        if seen[number].status is not Status.DONE:
            break
    return seen


def _awaited(job: Job, wait_s: float, enough: Callable[[Job], bool]) -> tuple[Job, bool]:
    """Return the job as it is in the end, and whether the caller hung up."""
    ends = time.monotonic() + wait_s
    with closing(place(job.client, wait_s)):
        return _followed(job, ends - time.monotonic(), enough)


def _followed(job: Job, wait_s: float, enough: Callable[[Job], bool]) -> tuple[Job, bool]:
    """Do the same, in a place that is held already."""
    here, ends = house(), time.monotonic() + wait_s
    with here.watcher.following(job.id) as waiter, peer.watched()(waiter.leave):
        while True:
            # An hour's looks, each of some milliseconds, are not together an outage.
            with waiting_at_most(here.store.waits.request_s):
                now = own_job(job.id)
            left_s = ends - time.monotonic()
            if enough(now) or left_s <= 0 or here.watcher.ended or waiter.gone:
                return now, waiter.gone
            waiter.wait(min(left_s, REREAD_S))


def events(
    here: House,
    watched: peer.Watched,
    job_id: str,
    seen: int = 0,
    most_s: float = STREAM_MOST_S,
) -> Iterator[Job | None]:
    """Yield the job at each event after ``seen`` as they come, up to its end; None: nothing new for a while.

    For a response that is streamed, beyond the request's context: the caller passes ``peer.watched()``, and
    holds a ``place(client)``, which it gives back itself.
    It stops early if the reader hangs up, the store goes away, this process ends, or after ``most_s``.
    """
    ends = time.monotonic() + most_s
    with here.watcher.following(job_id) as waiter, watched(waiter.leave):
        while True:
            try:
                story = here.store.stories.after(job_id, seen)
            except (StoreDown, JobNotFound):
                # The response has begun: the reader will come back, and gets the error then.
                return
            for job in story.events:
                yield job
                seen = job.seq
            left_s = ends - time.monotonic()
            if story.now.status.ended or here.watcher.ended or left_s <= 0:
                return
            news = waiter.wait(min(left_s, HEARTBEAT_S))
            if waiter.gone:
                return
            if not news:
                yield None
