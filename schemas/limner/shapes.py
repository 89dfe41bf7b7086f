"""The small response shapes: a refusal, an envelope, a count, a page of jobs."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from limner.job import Job
from schemas.limner.job import JobSchema
from schemas.shape import AnswerSchema, maybe, told


class RefusalSchema(AnswerSchema):
    """Every refusal (`api/errors.py` makes them, also for requests that never reach the application)."""

    status_code = fields.Integer(**told("the HTTP status"))
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


class CountSchema(AnswerSchema):
    """A count."""

    data = fields.Integer(**told(minimum=0))


class PageSchema(AnswerSchema):
    """A page of a client's jobs, newest first."""

    data = fields.Nested(JobSchema, many=True, attribute="jobs", **told())
    cursor = fields.String(**maybe("for the next page; null: this is the last one"))


_SUCCESS = SuccessSchema()
_COUNT = CountSchema()
_PAGE = PageSchema()


def success_body(job: Job) -> dict[str, Any]:
    """Return a follow-up's job in its envelope."""
    body: dict[str, Any] = _SUCCESS.dump({"data": job})
    return body


def count_body(count: int) -> dict[str, Any]:
    """Return a count."""
    body: dict[str, Any] = _COUNT.dump({"data": count})
    return body


def page_body(page: Any) -> dict[str, Any]:
    """Return a page of jobs, from an object with ``jobs`` and a ``cursor``."""
    return _PAGE.show(page)
