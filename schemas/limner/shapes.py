"""The small response shapes: a refusal, an envelope, a count, a page of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import fields

from limner.job import Job
from limner.refusals import RefusalCode
from schemas.limner.job import Applied, JobSchema
from schemas.shape import AnswerSchema, Rfc3339, maybe, told


class RefusalSchema(AnswerSchema):
    """Every refusal (`api/errors.py` makes them, also for requests that never reach the application)."""

    status_code = fields.Integer(**told("the HTTP status"))
    code = fields.String(
        **told(
            "\n".join(["why, for programs:", *(f"- `{one}`: {one.advice}" for one in RefusalCode)]),
            enum=list(RefusalCode),
        )
    )
    message = fields.String(**told("one sentence"))
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        **told("by field, what is wrong with it"),
    )


class SuccessSchema(AnswerSchema):
    """The envelope that callers of the documented API expect around a follow-up's job."""

    status_code = fields.Constant(0, **told(type="integer", enum=[0]))
    message = fields.Constant("success", **told(type="string", enum=["success"]))
    data = fields.Nested(JobSchema, **told())


class PlanSchema(AnswerSchema):
    """What would become of a job if it were accepted now (``dryRun``)."""

    dry_run = fields.Constant(True, **told(type="boolean", enum=[True]))
    final_prompt = fields.String(**told("with a flag for each parameter that was given"))
    engine = fields.String(**maybe("the engine that would be taken; null: none could draw it"))
    applied = Applied(**maybe("what that engine would apply; null: it has not said yet"))
    position = fields.Integer(**told("1 = next", minimum=1))
    count = fields.Integer(**told("how many cells would be drawn", minimum=1, maximum=4))
    width = fields.Integer(**told("of a cell, pixels"))
    height = fields.Integer(**told("of a cell, pixels"))


class AddressSchema(AnswerSchema):
    """A signed address of a job's events."""

    url = fields.String(**told("opens the stream without a token"))
    expires_at = Rfc3339(**told("until when a stream may be opened; one that is open goes on"))


class CountSchema(AnswerSchema):
    """A count."""

    data = fields.Integer(**told(minimum=0))


class PageSchema(AnswerSchema):
    """A page of a client's jobs, newest first."""

    data = fields.Nested(JobSchema, many=True, attribute="jobs", **told())
    cursor = fields.String(**maybe("for the next page; null: this is the last one"))


_SUCCESS = SuccessSchema()
_COUNT = CountSchema()
_ADDRESS = AddressSchema()
_PLAN = PlanSchema()
_PAGE = PageSchema()


def success_body(job: Job) -> dict[str, Any]:
    """Return a follow-up's job in its envelope."""
    body: dict[str, Any] = _SUCCESS.dump({"data": job})
    return body


def plan_body(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what would become of a job, from the fields of ``PlanSchema`` by their own names."""
    body: dict[str, Any] = _PLAN.dump(plan)
    return body


def address_body(url: str, expires_at: datetime) -> dict[str, Any]:
    """Return a signed address."""
    body: dict[str, Any] = _ADDRESS.dump({"url": url, "expires_at": expires_at})
    return body


def count_body(count: int) -> dict[str, Any]:
    """Return a count."""
    body: dict[str, Any] = _COUNT.dump({"data": count})
    return body


def page_body(page: Any) -> dict[str, Any]:
    """Return a page of jobs, from an object with ``jobs`` and a ``cursor``."""
    return _PAGE.show(page)
