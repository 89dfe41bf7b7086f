"""Show a job's callbacks, resend its dead letters, and test its receiver; see docs/callbacks.md."""

from __future__ import annotations

from flask import Blueprint, Response

from api.access import guard
from api.access.own import own_job
from api.answer import answer
from api.body import has_body, json_object
from api.house import house
from api.trying import tried
from schemas.limner.callbacks import ResendSchema, callbacks_body, trial_body
from schemas.limner.shapes import count_body

callbacks = Blueprint("callbacks", __name__, url_prefix="/draw/midjourney")
callbacks.before_request(guard.let_in_or_page)

_RESEND = ResendSchema()


@callbacks.get("/jobs/<job_id>/callbacks")
def told(job_id: str) -> Response:
    """Show which events of a job were delivered, and which are still to be."""
    return answer(callbacks_body(house().store.outbox.told(own_job(job_id).id)))


@callbacks.post("/jobs/<job_id>/callbacks/resend")
def resend(job_id: str) -> Response:
    """Resend a job's dead letters, or its last event if there are none; return how many."""
    job = own_job(job_id)
    asked = _RESEND.read(json_object() if has_body() else {})
    outbox = house().store.outbox
    return answer(count_body(sum(outbox.resend(job.id, seq) for seq in asked.seqs(job.id))))


@callbacks.post("/jobs/<job_id>/callbacks/test")
def test(job_id: str) -> Response:
    """Post a test event to where a job's callbacks go; return what came of it."""
    return answer(trial_body(tried(own_job(job_id))))
