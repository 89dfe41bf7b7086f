"""Look up, count and cancel jobs. A client sees only its own."""

from __future__ import annotations

from flask import Blueprint, Response, request

from api.access import guard
from api.access.own import cancelled
from api.answer import answer
from api.house import house
from schemas.limner.job import job_body
from schemas.limner.listing import ListingSchema
from schemas.limner.shapes import count_body, page_body

jobs = Blueprint("jobs", __name__, url_prefix="/draw/midjourney")
jobs.before_request(guard.let_in_or_page)

_LISTING = ListingSchema()


@jobs.delete("/jobs/<job_id>")
def cancel(job_id: str) -> Response:
    """Cancel one job, whatever its state; cancelling twice is no error."""
    return answer(job_body(cancelled(job_id)))


@jobs.get("/find/by/<tag>")
def newest_by_tag(tag: str) -> Response:
    """Show the caller's newest job with a tag."""
    return answer(job_body(house().store.jobs.newest_by_tag(guard.caller().name, tag)))


@jobs.get("/jobs")
def listing() -> Response:
    """Show some of the caller's jobs, newest first."""
    asked = _LISTING.read(request.args.to_dict())
    page = house().store.jobs.page(
        guard.caller().name,
        tag=asked.tag,
        status=asked.status,
        words=asked.words,
        cursor=asked.cursor,
        limit=asked.limit,
    )
    return answer(page_body(page))


@jobs.post("/waiting")
def waiting() -> Response:
    """Count the caller's waiting jobs."""
    return answer(count_body(house().store.jobs.waiting_count(guard.caller().name)))


@jobs.post("/pending")
def pending() -> Response:
    """Count the caller's jobs that are submitted or drawing."""
    return answer(count_body(house().store.jobs.running_count(guard.caller().name)))
