"""What operators ask for: which jobs and how many; used by ``api/ops``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from limner.job import Status, from_ms
from limner.request import Lane
from schemas.fields import Integer, Name, OneOf, Tag, Text
from schemas.limner.listing import Cursor
from schemas.wire import Query, Wire

LIMIT_DEFAULT = 100
LIMIT_MOST = 1000
MEANINGS = {
    "lane": "Of this lane.",
    "engine": "That this engine draws or drew.",
    "client": "Of this client.",
    "reason": "That failed for this reason: a code such as engine_down.",
    "since": "Accepted since: 30min, 2h, 3d (ago), or a time; of dead letters: given up since.",
    "tag": "With this tag.",
    "why": "Given up for this reason.",
    "limit": "Most entries of the answer.",
}


class FilterSchema(Wire):
    """Which jobs are meant; the names are those of the command line."""

    meanings = MEANINGS

    lane = OneOf(Lane)
    engine = Name()
    client = Name()
    status = OneOf(Status)
    reason = Name()
    since = Text(longest=64, blank=False)
    tag = Tag()


@dataclass(frozen=True, slots=True)
class Sought:
    """A page of the jobs that a filter names; ``before``: the last one of the page before."""

    filters: Mapping[str, Any]
    before: tuple[datetime, str] | None
    limit: int


class JobsQuery(FilterSchema, Query):
    """The query of ``GET /ops/jobs``."""

    cursor = Cursor()
    limit = Integer(1, LIMIT_MOST, absent=LIMIT_DEFAULT)

    def read(self, query: Mapping[str, str]) -> Sought:
        """Return what is asked for.

        Raises:
            InvalidRequest: a parameter is wrong or unknown.
        """
        found = self.fields_of(query)
        cursor, limit = found.pop("cursor"), found.pop("limit")
        before = None
        if cursor:
            at_ms, _, job_id = cursor.partition("-")
            before = (from_ms(int(at_ms)), job_id)
        return Sought(found, before, limit)


class LettersQuery(FilterSchema, Query):
    """The query of ``GET /ops/dead-letters``."""

    why = Text(longest=64, blank=False)
    limit = Integer(1, LIMIT_MOST, absent=LIMIT_DEFAULT)


class AuditQuery(Query):
    """The query of ``GET /ops/audit``."""

    meanings = MEANINGS

    limit = Integer(1, LIMIT_MOST, absent=LIMIT_DEFAULT)
