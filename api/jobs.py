"""Look jobs up and count them: by id, by tag, as a list (DESIGN 2.4). A client sees its own only."""

from __future__ import annotations

import re

from flask import Blueprint, Response, request

from api import guard
from api.answer import answer
from api.house import house
from limner.errors import JobNotFound
from schemas.job import job_body
from schemas.listing import ListingSchema

jobs = Blueprint("jobs", __name__, url_prefix="/draw/midjourney")
jobs.before_request(guard.let_in)

_LISTING = ListingSchema()
_JOB_ID = re.compile(r"[0-9a-f]{32}")


@jobs.get("/jobs/<job_id>")
def by_id(job_id: str) -> Response:
    """Show one job."""
    if not _JOB_ID.fullmatch(job_id):
        raise JobNotFound
    return answer(job_body(house().store.jobs.get(job_id, guard.caller().name)))


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
        cursor=asked.cursor,
        limit=asked.limit,
    )
    return answer({"data": [job_body(job) for job in page.jobs], "cursor": page.cursor})


@jobs.post("/waiting")
def waiting() -> Response:
    """Count the caller's jobs that wait."""
    return answer({"data": house().store.jobs.waiting_count(guard.caller().name)})


@jobs.post("/pending")
def pending() -> Response:
    """Count the caller's jobs that are submitted or drawing."""
    return answer({"data": house().store.jobs.running_count(guard.caller().name)})
