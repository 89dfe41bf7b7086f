"""The one shape in which a job is shown: in responses, look-ups and callback bodies.

``job_body`` is called by the API's views and the callback dispatcher; the OpenAPI document describes
``JobSchema``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from limner.followup import BUTTONS
from limner.job import Job, Status
from limner.reasons import Reason
from limner.request import Lane
from schemas.shape import AnswerSchema, Rfc3339, maybe, told

STATUS_CODE: Mapping[Status, int] = {
    Status.WAITING: -2,
    Status.SUBMITTED: -1,
    Status.DRAWING: 0,
    Status.DONE: 1,
    Status.FAILED: 2,
}
STATUS_OF: Mapping[int, Status] = {code: status for status, code in STATUS_CODE.items()}

#: the follow-ups; each is 1 once it has been used
MARKS = ("u1", "u2", "u3", "u4", "r", "v1", "v2", "v3", "v4")
_STATUSES = "−2 waiting, −1 submitted, 0 drawing, 1 done, 2 failed. After 1 or 2 nothing changes."


class StatusCode(fields.Integer):
    """A status as its number on the wire."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> int | None:
        return None if value is None else STATUS_CODE[value]


class IsFast(fields.Boolean):
    """A lane, as the boolean that callers send."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> bool:
        return value is Lane.FAST


class Notes(fields.Dict):
    """An engine's notes on a drawing, in any form."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any]:
        return dict(value)


class Mark(fields.Integer):
    """Whether the follow-up that gives the field its name has been used."""

    def __init__(self) -> None:
        super().__init__(attribute="marks", **told("1: already used", enum=[0, 1]))

    def _serialize(self, value: Any, *_: Any, **__: Any) -> int:
        return int(self.name in value)


class PictureSchema(AnswerSchema):
    """One stored picture."""

    url = fields.String(**told("unguessable; `?x-oss-process=style/scale512` gives a thumbnail"))
    width = fields.Integer(**told("pixels"))
    height = fields.Integer(**told("pixels"))


class JobSchema(AnswerSchema):
    """The job, dumped from ``limner.job.Job``."""

    id = fields.String(**told(pattern="^[0-9a-f]{32}$"))
    message_id = fields.String(attribute="id", **told("the same as id"))
    tag = fields.String(**told("as sent"))
    status = StatusCode(**told(_STATUSES, enum=sorted(STATUS_OF)))
    progress = fields.Integer(**told("percent", minimum=0, maximum=100))
    prompt = fields.String(attribute="request.prompt", **maybe())
    prompt_en = fields.String(attribute="request.prompt_en", **told())
    final_prompt = fields.String(**told("with a flag for each parameter that was given"))
    fast = IsFast(attribute="lane", **told())
    draw_type = fields.String(**told("draw, or the button that made it", enum=["draw", *BUTTONS]))
    ar = fields.String(**told("the aspect ratio that is drawn"))
    ar_requested = fields.String(**maybe("the ratio asked for, if ar is only the nearest to it"))
    url = fields.String(
        attribute="picture.url",
        **maybe("the newest picture: a preview while drawing, the grid when done"),
    )
    width = fields.Integer(attribute="picture.width", **maybe("pixels"))
    height = fields.Integer(attribute="picture.height", **maybe("pixels"))
    images = fields.Nested(
        PictureSchema, many=True, attribute="cells", **told("the four cells, when done")
    )
    u1, u2, u3, u4, r, v1, v2, v3, v4 = (Mark() for _ in MARKS)
    reason = fields.String(**maybe("why it failed, for people"))
    reason_code = fields.String(**maybe("why it failed, for programs", enum=[*Reason, None]))
    engine = fields.String(**maybe())
    position = fields.Integer(**maybe("1 = next; null unless waiting"))
    notes = Notes(**told("what the engine approximated or left out"))
    extra = fields.String(attribute="request.extra", **maybe("as sent"))
    created_at = Rfc3339(**told())
    started_at = Rfc3339(**maybe())
    finished_at = Rfc3339(**maybe())
    seq = fields.Integer(**told("the number of the job's newest event", minimum=0))


_JOB = JobSchema()


def job_body(job: Job) -> dict[str, Any]:
    """Return the job as callers see it, ready for JSON."""
    return _JOB.show(job)
