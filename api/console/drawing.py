"""The page Draw, for clients: ask for a drawing, and watch the newest ones."""

from __future__ import annotations

import re

from flask import Response, request

from api.access.session import session_here
from api.console.form import given_by, parameters
from api.console.room import a_room, page
from api.house import house
from limner.job import Job
from limner.request import Lane
from limner.store.sessions import Holder

drawing = a_room("console_draw", Holder.CLIENT)

_JOB_ID = re.compile(r"[0-9a-f]{32}")


@drawing.get("/draw")
def draw() -> Response:
    """Show the form, filled from an earlier job if asked to; the newest jobs come by the page's stream."""
    earlier = _earlier(request.args.get("from", ""))
    filled = given_by(earlier.request) if earlier else {"given": {}}
    return page("draw", groups=parameters(), lanes=_lanes(), **filled)


def _lanes() -> list[str]:
    session = session_here()
    client = house().store.clients.get(session.name) if session else None
    return [lane.value for lane in Lane if client is None or lane in client.lanes]


def _earlier(job_id: str) -> Job | None:
    """Return the job whose parameters fill the form.

    Raises:
        JobNotFound: there is none, or it is another client's.
    """
    session = session_here()
    if session is None or not _JOB_ID.fullmatch(job_id):
        return None
    return house().store.jobs.get(job_id, session.name)
