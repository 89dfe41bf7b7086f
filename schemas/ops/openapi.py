"""The OpenAPI 3.1 document of the operators' API; served at ``/ops/openapi.json``."""

from __future__ import annotations

from functools import cache

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from limner.request import Lane
from schemas.limner.describe import Json, field_schema
from schemas.limner.openapi import REFUSALS, Operation, written
from schemas.ops.asked import (
    AgainSchema,
    AuditQuery,
    CancelSchema,
    ClientName,
    FrontSchema,
    JobId,
    JobsQuery,
    LettersQuery,
    ManyLettersSchema,
    ResendOneSchema,
    Since,
)
from schemas.ops.changes import ClientChangeSchema, EngineChangeSchema, LaneNames

ABOUT = """\
For operators: look at the whole gateway, and steer it.

Send an operator's token (`limner operators add NAME --role view|steer`) as the header `token`, or as
`Authorization: Bearer <token>`. The role view reads; the role steer changes as well. A client's token
opens nothing here. Every refusal has one shape: `statusCode`, `code`, `message`, and `errors` by field.
"""
_ANY: Json = {"type": "object"}
_LIST: Json = {
    "type": "object",
    "properties": {"data": {"type": "array", "items": _ANY}},
    "required": ["data"],
}
_JOB_ID: Json = {"name": "job_id", "in": "path", "required": True, "schema": {"type": "string"}}
_NAME: Json = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
_SUBJECT: Json = {
    "name": "subject",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "enum": ["lane", "engine", "client"]},
}

OPERATIONS = (
    Operation("get", "/ops/overview", "overview", "Show the whole gateway at one moment", _ANY,
              "Look"),
    Operation("get", "/ops/lanes", "lanes", "Show the lanes", _LIST, "Look"),
    Operation("get", "/ops/engines", "engines", "Show the engines", _LIST, "Look"),
    Operation("get", "/ops/workers", "workers", "Count the workers by lane", _LIST, "Look"),
    Operation("get", "/ops/clients", "clients", "Show the clients, their use and share", _LIST,
              "Look"),
    Operation("get", "/ops/jobs", "jobs", "Find jobs, the newest first", _LIST, "Look",
              parameters=({"in": "query", "schema": JobsQuery},), refusals=(422,)),
    Operation("get", "/ops/jobs/{job_id}", "job", "Show all that is known about a job", _ANY,
              "Look", parameters=(_JOB_ID,), refusals=(404,)),
    Operation("get", "/ops/dead-letters", "deadLetters", "Show dead letters", _LIST, "Look",
              parameters=({"in": "query", "schema": LettersQuery},), refusals=(422,)),
    Operation("get", "/ops/audit", "audit", "Show what operators changed, the newest first", _LIST,
              "Look", parameters=({"in": "query", "schema": AuditQuery},), refusals=(422,)),
    Operation("post", "/ops/{subject}/{name}/pause", "pause", "Start nothing there", _ANY, "Steer",
              parameters=(_SUBJECT, _NAME), refusals=(403, 404)),
    Operation("post", "/ops/{subject}/{name}/resume", "resume", "Start jobs there again", _ANY,
              "Steer", parameters=(_SUBJECT, _NAME), refusals=(403, 404)),
    Operation("post", "/ops/engine/{name}/drain", "drain", "Finish what runs, start nothing more",
              _ANY, "Steer", parameters=(_NAME,), refusals=(403, 404)),
    Operation("post", "/ops/engine/{name}/retry", "retryEngine",
              "Let an engine that rests draw one job as a trial at once", _ANY, "Steer",
              parameters=(_NAME,), refusals=(403, 404)),
    Operation("patch", "/ops/engine/{name}", "setEngine", "Change an engine's limits", _ANY,
              "Steer", body=EngineChangeSchema(), parameters=(_NAME,), refusals=(403, 404)),
    Operation("patch", "/ops/client/{name}", "setClient", "Change a client's lanes, share and caps",
              _ANY, "Steer", body=ClientChangeSchema(), parameters=(_NAME,), refusals=(403, 404)),
    Operation("post", "/ops/client/{name}/disable", "disableClient", "Refuse a client's token",
              _ANY, "Steer", parameters=(_NAME,), refusals=(403, 404)),
    Operation("post", "/ops/client/{name}/enable", "enableClient", "Take a client's token again",
              _ANY, "Steer", parameters=(_NAME,), refusals=(403, 404)),
    Operation("post", "/ops/client/{name}/callbacks/enable", "enableCallbacks",
              "Use a client's default callback URL again", _ANY, "Steer", parameters=(_NAME,),
              refusals=(403, 404)),
    Operation("post", "/ops/jobs/{job_id}/front", "toFront",
              "Move a waiting job to the front of its lane", _ANY, "Steer", parameters=(_JOB_ID,),
              refusals=(403, 404, 409)),
    Operation("post", "/ops/jobs/{job_id}/callbacks/resend", "resendOne",
              "Resend a job's dead letters, or its last event", _ANY, "Steer",
              body=ResendOneSchema(), body_required=False, parameters=(_JOB_ID,),
              refusals=(403, 404, 409)),
    Operation("post", "/ops/jobs/again", "submitAgain",
              "Submit the failed jobs that a filter names again", _ANY, "Steer", body=AgainSchema(),
              refusals=(403, 409)),
    Operation("post", "/ops/jobs/cancel", "cancelJobs", "Cancel the jobs that a filter names", _ANY,
              "Steer", body=CancelSchema(), refusals=(403, 409)),
    Operation("post", "/ops/jobs/front", "manyToFront",
              "Move the waiting jobs that a filter names to the front of their lanes", _ANY,
              "Steer", body=FrontSchema(), refusals=(403, 409)),
    Operation("post", "/ops/dead-letters/resend", "resendLetters",
              "Resend the dead letters that a filter names", _ANY, "Steer",
              body=ManyLettersSchema(), refusals=(403, 409)),
)  # fmt: skip


@field_schema.register
def _(_: Since) -> Json:
    ago = {"type": "string", "pattern": r"^[0-9]{1,5}(\.[0-9]{1,3})?(s|min|h|d)$"}
    return {
        "anyOf": [
            ago,
            {"type": "string", "format": "date-time"},
            {"type": "string", "format": "date"},
        ]
    }


@field_schema.register
def _(field: ClientName) -> Json:
    return {"type": "string", "maxLength": field.longest}


@field_schema.register
def _(_: JobId) -> Json:
    return {"type": "string", "pattern": "^[0-9a-f]{32}$"}


@field_schema.register
def _(_: LaneNames) -> Json:
    return {"type": "array", "items": {"enum": [*Lane]}, "minItems": 1, "maxItems": len(Lane)}


@cache
def ops_document(base_url: str, version: str) -> Json:
    """Return the whole document. It is built once and must not be modified."""
    spec = APISpec(
        "Limner for operators",
        version,
        "3.1.0",
        plugins=[MarshmallowPlugin()],
        info={"description": ABOUT},
        servers=[{"url": base_url}],
        security=[{"token": []}, {"bearer": []}],
    )
    role = {403: "This changes something, and the operator's role is view."}
    return written(spec, OPERATIONS, REFUSALS | role)
