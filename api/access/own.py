"""Look up, or cancel, a job for its caller; used by every view that takes a job's id."""

from __future__ import annotations

import re

from api.access.guard import caller
from api.house import house
from limner.errors import JobConflict, JobNotFound
from limner.job import Job
from limner.refusals import RefusalCode

_JOB_ID = re.compile(r"[0-9a-f]{32}")


def is_job_id(text: str) -> bool:
    """Return whether a job could be called that."""
    return bool(_JOB_ID.fullmatch(text))


def own_job(job_id: str) -> Job:
    """Return one of the caller's jobs.

    Raises:
        JobNotFound: there is none, or it is another client's.
    """
    if not is_job_id(job_id):
        raise JobNotFound
    return house().store.jobs.get(job_id, caller().name)


def cancelled(job_id: str) -> Job:
    """Cancel one of the caller's jobs and return it; cancelling twice is no error.

    Raises:
        JobNotFound: there is none, or it is another client's.
        JobConflict: it ended otherwise before.
    """
    job = own_job(job_id)
    if not house().store.lanes.cancel(job.id):
        message = "The job ended before it could be cancelled."
        raise JobConflict(message, RefusalCode.ALREADY_ENDED)
    return own_job(job.id)
