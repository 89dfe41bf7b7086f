"""The one shape in which a job is shown: in responses, look-ups and callback bodies.

``job_body`` is called by the API's views and the callback dispatcher; the OpenAPI document describes
``JobSchema``.
"""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from limner.followup import BUTTONS, buttons_of
from limner.job import ALONE, Job
from limner.reasons import Reason
from limner.request import Lane
from schemas.names import wire_name
from schemas.shape import AnswerSchema, Rfc3339, maybe, told
from schemas.status import STATUS_CODE, STATUS_OF

#: the follow-ups; each is 1 once it has been used
MARKS = ("u1", "u2", "u3", "u4", "r", "v1", "v2", "v3", "v4")
#: as ``lib_halts.lua`` names it
WAITS_FOR = ("lane paused", "client paused", "engine paused")
DRAW_TYPES = ("draw", *ALONE, *BUTTONS)
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


class Applied(fields.Dict):
    """What the engine made of each parameter, by the parameter's name on the wire."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> dict[str, str] | None:
        return None if value is None else {wire_name(name): level for name, level in value.items()}


class Seeds(fields.List[int]):
    """The seeds that an engine used, or null."""

    def __init__(self, **options: Any) -> None:
        super().__init__(fields.Integer(), attribute="drawn_seeds", **options)

    def _serialize(self, value: Any, *_: Any, **__: Any) -> list[int] | None:
        return list(value) or None


class Texts(fields.List[str]):
    """Some texts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(fields.String(), **options)

    def _serialize(self, value: Any, *_: Any, **__: Any) -> list[str]:
        return list(value)


class Buttons(Texts):
    """The follow-ups that are open on a job."""

    def _serialize(self, value: Any, attr: Any, obj: Any, **__: Any) -> list[str]:
        return list(buttons_of(obj))


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
    prompt_translated = fields.String(
        attribute="translation.prompt",
        **maybe(
            "the words in English, as the engine got them, if promptEn was in another language"
        ),
    )
    fast = IsFast(attribute="lane", **told())
    draw_type = fields.String(
        **told("draw, blend, describe, or the button that made it", enum=[*DRAW_TYPES])
    )
    parent_id = fields.String(
        attribute="parent", **maybe("the job whose button made it, or a copy of such a job")
    )
    ar = fields.String(**told("the aspect ratio that is drawn"))
    ar_requested = fields.String(**maybe("the ratio asked for, if ar is only the nearest to it"))
    url = fields.String(
        attribute="picture.url",
        **maybe("the newest picture: a preview while drawing, the grid when done"),
    )
    width = fields.Integer(attribute="picture.width", **maybe("pixels"))
    height = fields.Integer(attribute="picture.height", **maybe("pixels"))
    images = fields.Nested(
        PictureSchema,
        many=True,
        attribute="cells",
        **told("the cells, when done; a single one is url, too"),
    )
    u1, u2, u3, u4, r, v1, v2, v3, v4 = (Mark() for _ in MARKS)
    reason = fields.String(**maybe("why it failed, for people"))
    reason_code = fields.String(**maybe("why it failed, for programs", enum=[*Reason, None]))
    engine = fields.String(**maybe())
    position = fields.Integer(
        **maybe("its place in the fair order, 1 = next; null unless waiting, or if waitsFor is set")
    )
    ahead = fields.Integer(
        attribute="standing.ahead", **maybe("of your own jobs, how many go before it")
    )
    starts_in_s = fields.Float(
        attribute="standing.starts_in_s",
        **maybe(
            "seconds until it may start, by the lane's pace; null: too few have started to say"
        ),
    )
    waits_for = fields.String(
        **maybe("what an operator has halted: the job starts after that", enum=[*WAITS_FOR, None])
    )
    notes = Notes(**told("what the engine approximated or left out"))
    applied = Applied(**told("by parameter that was given: exact, near or none"))
    seeds = Seeds(**maybe("one a cell, the ones that the engine used; null if it did not say"))
    buttons = Buttons(attribute="id", **told("the follow-ups that are open"))
    count = fields.Integer(**told("how many cells are drawn", minimum=1, maximum=4))
    deadline = fields.Float(
        attribute="request.deadline_s", **maybe("seconds after createdAt, as sent")
    )
    prompts = Texts(**told("of describe, when done: four prompts"))
    extra = fields.String(attribute="request.extra", **maybe("as sent"))
    created_at = Rfc3339(**told())
    started_at = Rfc3339(**maybe())
    finished_at = Rfc3339(**maybe())
    seq = fields.Integer(**told("the number of the job's newest event", minimum=0))


_JOB = JobSchema()


def job_body(job: Job) -> dict[str, Any]:
    """Return the job as callers see it, ready for JSON."""
    return _JOB.show(job)
