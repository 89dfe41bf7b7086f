"""GET one job, at once or by long poll, and its events as they happen (server-sent events)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus

from flask import Blueprint, Response, request

from api import peer, waiting
from api.access import guard
from api.access.own import own_job
from api.access.ticket import TICKET, let_in_by_ticket, ticket_of
from api.answer import answer
from api.event_stream import MIMETYPE, NO_NEWS, event_stream
from api.house import house
from api.places import Hold
from limner.compact_json import compact_json
from limner.errors import InvalidRequest
from limner.job import Job
from schemas.limner.job import job_body
from schemas.limner.look import Look, LookSchema
from schemas.limner.shapes import address_body

live = Blueprint("live", __name__, url_prefix="/draw/midjourney")


@live.before_request
def let_in() -> None:
    """Identify the caller, who may have an address of the events alone."""
    if request.endpoint == "live.events":
        let_in_by_ticket()
    else:
        guard.let_in_or_page()


LAST_EVENT_ID = "Last-Event-ID"
#: how long a reader waits before it reconnects, ms
RETRY = "retry: 2000\n\n"
_LOOK = LookSchema()


@live.get("/jobs/<job_id>")
def by_id(job_id: str) -> Response:
    """Show one job, after waiting for a change if asked to."""
    asked = _LOOK.read(request.args.to_dict())
    job = own_job(job_id)
    if _waits(asked, job):
        job = waiting.changed(job, asked.wait)
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
        return Response(mimetype=MIMETYPE)
    held = waiting.place(job.client)
    happened = waiting.events(house(), peer.watched(), job.id, seen)
    return event_stream(_stream(held, happened), held)


@live.post("/jobs/<job_id>/events/address")
def events_address(job_id: str) -> Response:
    """Return a signed address of a job's events, for readers that cannot send a token."""
    job, here = own_job(job_id), house()
    ticket, expires = ticket_of(guard.caller(), job.id, here.now())
    path = f"/draw/midjourney/jobs/{job.id}/events?{TICKET}={ticket}"
    return answer(address_body(here.settings.base_url + path, expires))


def _waits(asked: Look, job: Job) -> bool:
    unseen = asked.seq is not None and asked.seq != job.seq
    return bool(asked.wait) and not job.status.ended and not unseen


def _last_seen() -> int:
    text = request.headers.get(LAST_EVENT_ID, "").strip()
    if not text:
        return 0
    if len(text) > 9 or not (text.isascii() and text.isdigit()):
        raise InvalidRequest({LAST_EVENT_ID: ["Must be the id of an event."]})
    return int(text)


def _stream(held: Hold, happened: Iterator[Job | None]) -> Iterator[str]:
    with closing(held):
        yield RETRY
        for job in happened:
            yield NO_NEWS if job is None else _event(job)


def _event(job: Job) -> str:
    body = compact_json(job_body(job))
    return f"id: {job.seq}\ndata: {body}\n\n"
