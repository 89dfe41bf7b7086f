"""What operators ask for: which jobs and how many; used by ``api/ops``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from marshmallow import ValidationError, fields

from limner.job import Status, from_ms
from limner.request import Lane
from schemas.cursor import Cursor
from schemas.fields import Boolean, Integer, Name, OneOf, Strict, Tag, Text
from schemas.limner.callbacks import SEQ_MOST
from schemas.names import camel
from schemas.wire import Query, Wire

LIMIT_DEFAULT = 100
LIMIT_MOST = 1000
#: the last moment that Python can tell; a cursor may have more digits
LATEST_MS = 253_402_300_799_000
#: most jobs changed by one request
MANY_MOST = 10_000
_JOB_ID = re.compile(r"[0-9a-f]{32}")
MEANINGS = {
    "lane": "Of this lane.",
    "engine": "That this engine draws or drew.",
    "client": "Of this client.",
    "reason": "That failed for this reason: a code such as engine_down.",
    "since": "Accepted since: 30min, 2h, 3d (ago), or a time; of dead letters: given up since.",
    "tag": "With this tag.",
    "id": "With this id alone.",
    "why": "Given up for this reason.",
    "dryRun": "true: only tell how many these are.",
    "confirm": "How many these are, as dryRun told; another number changes nothing.",
    "seq": "Only the event of this number; null: every dead letter, or else the last event.",
    "limit": "Most entries of the answer.",
}


class Since(Text):
    """How long ago, or a time, as ``cli.many.moment_of`` reads it."""

    def __init__(self) -> None:
        super().__init__(longest=64, blank=False)


class ClientName(Strict[str | None]):
    """A client's name, which may have letters of any script; ``""`` is the same as leaving the field out."""

    longest = 64

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        if not isinstance(value, str) or len(value) > self.longest:
            raise ValidationError(f"Must be a name of at most {self.longest} characters.")
        return value or None


class JobId(Strict[str]):
    """A job's id."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str) or not _JOB_ID.fullmatch(value):
            raise ValidationError("Must be a job's id: 32 hex digits.")
        return value


class FilterSchema(Wire):
    """Which jobs are meant; the names are those of the command line."""

    meanings = MEANINGS

    lane = OneOf(Lane)
    engine = Name()
    client = ClientName()
    status = OneOf(Status)
    reason = Name()
    since = Since()
    tag = Tag()
    id = JobId()


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
            before = (from_ms(min(int(at_ms), LATEST_MS)), job_id)
        return Sought(found, before, limit)


class LettersQuery(FilterSchema, Query):
    """The query of ``GET /ops/dead-letters``."""

    why = Text(longest=64, blank=False)
    limit = Integer(1, LIMIT_MOST, absent=LIMIT_DEFAULT)


def _given(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"required": [name], "properties": {name: schema}}


#: what of jobs can be filtered by
FILTERS = ("lane", "engine", "client", "status", "reason", "since", "tag", "id")


def _a_filter_and_the_count(*filters: str) -> dict[str, Any]:
    """Return what ``ManySchema.misfits`` asks for, as JSON Schema."""
    return {
        "allOf": [
            {"anyOf": [_given(name, {"not": {"enum": ["", None]}}) for name in filters]},
            {
                "anyOf": [
                    _given("confirm", {"type": "integer"}),
                    _given("dryRun", {"enum": [True, 1, "true", "1"]}),
                ]
            },
        ]
    }


class ManySchema(FilterSchema):
    """Which of many jobs to change, and how many these are: found out by ``dryRun``."""

    rules: ClassVar = _a_filter_and_the_count(*FILTERS)

    dry_run = Boolean()
    confirm = Integer(0, MANY_MOST)

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field on the wire."""
        field_obj.data_key = camel(field_name)

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return what is missing: a filter, or the count."""
        if not any(given for name, given in found.items() if name not in ("dry_run", "confirm")):
            return {"status": ["Name at least one of the filters."]}
        if found["confirm"] is None and not found["dry_run"]:
            return {"confirm": ["Send how many these are, as dryRun says, or dryRun: true."]}
        return {}


class CancelSchema(ManySchema):
    """Which of the jobs that have not ended."""

    status = OneOf([status for status in Status if not status.ended])


class AgainSchema(ManySchema):
    """Which of the jobs that have failed."""

    status = OneOf([Status.FAILED])


class FrontSchema(ManySchema):
    """Which of the jobs that wait."""

    status = OneOf([Status.WAITING])


class ManyLettersSchema(ManySchema):
    """The same for dead letters."""

    rules: ClassVar = _a_filter_and_the_count(*FILTERS, "why")

    why = Text(longest=64, blank=False)


class ResendOneSchema(Wire):
    """Which of a job's callbacks to resend."""

    meanings = MEANINGS

    seq = Integer(1, SEQ_MOST)


class AuditQuery(Query):
    """The query of ``GET /ops/audit``."""

    meanings = MEANINGS

    limit = Integer(1, LIMIT_MOST, absent=LIMIT_DEFAULT)
