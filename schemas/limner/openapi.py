"""The OpenAPI 3.1 document of the whole API, generated from the schemas; served by ``api/ops/docs.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from limner.pictures.thumbnails import SIDES_PX
from schemas.limner.callbacks import CallbacksSchema, ResendSchema, TrialSchema
from schemas.limner.describe import MEANINGS, TAG_PATTERN, Json, body_rules, describe_field
from schemas.limner.followup import ButtonSchema, RefreshSchema
from schemas.limner.imagine import BlendSchema, DescribeSchema, ImagineSchema, OriginImagineSchema
from schemas.limner.job import JobSchema
from schemas.limner.listing import ListingSchema
from schemas.limner.look import LookSchema
from schemas.limner.shapes import (
    AddressSchema,
    CountSchema,
    PageSchema,
    PlanSchema,
    RefusalSchema,
    SuccessSchema,
)
from schemas.shape import AnswerSchema
from schemas.wire import Wire

ABOUT = """\
POST a prompt, get a job; receive every change at your `callBackUrl`, or poll, wait or listen for it.

Send your token as the header `token`, or as `Authorization: Bearer <token>`. Bodies are JSON. Every
refusal has one shape: `statusCode`, `code`, `message`, and `errors` by field. You see your own jobs only.
"""
DRAW = "/draw/midjourney"
REFUSALS = {
    400: "The body is not JSON, or cannot be read.",
    401: "The token is missing or unknown.",
    403: "This client may not use that lane, or may not see that.",
    404: "There is no such thing, or it is another client's.",
    408: "The body did not arrive complete and in time.",
    409: "The job's state does not allow that, or the Idempotency-Key was used with another body before.",
    410: "Pictures that this needs have been deleted.",
    413: "The body or an image is too large.",
    415: "The body is not sent as application/json, or compressed by other than gzip or deflate.",
    422: "A field is wrong or unknown; `errors` says which and why.",
    429: "Too many requests a second, too many waiting jobs, a spent budget, a full quota of inline pictures, or too "
    "many wrong tokens from your address.",
    503: "The gateway cannot reach its store. Try again soon.",
    507: "The gateway has no room for more pictures now.",
}
#: the description of a response, by its shape
_ANSWERED: Mapping[type[AnswerSchema], str] = {
    JobSchema: "The job.",
    SuccessSchema: "The job, in an envelope.",
    CountSchema: "How many.",
    PageSchema: "Some of your jobs.",
    AddressSchema: "The address, for a quarter of an hour.",
    CallbacksSchema: "Every event that is still stored, with its attempts.",
    TrialSchema: "What came of it.",
}
#: refusals of every request with a token, and of every body
_GUARD = (401, 429, 503)
_BODY = (400, 408, 413, 415, 422)
_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key within 24 h returns the first job and starts nothing; "
    "the answer then has `Idempotent-Replayed: true`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"},
}
_JOB_ID: Json = {
    "name": "job_id",
    "in": "path",
    "required": True,
    "description": "The job's id.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}
_TAG: Json = {
    "name": "tag",
    "in": "path",
    "required": True,
    "description": MEANINGS["tag"],
    "schema": {"type": "string", "pattern": TAG_PATTERN},
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint, as the document shows it."""

    method: str
    path: str
    name: str
    summary: str
    answers: type[AnswerSchema] | Json
    group: str = "Jobs"
    status: int = 200
    body: Wire | None = None
    body_required: bool = True
    parameters: tuple[Json, ...] = ()
    refusals: tuple[int, ...] = ()
    guarded: bool = True
    kind: str = "application/json"
    #: the description of 204, if there may be nothing to return
    nothing: str = ""
    #: whether it creates a job, and so causes callbacks
    calls_back: bool = False
    #: whether it takes ``dryRun``, and then answers 200 with a plan
    planned: bool = False


_JOBS = DRAW + "/jobs"
_ONE = _JOBS + "/{job_id}"
_ANY: Json = {"type": "object"}
_TEXT: Json = {"type": "string"}
_EVENTS: Json = {"description": "each event's id is its seq, its data is the job as in callbacks"}
_LAST_EVENT_ID: Json = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event you received: the stream continues after it.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,9}$"},
}
_TICKET: Json = {
    "name": "ticket",
    "in": "query",
    "description": "Instead of a token; part of what `events/address` returns.",
    "schema": {"type": "string"},
}
_THUMBNAIL = (
    rf"^(?:(?:style/scale|image/resize,(?:m_lfit,)?l_)(?:{'|'.join(map(str, SIDES_PX))}))?$"
)
_PICTURE_PARAMETERS: tuple[Json, ...] = (
    {"name": "key", "in": "path", "required": True, "schema": _TEXT},
    {"name": "x-oss-process", "in": "query", "schema": {"type": "string", "pattern": _THUMBNAIL},
     "description": "`style/scale512`: the thumbnail, longest side 512."},
)  # fmt: skip

