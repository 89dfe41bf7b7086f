"""POST ``/ops/jobs/cancel``, ``…/front``, ``…/again``, ``/ops/dead-letters/resend``: change many by filter.

Nothing is changed before the caller has confirmed how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from api.answer import answer
from api.body import json_object
from api.house import house
from api.ops.entry import a_room, actor, as_options
from api.resubmission import Resubmitted, submit_these
from cli import callbacks, many
from limner.errors import JobConflict
from limner.job import Status
from schemas.ops.asked import MANY_MOST, AgainSchema, CancelSchema, FrontSchema, ManyLettersSchema

bulk = a_room("bulk")

_CANCEL, _FRONT, _AGAIN = CancelSchema(), FrontSchema(), AgainSchema()
_LETTERS = ManyLettersSchema()


@bulk.post("/jobs/cancel")
def cancel_jobs() -> Response:
    """Cancel the unfinished jobs that the filter names."""
    asked, store = _CANCEL.fields_of(json_object(actor())), house().store
    options = as_options(asked)
    jobs = store.search.find(many.wanted(options, many.UNFINISHED), MANY_MOST)
    done = 0
    if _confirmed(asked, len(jobs)):
        done = many.cancel_these(store, actor(), jobs, many.filters(options))
    return answer({"found": len(jobs), "cancelled": done})


@bulk.post("/jobs/front")
def many_to_front() -> Response:
    """Move the waiting jobs that the filter names to the front of their lanes."""
    asked, store = _FRONT.fields_of(json_object(actor())), house().store
    options = as_options(asked)
    jobs = store.search.find(many.wanted(options, {Status.WAITING}), MANY_MOST)
    done = 0
    if _confirmed(asked, len(jobs)):
        done = many.front_these(store, actor(), jobs, many.filters(options))
    return answer({"found": len(jobs), "moved": done})


@bulk.post("/jobs/again")
def submit_again() -> Response:
    """Submit the failed jobs that the filter names again."""
    asked, store = _AGAIN.fields_of(json_object(actor())), house().store
    options = as_options(asked)
    jobs = store.search.find(many.wanted(options, {Status.FAILED}), MANY_MOST)
    outcome = Resubmitted()
    if _confirmed(asked, len(jobs)):
        outcome = submit_these(actor(), jobs, many.filters(options))
    return answer(outcome.body(len(jobs)))


@bulk.post("/dead-letters/resend")
def resend_letters() -> Response:
    """Resend the dead letters that the filter names."""
    asked, store = _LETTERS.fields_of(json_object(actor())), house().store
    options = as_options(asked | {"limit": MANY_MOST})
    letters = callbacks.dead_letters(store, options)
    done = 0
    if _confirmed(asked, len(letters)):
        done = callbacks.resend_these(store, actor(), letters, callbacks.letter_filters(options))
    return answer({"found": len(letters), "callbacks": done})


def _confirmed(asked: Mapping[str, Any], count: int) -> bool:
    """Say whether to go on.

    Raises:
        JobConflict: another number was confirmed.
    """
    if asked["dry_run"]:
        return False
    if asked["confirm"] != count:
        raise JobConflict(f"That is not how many these are: {count}.")
    return bool(count)
