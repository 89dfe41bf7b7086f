"""The pages Gallery and of one job, for clients: their own pictures, and all about one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response, request
from werkzeug.exceptions import NotFound

from api.access.session import session_here
from api.console.form import given_by, parameters
from api.console.job_feed import job_of
from api.console.room import a_room, page
from api.house import house
from limner.errors import JobNotFound
from limner.job import Job
from limner.request import Request
from limner.store.sessions import Holder
from schemas.status import STATUS_OF

browsing = a_room("console_gallery", Holder.CLIENT)

#: what the gallery is filtered by, as in ``GET /draw/midjourney/jobs``
FILTERS = ("words", "status", "tag")
#: a longer one is none that a form of ours has sent
_LONGEST = 200


@browsing.get("/gallery")
def gallery() -> Response:
    """Show the client's pictures, newest first; they come by the API."""
    filters = {name: request.args.get(name, "")[:_LONGEST] for name in FILTERS}
    return page("gallery", filters=filters, statuses=sorted(STATUS_OF))


@browsing.get("/gallery/<job_id>")
def one(job_id: str) -> Response:
    """Show all about one of the client's jobs; what changes comes by the page's stream."""
    job = _own(job_id)
    return page("drawing", job=job, asked=list(_asked(job.request)))


def _own(job_id: str) -> Job:
    session = session_here()
    if session is None:
        raise NotFound
    try:
        return job_of(house(), session.name, job_id)
    except JobNotFound:
        raise NotFound from None


def _asked(asked: Request) -> Iterator[dict[str, Any]]:
    """Yield the parameters that were given: ``name`` and ``kind`` as in the form of Draw, and ``value``."""
    given = given_by(asked)["given"]
    for group in parameters():
        for field in group.fields:
            if field.name in given:
                yield {"name": field.name, "kind": field.kind, "value": given[field.name]}
    pictures = {
        "imageList": asked.references,
        "styleRefs": asked.style_references,
        "objectRefs": asked.object_references,
    }
    for name, urls in pictures.items():
        if urls:
            yield {"name": name, "kind": "pictures", "value": len(urls)}
