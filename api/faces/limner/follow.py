"""POST ``button`` and ``refresh``: go on from a job that ended; see docs/api.md."""

from __future__ import annotations

from flask import Blueprint, Response

from api.accept import accepted_before
from api.access import guard
from api.answer import answer
from api.body import asked
from api.followups import press, submit_again
from schemas.limner.followup import ButtonSchema, RefreshSchema
from schemas.limner.shapes import success_body

follow = Blueprint("follow", __name__, url_prefix="/draw/midjourney")
follow.before_request(guard.let_in_or_page)

_BUTTON = ButtonSchema()
_REFRESH = RefreshSchema()


@follow.post("/button")
def button() -> Response:
    """Pick a cell of a job that is done, vary one, or draw the job again."""
    wanted, key = asked(_BUTTON)
    return answer(success_body(accepted_before(key) or press(wanted, key)))


@follow.post("/refresh")
def refresh() -> Response:
    """Submit the newest job with a tag again, if it failed."""
    tag, key = asked(_REFRESH)
    return answer(success_body(accepted_before(key) or submit_again(tag, key)))
