"""POST ``/ops/jobs/cancel`` and ``/ops/dead-letters/resend``: change many by filter, once their number is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from api.answer import answer
from api.body import json_object
from api.house import house
from api.ops.entry import a_room, actor, as_options
from cli import callbacks, many
from limner.errors import JobConflict
from schemas.ops.asked import MANY_MOST, ManyLettersSchema, ManySchema

bulk = a_room("bulk")

_JOBS, _LETTERS = ManySchema(), ManyLettersSchema()


@bulk.post("/jobs/cancel")
def cancel_jobs() -> Response:
    """Cancel the unfinished jobs that the filter names."""
    asked, store = _JOBS.fields_of(json_object(actor())), house().store
    options = as_options(asked)
    jobs = store.search.find(many.wanted(options, many.UNFINISHED), MANY_MOST)
    done = 0
    if _confirmed(asked, len(jobs)):
        done = many.cancel_these(store, actor(), jobs, many.filters(options))
    return answer({"found": len(jobs), "cancelled": done})


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