OPERATIONS = (
    Operation("post", DRAW + "/imagine", "imagine", "Draw a prompt with parameters", JobSchema,
              "Draw", 202, ImagineSchema(), parameters=(_KEY,), refusals=(403, 409, 507),
              calls_back=True, planned=True),
    Operation("post", DRAW + "/origin/imagine", "originImagine", "Draw a prompt as written",
              JobSchema, "Draw", 202, OriginImagineSchema(), parameters=(_KEY,),
              refusals=(403, 409), calls_back=True, planned=True),
    Operation("post", DRAW + "/blend", "blend", "Draw one picture out of several", JobSchema,
              "Draw", 202, BlendSchema(), parameters=(_KEY,), refusals=(403, 409, 507),
              calls_back=True, planned=True),
    Operation("post", DRAW + "/describe", "describe", "Find prompts for a picture", JobSchema,
              "Draw", 202, DescribeSchema(), parameters=(_KEY,), refusals=(403, 409, 507),
              calls_back=True, planned=True),
    Operation("post", DRAW + "/button", "button", "Pick or vary a cell, or draw again",
              SuccessSchema, "Draw", 200, ButtonSchema(), parameters=(_KEY,),
              refusals=(403, 404, 409, 410, 507), calls_back=True),
    Operation("post", DRAW + "/refresh", "refresh", "Submit a failed job again", SuccessSchema,
              "Draw", 200, RefreshSchema(), parameters=(_KEY,),
              refusals=(403, 404, 409, 410, 507),
              calls_back=True),
    Operation("get", _ONE, "job", "Show one job, or wait for it to change", JobSchema,
              parameters=(_JOB_ID, {"in": "query", "schema": LookSchema}), refusals=(404, 422)),
    Operation("delete", _ONE, "cancel", "Cancel a job", JobSchema, parameters=(_JOB_ID,),
              refusals=(404, 409)),
    Operation("get", _ONE + "/events", "events", "Stream a job's events as they happen", _EVENTS,
              parameters=(_JOB_ID, _LAST_EVENT_ID, _TICKET), refusals=(404, 422),
              kind="text/event-stream", nothing="You have already received the last event."),
    Operation("post", _ONE + "/events/address", "eventsAddress",
              "Get an address of a job's events that needs no token", AddressSchema,
              parameters=(_JOB_ID,), refusals=(404,)),
    Operation("get", _JOBS, "jobs", "List jobs, the newest first", PageSchema,
              parameters=({"in": "query", "schema": ListingSchema},), refusals=(422,)),
    Operation("get", DRAW + "/find/by/{tag}", "newestByTag", "Show the newest job with a tag",
              JobSchema, parameters=(_TAG,), refusals=(404,)),
    Operation("post", DRAW + "/waiting", "waiting", "Count the waiting jobs", CountSchema),
    Operation("post", DRAW + "/pending", "pending", "Count the jobs submitted or drawing",
              CountSchema),
    Operation("get", _ONE + "/callbacks", "callbacks", "Show a job's callbacks",
              CallbacksSchema, "Callbacks", parameters=(_JOB_ID,), refusals=(404,)),
    Operation("post", _ONE + "/callbacks/resend", "resend", "Resend dead letters",
              CountSchema, "Callbacks", 200, ResendSchema(), body_required=False,
              parameters=(_JOB_ID,), refusals=(404,)),
    Operation("post", _ONE + "/callbacks/test", "testCallbacks",
              "Send a test event to where a job's callbacks go", TrialSchema, "Callbacks",
              parameters=(_JOB_ID,), refusals=(404, 409)),
    Operation("get", "/images/{key}", "picture", "Show a picture", _TEXT, "Pictures",
              parameters=_PICTURE_PARAMETERS, refusals=(404, 422, 503), guarded=False,
              kind="image/*"),
    Operation("get", "/healthz", "alive", "Liveness: the process is alive", _ANY, "House",
              guarded=False),
    Operation("get", "/readyz", "ready", "Readiness: whether jobs can be accepted", _ANY, "House",
              refusals=(503,), guarded=False),
    Operation("get", "/metrics", "metrics", "Metrics for Prometheus", _TEXT, "House",
              refusals=(401, 403, 429, 503), guarded=False, kind="text/plain"),
)  # fmt: skip


