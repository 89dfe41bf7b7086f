"""POST ``submit/change``, ``simple-change``, ``action`` and ``modal``: go on from a task that is done.

A button that opens a window makes a draft, under the id that its job will have: so submitting the window
twice, at whatever process, finds the first one's job. A cell is picked under an id made from its parent's,
for the same reason: picking it again finds it.
"""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Response

from api.access.guard import caller
from api.access.own import own_job
from api.asking import new_tag
from api.body import asked
from api.faces.mjproxy.entry import lane_of
from api.faces.mjproxy.shown import shown
from api.followups import press
from api.house import house
from limner.draft import Draft
from limner.errors import InvalidRequest, JobConflict, JobNotFound
from limner.followup import PICKS, REMIX, VARIATIONS, Press, closed
from limner.ids import DIGITS
from limner.job import Job
from limner.store import Idempotency
from schemas.mjproxy.answer import submitted_body, window_body
from schemas.mjproxy.body import FACE, TOLD
from schemas.mjproxy.buttons import Pressed, pressed
from schemas.mjproxy.following import (
    ActionBody,
    ChangeBody,
    Follow,
    ModalBody,
    SimpleChangeBody,
)
from schemas.mjproxy.window import filled

_CHANGE = ChangeBody()
_SIMPLE_CHANGE = SimpleChangeBody()
_ACTION = ActionBody()
_MODAL = ModalBody()


def change() -> Response:
    """Pick a cell, vary one, or draw again."""
    return _changed(_CHANGE)


def simple_change() -> Response:
    """Do the same, said in one line."""
    return _changed(_SIMPLE_CHANGE)


def action() -> Response:
    """Press one of a task's buttons."""
    follow, key = asked(_ACTION)
    job = own_job(follow.task_id)
    button = pressed(follow.custom_id or "")
    if button is None or button.job != job.id:
        raise InvalidRequest({"customId": ["Must be of one of the task's buttons."]})
    wanted = _press(job, follow, button)
    remixed = follow.remix and button.button in VARIATIONS and closed(job, REMIX) is None
    if button.window or remixed:
        return shown(_opened(job, wanted))
    return shown(_followed(wanted, key))


def modal() -> Response:
    """Submit the window that a button opened; again, or for a task without one, it only answers."""
    window, key = asked(_MODAL)
    job = _own_job_or_none(window.task_id)
    if job is None:
        found = house().store.drafts.find(caller().name, [window.task_id])
        if not found:
            raise JobNotFound
        draft = found[window.task_id]
        wanted = filled(draft.press, own_job(draft.press.message_id), window)
        job = press(wanted, key, draft.id)
    return shown(submitted_body(job))


def _changed(schema: ChangeBody | SimpleChangeBody) -> Response:
    follow, key = asked(schema)
    job = own_job(follow.task_id)
    wanted = _press(job, follow, Pressed(job.id, follow.letters or ""))
    return shown(_followed(wanted, key))


def _followed(wanted: Press, key: Idempotency | None) -> dict[str, Any]:
    pick_id = _pick_id(wanted)
    try:
        return submitted_body(press(wanted, key, pick_id))
    except JobConflict:
        # The cell was picked before; one that another face picked has an id of its own.
        if pick_id and (picked := _own_job_or_none(pick_id)):
            return submitted_body(picked)
        raise


def _press(job: Job, follow: Follow, button: Pressed) -> Press:
    strong = follow.strong and button.button in VARIATIONS
    return Press(
        button=f"vs{button.button[1]}" if strong else button.button,
        message_id=job.id,
        lane=lane_of(follow.lane, job.lane),
        tag=new_tag(),
        callback_url=follow.callback_url,
        extra=follow.state,
        kind=button.kind,
        scale=button.scale,
        direction=button.direction,
        callback_statuses=TOLD,
        face=FACE,
    )


def _opened(job: Job, wanted: Press) -> dict[str, Any]:
    """Keep a draft of what was pressed, and return the answer that asks for the rest."""
    if why := closed(job, wanted.button):
        raise why
    here = house()
    draft = Draft(here.job_id(), wanted, here.now())
    here.store.drafts.keep(caller().name, draft)
    return window_body(draft, job)


def _pick_id(wanted: Press) -> str | None:
    """Return the id of the job that picks this cell; None: it picks none."""
    if wanted.button not in PICKS:
        return None
    return hashlib.sha256(f"{wanted.message_id} {wanted.button}".encode()).hexdigest()[:DIGITS]


def _own_job_or_none(job_id: str) -> Job | None:
    try:
        return own_job(job_id)
    except JobNotFound:
        return None
