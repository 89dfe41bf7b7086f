"""Sessions of the handshake revisions: only a name, so that a call can be cancelled by its number in it.

Nothing is kept of a session. The job of a call has a tag made of the session's name and the call's number, and is
found by it: through any process, on any host.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from typing import Any

from flask import Response, request

from api.access.guard import caller
from api.asking import new_tag
from api.house import house
from limner.errors import JobNotFound
from limner.ids import new_id
from schemas.mcp.arguments import FACE

HEADER = "Mcp-Session-Id"
_NAME = re.compile(r"[\x21-\x7e]{1,128}")


def begin(response: Response) -> None:
    """Name the session that begins with this answer."""
    response.headers[HEADER] = new_id()


def tag_of(message_id: Any) -> str:
    """Return the tag of the job that a call makes."""
    session = request.headers.get(HEADER, "")
    # Without a session, two clients with one token may use the same numbers.
    return _tag(session, message_id) if _NAME.fullmatch(session) else new_tag()


def cancel(message_id: Any) -> None:
    """Cancel the job of a call of this session, if there is one and it has not ended."""
    session = request.headers.get(HEADER, "")
    if not _NAME.fullmatch(session):
        return
    store = house().store
    with contextlib.suppress(JobNotFound):
        job = store.jobs.newest_by_tag(caller().name, _tag(session, message_id))
        if job.request.face == FACE:
            store.lanes.cancel(job.id)


def expose(response: Response) -> Response:
    """Let pages read the session's name; for ``after_request``."""
    seen = response.headers.get("Access-Control-Expose-Headers")
    response.headers["Access-Control-Expose-Headers"] = f"{seen}, mcp-session-id"
    return response


def _tag(session: str, message_id: Any) -> str:
    return hashlib.sha256(f"{session} {message_id!r}".encode()).hexdigest()[:32]