@cache
def document(base_url: str, version: str) -> Json:
    """Return the whole document. It is built once and must not be modified."""
    return written(
        APISpec(
            "Limner",
            version,
            "3.1.0",
            plugins=[MarshmallowPlugin()],
            info={"description": ABOUT},
            servers=[{"url": base_url}],
            security=[{"token": []}, {"bearer": []}],
            webhooks={"job": {"post": _callback()}},
        ),
        OPERATIONS,
        REFUSALS,
    )


def written(spec: APISpec, operations: Sequence[Operation], refusals: Mapping[int, str]) -> Json:
    """Return a document of these operations, which refuse in the one shape."""
    plugin = spec.plugins[0]
    assert isinstance(plugin, MarshmallowPlugin)
    assert plugin.converter, "APISpec gives it one"
    plugin.converter.add_attribute_function(describe_field)  # type: ignore[no-untyped-call]
    spec.components.schema("Job", schema=JobSchema)
    spec.components.schema("Refusal", schema=RefusalSchema)
    for code, text in refusals.items():
        spec.components.response(str(code), _refusal(code, text))
    spec.components.security_scheme("token", {"type": "apiKey", "in": "header", "name": "token"})
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    bodies = {_name_of(each.body): each.body for each in operations if each.body}
    for name, body in bodies.items():
        spec.components.schema(name, body_rules(body), schema=body)
    for operation in operations:
        spec.path(operation.path, operations={operation.method: _operation(operation)})
    return dict(spec.to_dict())


def _name_of(body: Wire) -> str:
    return type(body).__name__.removesuffix("Schema")


def _operation(operation: Operation) -> Json:
    refusals = {*operation.refusals, *(_GUARD if operation.guarded else ())}
    refusals |= {*_BODY} if operation.body else set()
    answers = operation.answers
    answered: Json = {
        "description": "As asked for." if isinstance(answers, dict) else _ANSWERED[answers],
        "content": {operation.kind: {"schema": answers}},
    }
    responses: Json = {str(operation.status): answered}
    if operation.planned:
        responses["200"] = {
            "description": "With dryRun: what would be done.",
            "content": {operation.kind: {"schema": PlanSchema}},
        }
    if operation.nothing:
        responses["204"] = {"description": operation.nothing}
    for code in sorted(refusals):
        responses[str(code)] = str(code)
    found: Json = {
        "operationId": operation.name,
        "tags": [operation.group],
        "summary": operation.summary,
        "parameters": list(operation.parameters),
        "responses": responses,
    }
    if operation.calls_back:
        found["callbacks"] = {"job": {"{$request.body#/callBackUrl}": {"post": _callback()}}}
    if operation.body:
        found["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": {"schema": _name_of(operation.body)}},
        }
    return found if operation.guarded else found | {"security": []}


def _refusal(code: int, text: str) -> Json:
    found: Json = {
        "description": text,
        "content": {"application/json": {"schema": "Refusal"}},
    }
    if code in (429, 503, 507):
        seconds = {"description": "seconds", "schema": {"type": "integer", "minimum": 1}}
        found["headers"] = {"Retry-After": seconds}
    return found


def _callback() -> Json:
    """Return what is sent to a receiver, and how it should respond."""
    names: dict[str, Any] = {
        "webhook-id": "one per event, the same on every attempt",
        "webhook-timestamp": "when this attempt was made, seconds since 1970",
        "webhook-signature": "v1,<base64 HMAC-SHA256 of id.timestamp.body with your secret>",
    }
    return {
        "summary": "A job has changed",
        "description": (
            "Sent for −1, for 0 (each progress worth telling), for 1 or 2, and for a return to −2; "
            "in order, seq rising. Verify the signature; drop what is not above the seq you have."
        ),
        "security": [],
        "parameters": [
            {"name": n, "in": "header", "required": True, "schema": _TEXT, "description": d}
            for n, d in names.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}},
        },
        "responses": {
            "2XX": {
                "description": "Accepted. Anything else is retried, within the published budget."
            }
        },
    }
