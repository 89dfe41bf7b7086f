"""The OpenAPI 3.1 document of midjourney-proxy's protocol as it is served here."""

from __future__ import annotations

from functools import cache
from typing import Any

from schemas.mjproxy.asked import BLEND_MOST, RATIO_OF
from schemas.mjproxy.body import ID_LENGTH
from schemas.mjproxy.following import CUSTOM_ID_LENGTH, IDS_MOST
from schemas.mjproxy.task import MODAL, STATUS_OF
from schemas.prompt_fields import EXTRA_LENGTH, PROMPT_LENGTH
from schemas.references import MOST_REFERENCES

Json = dict[str, Any]

ABOUT = """\
midjourney-proxy's protocol. Send your token as `mj-api-secret`, as `Authorization` as it stands, or as a bearer
token. The same addresses under `/mj-fast/mj`, `/mj-relax/mj` and `/mj-turbo/mj` name the speed. Fields that are not
listed are ignored, and what is empty counts as left out.
"""
_TEXT: Json = {"type": "string"}
_MAYBE: Json = {"type": ["string", "null"]}
_MAYBE_WHOLE: Json = {"type": ["integer", "null"]}
_PICTURE: Json = {
    "type": ["string", "null"],
    "description": "a data URL, bare base64 or an http(s) URL",
}
_MODES: Json = {"type": "array", "items": {"type": ["string", "null"]}}
_DELIVERY: dict[str, Json] = {
    "state": {
        "type": ["string", "number", "null"],
        "maxLength": EXTRA_LENGTH,
        "description": "returned as text",
    },
    "notifyHook": {"type": ["string", "null"], "description": "told of every change"},
    "accountFilter": {
        "type": ["object", "null"],
        "properties": {"modes": _MODES | {"description": "FAST, TURBO or RELAX: the first counts"}},
    },
    "botType": {"type": ["string", "null"], "description": "NIJI_JOURNEY draws niji"},
    "mode": {"type": ["string", "null"], "description": "Fast, Turbo or Relax"},
}


