"""The JSON Schemas of what we answer: the job, a refusal, a page, callbacks; for ``openapi.py``."""

from __future__ import annotations

from typing import Any

from limner.followup import BUTTONS
from schemas.callbacks import KINDS, STATES
from schemas.job import MARKS, STATUS_OF

Json = dict[str, Any]


def ref(name: str) -> Json:
    """Return a reference to one of ``SHAPES``."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": [*properties]}


def _maybe(kind: str, meaning: str = "", **more: Any) -> Json:
    return {"type": [kind, "null"], **more} | ({"description": meaning} if meaning else {})


def _is(kind: str, meaning: str = "", **more: Any) -> Json:
    return {"type": kind, **more} | ({"description": meaning} if meaning else {})


_STATUSES = "−2 waiting, −1 submitted, 0 drawing, 1 done, 2 failed. After 1 or 2 nothing changes."
_MOMENT = {"format": "date-time"}

PICTURE = _object(
    url=_is("string", "unguessable; `?x-oss-process=style/scale512` gives a thumbnail"),
    width=_is("integer", "pixels"),
    height=_is("integer", "pixels"),
)
JOB = _object(
    id=_is("string", pattern="^[0-9a-f]{32}$"),
    messageId=_is("string", "the same as id"),
    tag=_is("string", "as it was sent"),
    status=_is("integer", _STATUSES, enum=sorted(STATUS_OF)),
    progress=_is("integer", "percent", minimum=0, maximum=100),
    prompt=_maybe("string"),
    promptEn=_is("string"),
    finalPrompt=_is("string", "with a flag for each parameter that was given"),
    fast=_is("boolean"),
    drawType=_is("string", "draw, or the button that made it", enum=["draw", *BUTTONS]),
    ar=_is("string", "the ratio that is drawn"),
    arRequested=_maybe("string", "what was asked for, where ar is only the nearest to it"),
    url=_maybe("string", "the newest picture: a preview while drawing, the grid when done"),
    width=_maybe("integer", "pixels"),
    height=_maybe("integer", "pixels"),
    images={"type": "array", "items": ref("Picture"), "description": "the four cells, when done"},
    **{mark: _is("integer", "1: already used", enum=[0, 1]) for mark in MARKS},
    reason=_maybe("string", "why it failed, for people"),
    reasonCode=_maybe("string", "why it failed, for programs"),
    engine=_maybe("string"),
    position=_maybe("integer", "1 = next; null unless waiting"),
    notes=_is("object", "what the engine approximated or left out"),
    extra=_maybe("string", "as it was sent"),
    createdAt=_is("string", **_MOMENT),
    startedAt=_maybe("string", **_MOMENT),
    finishedAt=_maybe("string", **_MOMENT),
    seq=_is("integer", "how many events the job has caused", minimum=0),
)
REFUSAL = _object(
    statusCode=_is("integer", "the HTTP status"),
    message=_is("string", "one sentence"),
    errors={
        "type": "object",
        "description": "by field, what is wrong with it",
        "additionalProperties": {"type": "array", "items": {"type": "string"}},
    },
)
ENVELOPE = _object(statusCode={"const": 0}, message={"const": "success"}, data=ref("Job"))
COUNT = _object(data=_is("integer", minimum=0))
PAGE = _object(
    data={"type": "array", "items": ref("Job")},
    cursor=_maybe("string", "for the next page; null: this is the last one"),
)
ATTEMPT = _object(
    at=_is("string", **_MOMENT),
    attempt=_is("integer", "1 = the first", minimum=1),
    status=_maybe("integer", "what the receiver answered"),
    error=_maybe("string", "one word for what went wrong; null: delivered"),
    ms=_maybe("integer", "how long it took"),
    answer=_maybe("string", "the beginning of the receiver's answer"),
    location=_maybe("string", "where the receiver wanted to lead us; not followed"),
    resent=_is("boolean", "by command"),
    nextTryAt=_maybe("string", **_MOMENT),
)
EVENT = _object(
    seq=_is("integer", minimum=1),
    id=_is("string", "the webhook-id"),
    kind=_is("string", enum=[*KINDS.values()]),
    status=_maybe("integer", "of the job at the event", enum=[*sorted(STATUS_OF), None]),
    state=_is("string", "dropped: progress, given up for something newer", enum=[*STATES]),
    at=_maybe("string", "when it happened", **_MOMENT),
    why=_maybe("string", "why it is a dead letter, or what it waits for: see docs/callbacks.md"),
    givenUpAt=_maybe("string", **_MOMENT),
    attempts={"type": "array", "items": ref("Attempt")},
)
CALLBACKS = _object(
    data={"type": "array", "items": ref("Event")},
    nextTryAt=_maybe("string", "when the next one may be posted at the soonest", **_MOMENT),
    parked=_is("boolean", "waits behind others for its receiver"),
)

SHAPES: Json = {
    "Job": JOB,
    "Picture": PICTURE,
    "Refusal": REFUSAL,
    "Success": ENVELOPE,
    "Count": COUNT,
    "Page": PAGE,
    "Callbacks": CALLBACKS,
    "Event": EVENT,
    "Attempt": ATTEMPT,
}
