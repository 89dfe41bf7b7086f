"""GET one job, at once or by long poll, and its events as they happen (server-sent events)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus

from flask import Blueprint, Response, request

from api import peer
from api.access import guard
from api.access.own import own_job
from api.answer import answer
from api.house import House, house
from api.places import Hold
from api.watcher import REREAD_S
from limner.compact_json import compact_json
from limner.errors import InvalidRequest, JobNotFound, StoreDown
from limner.job import Job
from limner.store.jobs import State
from schemas.limner.job import job_body
from schemas.limner.look import Look, LookSchema

live = Blueprint("live", __name__, url_prefix="/draw/midjourney")
live.before_request(guard.let_in)

LAST_EVENT_ID = "Last-Event-ID"
EVENT_STREAM = "text/event-stream"
#: how often an idle stream sends a keep-alive, and so learns whether its reader is still there
HEARTBEAT_S = 15.0
#: a stream ends after this time, so that others get its place; its reader reconnects for the rest
STREAM_MOST_S = 600.0
#: how long a reader waits before it reconnects, ms
RETRY = "retry: 2000\n\n"
_LOOK = LookSchema()


@live.get("/jobs/<job_id>")
def by_id(job_id: str) -> Response:
    """Show one job, after waiting for a change if asked to."""
    asked = _LOOK.read(request.args.to_dict())
    job = own_job(job_id)
    if _waits(asked, job):
        job = _changed(job, asked.wait)
    return answer(job_body(job))


@live.get("/jobs/<job_id>/events")
def events(job_id: str) -> Response:
    """Stream a job's events as callbacks send them, from the start or from where the reader left off."""
    job, seen = own_job(job_id), _last_seen()
    if job.status.ended and seen >= job.seq:
        # The one status after which a browser's EventSource does not reconnect.
        return Response(status=HTTPStatus.NO_CONTENT)
    if request.method == "HEAD":
        # werkzeug closes no stream that it does not send.
        return Response(mimetype=EVENT_STREAM)
    held = house().waits.held(job.client)
    stream = _stream(house(), held, peer.watched(), job.id, seen)
    response = Response(stream, mimetype=EVENT_STREAM)
    # Also if the stream is closed before it begins.
    response.call_on_close(held.close)
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _waits(asked: Look, job: Job) -> bool:
    unseen = asked.seq is not None and asked.seq != job.seq
    return bool(asked.wait) and not job.status.ended and not unseen


def _changed(job: Job, wait_s: float) -> Job:
    """Return the job as soon as it differs, or as it is after ``wait_s`` seconds."""
    here, ends = house(), time.monotonic() + wait_s
    with (
        here.waits.hold(job.client),
        here.watcher.following(job.id) as waiter,
        peer.watched()(waiter.leave),
    ):
        while True:
            now, left_s = own_job(job.id), ends - time.monotonic()
            if State.of(now) != State.of(job) or left_s <= 0 or here.watcher.ended or waiter.gone:
                return now
            waiter.wait(min(left_s, REREAD_S))


def _last_seen() -> int:
    text = request.headers.get(LAST_EVENT_ID, "").strip()
    if not text:
        return 0
    if len(text) > 9 or not (text.isascii() and text.isdigit()):
        raise InvalidRequest({LAST_EVENT_ID: ["Must be the id of an event."]})
    return int(text)


def _stream(
    here: House, held: Hold, watched: peer.Watched, job_id: str, seen: int
) -> Iterator[str]:
    """Yield the events after ``seen`` as they come, until the job's end."""
    ends = time.monotonic() + STREAM_MOST_S
    with closing(held), here.watcher.following(job_id) as waiter, watched(waiter.leave):
        yield RETRY
        while True:
            try:
                story = here.store.stories.after(job_id, seen)
            except (StoreDown, JobNotFound):
                # The response has begun: the reader will reconnect, and gets the error then.
                return
            for job in story.events:
                yield _event(job)
                seen = job.seq
            if story.now.status.ended or here.watcher.ended or time.monotonic() > ends:
                return
            news = waiter.wait(HEARTBEAT_S)
            if waiter.gone:
                return
            if not news:
                yield ": no news\n\n"


def _event(job: Job) -> str:
    body = compact_json(job_body(job))
    return f"id: {job.seq}\ndata: {body}\n\n"
