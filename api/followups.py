"""Go on from a job that ended: by a button, or by submitting it again.

Called by the views of ``follow`` and by ``again``; the new job goes through ``accept`` like any other.
"""

from __future__ import annotations

from dataclasses import replace

from api.accept import accept
from api.access.guard import caller
from api.access.own import own_job
from api.house import Seeds, house
from limner.errors import JobConflict, JobNotFound, ParentGone
from limner.faces import LIMNER
from limner.followup import FollowUp, Press, cell_of, follow_up, request_of
from limner.job import Job, Status
from limner.refusals import RefusalCode
from limner.request import CELLS, SPOOL, Request
from limner.store import Idempotency


def press(asked: Press, key: Idempotency | None, job_id: str | None = None) -> Job:
    """Accept the follow-up that a button stands for; ``job_id``: as in ``accept``.

    Raises:
        JobNotFound, JobConflict, ParentGone: there is no such job, or nothing of it left to follow up.
    """
    parent = own_job(asked.message_id)
    following = follow_up(parent, asked.button, asked.kind)
    request = request_of(parent, asked)
    place = request.change.cell if request.change else cell_of(asked.button)
    if place is None:
        seeds = _new_seeds(request)
        return accept(request, key, follow_up=following, seeds=seeds, repeats=True, job_id=job_id)
    cell, seeds = parent.pictures[place], parent.seeds[place : place + 1]
    if following.once:
        request = replace(request, references=(), count=1)
        return accept(request, key, follow_up=following, cell=cell, seeds=seeds, job_id=job_id)
    if not house().images.has(house().images.key_of(cell.url)):
        raise ParentGone
    if request.operation != "upscale":
        seeds = _new_seeds(request)
    request = _of_cell(request)
    return accept(request, key, follow_up=following, seeds=seeds, repeats=True, job_id=job_id)


def submit_again(tag: str, key: Idempotency | None) -> Job:
    """Accept a copy of the caller's newest job with that tag.

    Raises:
        JobNotFound, JobConflict, ParentGone: there is none, it did not fail, or the pictures it
            started from have been deleted.
    """
    job = house().store.jobs.newest_by_tag(caller().name, tag)
    if job.status is not Status.FAILED:
        message = f"The newest job with that tag is {job.status}: it has not failed."
        raise JobConflict(message, RefusalCode.NOT_FAILED)
    return submit_copy(replace(job, request=replace(job.request, face=LIMNER, echo=None)), key)


def submit_copy(job: Job, key: Idempotency | None) -> Job:
    """Accept a copy of the caller's job.

    Raises:
        ParentGone: the pictures it started from have been deleted.
    """
    following = FollowUp(job.parent, job.draw_type, _engine_of(job.parent)) if job.parent else None
    return accept(job.request, key, follow_up=following, seeds=job.seeds, repeats=True)


def _of_cell(request: Request) -> Request:
    """Leave out the parent's inline pictures: they may be gone since it ended, and the cell stands in."""

    def kept(pictures: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one for one in pictures if not one.startswith(SPOOL))

    references = kept(request.references)
    return replace(
        request,
        references=references,
        iw=request.iw if references else None,
        style_references=kept(request.style_references),
        object_references=kept(request.object_references),
    )


def _new_seeds(request: Request) -> Seeds:
    """Return other seeds than the parent's: of the same, an engine would draw the same again."""
    return house().seeds()[: request.count or CELLS]


def _engine_of(job_id: str) -> str | None:
    try:
        return own_job(job_id).engine
    except JobNotFound:
        raise ParentGone from None