def _object(required: tuple[str, ...] = (), **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


def _pictures(least: int, most: int) -> Json:
    return {"type": ["array", "null"], "items": _PICTURE, "minItems": least, "maxItems": most}


def _id(longest: int = ID_LENGTH) -> Json:
    return {"type": "string", "minLength": 1, "maxLength": longest}


_CELL: Json = {"type": ["integer", "null"], "minimum": 1, "maximum": 4}
_BUTTON = _object(
    ("customId", "emoji", "label", "type", "style"),
    customId=_TEXT,
    emoji=_TEXT,
    label=_TEXT,
    type={"const": 2},
    style={"const": 2},
)
BODIES: dict[str, Json] = {
    "imagine": _object(
        ("prompt",),
        prompt={
            "type": "string",
            "minLength": 1,
            "maxLength": PROMPT_LENGTH,
            "description": "with flags; --fast, --relax and --turbo name the speed",
        },
        base64Array=_pictures(0, MOST_REFERENCES),
        base64=_PICTURE,
        **_DELIVERY,
    ),
    "change": _object(
        ("taskId", "action"),
        taskId=_id(),
        action={"enum": ["UPSCALE", "VARIATION", "REROLL"]},
        index=_CELL | {"description": "which picture; not of REROLL"},
        **_DELIVERY,
    ),
    "simple-change": _object(
        ("content",),
        content=_TEXT | {"description": "a task's id and U1-U4, V1-V4 or R"},
        **_DELIVERY,
    ),
    "action": _object(
        ("taskId", "customId"),
        taskId=_id(),
        customId=_id(CUSTOM_ID_LENGTH) | {"description": "of one of the task's buttons"},
        strong={"type": ["boolean", "null"], "description": "of V1-V4: vary more"},
        enableRemix={"type": ["boolean", "null"], "description": "of V1-V4: ask for words first"},
        **_DELIVERY,
    ),
    "modal": _object(
        ("taskId",),
        taskId=_id() | {"description": "what the action answered with code 21"},
        prompt={"type": ["string", "null"], "maxLength": PROMPT_LENGTH},
        maskBase64=_PICTURE | {"description": "white where to draw"},
    ),
    "blend": _object(
        ("base64Array",),
        base64Array=_pictures(2, BLEND_MOST),
        dimensions={"enum": [*RATIO_OF, "", None]},
        **_DELIVERY,
    ),
    "describe": _object((), base64=_PICTURE, link=_PICTURE, **_DELIVERY),
}
SHAPES: dict[str, Json] = {
    "SubmitResult": _object(
        ("code", "description", "result", "properties"),
        code={
            "enum": [1, 4, 9, 21, 22, 23],
            "description": "1 accepted, 22 behind others, 21 a window is open, 23 your waiting jobs are as many as "
            "they may be, 4 refused, 9 try again later",
        },
        description=_TEXT,
        result=_MAYBE | {"description": "the task's id; null if refused"},
        properties={"type": "object"},
        error=_TEXT | {"description": "of a refusal: the description again"},
    ),
    "Task": _object(
        ("id", "action", "status", "progress", "submitTime", "properties"),
        id=_TEXT,
        action=_TEXT,
        status={"enum": [*STATUS_OF.values(), MODAL]},
        progress={"type": "string", "pattern": "^[0-9]{1,3}%$"},
        prompt=_MAYBE,
        promptEn=_MAYBE,
        description=_MAYBE,
        state=_MAYBE,
        submitTime={"type": "integer", "description": "milliseconds since 1970"},
        startTime=_MAYBE_WHOLE,
        finishTime=_MAYBE_WHOLE,
        failReason=_MAYBE,
        imageUrl=_MAYBE | {"description": "a preview, then the grid"},
        thumbnailUrl=_MAYBE,
        width=_MAYBE_WHOLE,
        height=_MAYBE_WHOLE,
        imageUrls={
            "type": ["array", "null"],
            "items": _object(("url", "thumbnail"), url=_TEXT, thumbnail=_TEXT),
            "description": "the four pictures; null until there are four",
        },
        buttons={"type": ["array", "null"], "items": _BUTTON, "minItems": 1},
        botType=_TEXT,
        mode=_TEXT,
        seed=_MAYBE,
        properties={"type": ["object", "null"]},
    ),
}
_RESULT: Json = {"$ref": "#/components/schemas/SubmitResult"}
_TASK: Json = {"$ref": "#/components/schemas/Task"}
_TASKS: Json = {"type": "array", "items": _TASK}
_IDS = _object(ids={"type": ["array", "null"], "items": _TEXT, "maxItems": IDS_MOST})
#: path under /mj → its method, its summary, its answer
_TASK_PATHS: dict[str, tuple[str, str, Json]] = {
    "/task/{task_id}/fetch": ("get", "Show a task", {"anyOf": [_TASK, _RESULT]}),
    "/task/list-by-condition": ("post", "Show tasks by their ids", {"anyOf": [_TASKS, _RESULT]}),
    "/task/list-by-ids": ("post", "The same", {"anyOf": [_TASKS, _RESULT]}),
    "/task/list": ("get", "Show the newest 100 tasks", _TASKS),
    "/task/queue": ("get", "Show the tasks that have not ended", _TASKS),
    "/task/{task_id}/image-seed": ("get", "Tell the seed of a task's first picture", _RESULT),
    "/task/{task_id}/cancel": ("post", "Cancel a task", _RESULT),
}


def _json(shape: Json, description: str) -> Json:
    return {"description": description, "content": {"application/json": {"schema": shape}}}


def _operation(name: str, summary: str, answer: Json, body: Json | None) -> Json:
    found: Json = {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": _json(answer, "Done, or refused with a code."),
            "default": _json(_RESULT, "Refused."),
        },
    }
    if body is not None:
        content = {"application/json": {"schema": body}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _task_operation(path: str) -> Json:
    method, summary, answer = _TASK_PATHS[path]
    name = path.rsplit("/", 1)[-1]
    found = _operation(name, summary, answer, _IDS if name.startswith("list-") else None)
    if "{task_id}" in path:
        found["parameters"] = [{"name": "task_id", "in": "path", "required": True, "schema": _TEXT}]
    return {method: found}


@cache
def document(base_url: str, version: str) -> Json:
    """Return the whole document. It is built once and must not be modified."""
    submits = {
        f"/mj/submit/{name}": {"post": _operation(name, f"Submit: {name}", _RESULT, body)}
        for name, body in BODIES.items()
    }
    hook: Json = {"requestBody": {"content": {"application/json": {"schema": _TASK}}}}
    hook["responses"] = {"2XX": {"description": "Taken. Anything else is retried."}}
    secret = {"type": "apiKey", "in": "header"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Limner: midjourney-proxy", "version": version, "description": ABOUT},
        "servers": [{"url": base_url}],
        "security": [{"secret": []}, {"authorization": []}, {"bearer": []}],
        "paths": submits | {f"/mj{path}": _task_operation(path) for path in _TASK_PATHS},
        "webhooks": {"task": {"post": hook}},
        "components": {
            "schemas": SHAPES,
            "securitySchemes": {
                "secret": secret | {"name": "mj-api-secret"},
                "authorization": secret | {"name": "Authorization"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }
