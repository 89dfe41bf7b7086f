"""The pages of operators: overview, jobs, a job, dead letters, audit. What they show and do comes by ``/ops``."""

from __future__ import annotations

import re

from flask import Response
from werkzeug.exceptions import NotFound

from api.console.room import a_room, page
from cli.callbacks import WHYS
from limner.job import Status
from limner.reasons import Reason
from limner.request import Lane
from limner.store.sessions import Holder

steering = a_room("console_steer", Holder.OPERATOR)

_JOB_ID = re.compile(r"[0-9a-f]{32}")
_WORDS = {
    "lane": [lane.value for lane in Lane],
    "status": [status.value for status in Status],
    "reason": [reason.value for reason in Reason],
    "why": WHYS,
}


@steering.get("/overview")
def overview() -> Response:
    """Show lanes, engines, clients, callbacks and workers on one screen."""
    return page("overview")


@steering.get("/jobs")
def jobs() -> Response:
    """Show the jobs of all clients by filter."""
    return page("jobs", words=_WORDS)


@steering.get("/jobs/<job_id>")
def job(job_id: str) -> Response:
    """Show one job with its story."""
    if not _JOB_ID.fullmatch(job_id):
        raise NotFound
    return page("job", job_id=job_id)


@steering.get("/letters")
def letters() -> Response:
    """Show the dead letters by filter."""
    return page("letters", words=_WORDS)


@steering.get("/audit")
def audit() -> Response:
    """Show what operators changed."""
    return page("audit")
