"""Look up, list and cancel tasks. A client sees its own only; drafts are among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response

from api.access.guard import caller
from api.access.own import cancelled, own_job
from api.body import json_object
from api.faces.mjproxy.shown import shown
from api.house import house
from limner.draft import Draft
from limner.errors import JobConflict, JobNotFound
from schemas.mjproxy.answer import ACCEPTED, result_body
from schemas.mjproxy.body import ID_LENGTH
from schemas.mjproxy.following import IdsBody
from schemas.mjproxy.task import draft_body, task_body

LISTED_MOST = 100
_IDS = IdsBody()


def fetch(task_id: str) -> Response:
    """Show one task."""
    tasks = _tasks([task_id])
    if not tasks:
        raise JobNotFound("task_no_found")
    return shown(tasks[0])


def some() -> Response:
    """Show tasks by their ids; what there is not is left out."""
    return shown(_tasks(_IDS.read(json_object())))


def newest() -> Response:
    """Show the newest tasks."""
    page = house().store.jobs.page(caller().name, limit=LISTED_MOST)
    return shown([task_body(job) for job in page.jobs])


def queue() -> Response:
    """Show those of the newest tasks that have not ended."""
    page = house().store.jobs.page(caller().name, ended=False, limit=LISTED_MOST)
    return shown([task_body(job) for job in page.jobs])


def image_seed(task_id: str) -> Response:
    """Tell the seed of a task's first picture."""
    seeds = own_job(task_id).drawn_seeds
    if not seeds:
        raise JobConflict("The seed is not known: the task is not done, or its engine did not say.")
    return shown(result_body(ACCEPTED, "Success.", str(seeds[0])))


def cancel(task_id: str) -> Response:
    """Cancel a task, or drop a draft."""
    if _drafts([task_id]) and not _jobs([task_id]):
        house().store.drafts.drop(caller().name, task_id)
    else:
        cancelled(task_id)
    return shown(result_body(ACCEPTED, "Cancelled.", task_id))


def _tasks(ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the caller's tasks with these ids, in this order."""
    ids = [one for one in ids if 0 < len(one) <= ID_LENGTH]
    found = {job_id: task_body(job) for job_id, job in _jobs(ids).items()}
    drafts = _drafts([one for one in ids if one not in found])
    parents = _jobs([draft.press.message_id for draft in drafts.values()])
    for draft in drafts.values():
        # A draft of a job that is gone is gone.
        if parent := parents.get(draft.press.message_id):
            found[draft.id] = draft_body(draft, parent)
    return [found[one] for one in ids if one in found]


def _jobs(ids: Sequence[str]) -> dict[str, Any]:
    return {job.id: job for job in house().store.jobs.several(ids, caller().name)} if ids else {}


def _drafts(ids: Sequence[str]) -> dict[str, Draft]:
    return house().store.drafts.find(caller().name, ids)
