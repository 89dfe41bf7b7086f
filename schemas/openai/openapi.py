"""The OpenAPI 3.1 document of OpenAI's images API as it is served here; at ``/openapi/openai.json``.

Written by hand: the shapes are the original's. A test holds it against the schemas and real answers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from limner.request import REFERENCE_MAX_BYTES, Lane
from schemas.openai.asked import MODEL_LENGTH, PARTIALS_MOST, PICTURES_MOST, PROMPT_LENGTH
from schemas.openai.size import AUTO
from schemas.prompt_fields import NEGATIVE_LENGTH, SEED_MOST
from schemas.references import MOST_REFERENCES

Json = dict[str, Any]

ABOUT = """\
OpenAI's images API: give a client of it this gateway's address with `/v1` as the base URL, and a token of
this gateway as the API key. Fields that are not listed are ignored. See docs/faces/openai.md.
"""
_TEXT: Json = {"type": "string"}
_WHOLE: Json = {"type": "integer"}
_REFUSALS = {
    "400": "The body or a field is wrong, or the engine's moderation refused the prompt.",
    "401": "The key is missing or unknown.",
    "403": "This client may not use that lane.",
    "404": "There is no such address, job or model.",
    "405": "This address does not take that method.",
    "408": "The body did not arrive in time.",
    "409": "No engine here can do that, or the job was cancelled.",
    "410": "The pictures have been deleted.",
    "413": "The body, or a picture, is too large.",
    "415": "The body is of another type.",
    "429": "Too fast, too many at once or waiting, or the budget is spent.",
    "500": "The engine could not draw.",
    "503": "The gateway cannot do it now, or there is no engine. Ask again if x-should-retry says so.",
    "507": "The gateway has no room for pictures.",
}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _of(*words: str) -> Json:
    return {"type": "string", "enum": [*words]}


def _object(required: list[str], **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": required}


def _fields() -> dict[str, Json]:
    return {
        "prompt": {"type": "string", "minLength": 1, "maxLength": PROMPT_LENGTH},
        "model": {"type": "string", "maxLength": MODEL_LENGTH, "description": "as /models lists"},
        "n": {"type": "integer", "minimum": 1, "maximum": PICTURES_MOST, "default": 1},
        "size": {
            "type": "string",
            "pattern": f"^({AUTO}|[0-9]{{2,4}}x[0-9]{{2,4}})$",
            "description": "delivered exactly",
            "default": AUTO,
        },
        "quality": {"type": "string", "description": "returned, and without effect"},
        "response_format": _of("url", "b64_json"),
        "output_format": _of("png", "jpeg", "webp"),
        "output_compression": {"type": "integer", "minimum": 0, "maximum": 100},
        "background": _of("auto", "opaque"),
        "stream": {"type": "boolean", "default": False},
        "partial_images": {"type": "integer", "minimum": 0, "maximum": PARTIALS_MOST},
        "seed": {"type": "integer", "minimum": 0, "maximum": SEED_MOST},
        "negative_prompt": {"type": "string", "maxLength": NEGATIVE_LENGTH},
        "lane": _of(*Lane),
        "callBackUrl": {"type": "string", "description": "then the answer is 202, at once"},
    }


def _schemas() -> dict[str, Json]:
    file: Json = {
        "type": "string",
        "contentMediaType": "image/*",
        "description": f"PNG, JPEG, WebP or GIF, at most {REFERENCE_MAX_BYTES // 2**20} MB",
    }
    about = {
        "background": _TEXT,
        "output_format": _TEXT,
        "quality": _TEXT,
        "size": {"type": "string", "description": "as delivered"},
    }
    tokens = dict.fromkeys(("input_tokens", "output_tokens", "total_tokens"), _WHOLE)
    details = _object(["image_tokens", "text_tokens"], image_tokens=_WHOLE, text_tokens=_WHOLE)
    usage = _object([*tokens, "input_tokens_details"], **tokens, input_tokens_details=details)
    error = {
        "message": _TEXT,
        "type": _TEXT,
        "param": {"type": ["string", "null"]},
        "code": {"type": ["string", "null"]},
    }
    job = {
        "id": _TEXT,
        "object": _of("image.generation"),
        "created": _WHOLE,
        "status": _of("queued", "in_progress"),
        "progress": _WHOLE,
        "position": {"type": ["integer", "null"]},
        "url": {"type": "string", "description": "where to ask again"},
    }
    model = {"id": _TEXT, "object": _of("model"), "created": _WHOLE, "owned_by": _TEXT}
    return {
        "Generation": _object(["prompt"], **_fields()),
        "Edit": _object(
            ["prompt", "image"],
            **_fields(),
            image={"type": "array", "items": file, "minItems": 1, "maxItems": MOST_REFERENCES},
            mask=file | {"description": "PNG or WebP, transparent where to draw"},
        ),
        "Images": _object(
            ["created", "data", *about, "usage", "id"],
            created=_WHOLE,
            data={"type": "array", "items": _ref("Image")},
            **about,
            usage=_ref("Usage"),
            id={"type": "string", "description": "of the first job"},
        ),
        "Image": _object([], url=_TEXT, b64_json=_TEXT, seed=_WHOLE),
        "Usage": usage,
        "Event": _object(
            ["type", "b64_json", "created_at", *about],
            type=_TEXT,
            b64_json=_TEXT,
            created_at=_WHOLE,
            **about,
            partial_image_index=_WHOLE,
            usage=_ref("Usage"),
        ),
        "Job": _object([*job], **job),
        "Model": _object([*model], **model),
        "Models": _object(
            ["object", "data"],
            object=_of("list"),
            data={"type": "array", "items": _ref("Model")},
        ),
        "Error": _object(["error"], error=_object([*error], **error)),
    }


def _json(name: str, text: str) -> Json:
    return {"description": text, "content": {"application/json": {"schema": _ref(name)}}}


def _operation(name: str, summary: str, answers: str, codes: str, **more: Any) -> Json:
    refusals = {code: {"$ref": f"#/components/responses/{code}"} for code in codes.split()}
    responses = {"200": _json(answers, "As asked for.")} | refusals
    return {"operationId": name, "summary": summary, "responses": responses, **more}


def _drawing(name: str, summary: str, kind: str, shape: str) -> Json:
    found = _operation(
        name,
        summary,
        "Images",
        " ".join(code for code in _REFUSALS if code != "405"),
        requestBody={"required": True, "content": {kind: {"schema": _ref(shape)}}},
        parameters=[
            {
                "name": "Prefer",
                "in": "header",
                "description": "`respond-async`: answer 202 with the job, at once.",
                "schema": _TEXT,
            }
        ],
    )
    found["responses"]["200"]["content"]["text/event-stream"] = {"schema": _ref("Event")}
    found["responses"]["202"] = _json("Job", "The job; ask for its pictures at its url.")
    return found


@cache
def document(base_url: str, version: str) -> Json:
    """Return the whole document. It is built once and must not be modified."""
    job_id = {"name": "job_id", "in": "path", "required": True, "schema": _TEXT}
    name = {"name": "name", "in": "path", "required": True, "schema": _TEXT}
    looked = _operation(
        "image", "Show a job's pictures", "Images", "401 404 410 429 503", parameters=[job_id]
    )
    looked["responses"]["202"] = _json("Job", "It is not done.")
    edits = _drawing("edit", "Draw from pictures", "multipart/form-data", "Edit")
    edits["requestBody"]["content"]["application/json"] = {"schema": _ref("Edit")}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Limner: OpenAI's images API", "version": version, "description": ABOUT},
        "servers": [{"url": f"{base_url}{base}"} for base in ("/v1", "/openai/v1")],
        "security": [{"bearer": []}],
        "paths": {
            "/images/generations": {
                "post": _drawing("generate", "Draw a prompt", "application/json", "Generation")
            },
            "/images/edits": {"post": edits},
            "/images/generations/{job_id}": {"get": looked},
            "/models": {"get": _operation("models", "List models", "Models", "401 429 503")},
            "/models/{name}": {
                "get": _operation("model", "Show a model", "Model", "401 404 429 503")
                | {"parameters": [name]}
            },
        },
        "components": {
            "schemas": _schemas(),
            "responses": {code: _json("Error", text) for code, text in _REFUSALS.items()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }
