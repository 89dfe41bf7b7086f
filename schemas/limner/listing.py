"""The query parameters of the list of jobs; used by ``api/faces/limner/jobs.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from limner.job import Status
from schemas.cursor import Cursor
from schemas.fields import Integer, Tag, Text
from schemas.status import STATUS_OF
from schemas.wire import Query

LIMIT_DEFAULT = 20
LIMIT_MOST = 100
#: characters of the words to look for
WORDS_MOST = 200


@dataclass(frozen=True, slots=True)
class Listing:
    """Which of the client's jobs to list; None: no filter, or the first page."""

    tag: str | None
    status: Status | None
    words: str | None
    cursor: str | None
    limit: int


class ListingSchema(Query):
    """The query of ``GET /draw/midjourney/jobs``."""

    tag = Tag()
    status = Integer(min(STATUS_OF), max(STATUS_OF))
    words = Text(longest=WORDS_MOST)
    cursor = Cursor()
    limit = Integer(1, LIMIT_MOST, absent=LIMIT_DEFAULT)

    def read(self, query: Mapping[str, str]) -> Listing:
        """Return what is asked for.

        Raises:
            InvalidRequest: a parameter is wrong or unknown.
        """
        found = self.fields_of(query)
        status = found.pop("status")
        return Listing(status=None if status is None else STATUS_OF[status], **found)
