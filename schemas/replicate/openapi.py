"""The OpenAPI 3.1 document of Replicate's API as it is served here; see ``api/documents.py``."""

from __future__ import annotations

from functools import cache
from typing import Any

from schemas.prompt_fields import DEADLINE_MAX_S
from schemas.replicate.asked import EVENTS
from schemas.replicate.model import input_schema
from schemas.replicate.prediction import STATUSES

Json = dict[str, Any]

ABOUT = """\
Replicate's HTTP API, drawn by this gateway. Send your token as `Authorization: Bearer <token>`. Any
`owner/name` is a model, unless the gateway's operator lists some. Predictions are the gateway's jobs: those of
its other protocols are among them.
"""
_REFUSALS = {
    "400": "The body is not JSON, or cannot be read.",
    "401": "The token is missing or unknown.",
    "402": "The client's budget of drawings is spent.",
    "403": "This client may not use that lane.",
    "404": "There is no such thing, or it is another client's.",
    "405": "This address does not take that method.",
    "408": "The body did not arrive complete and in time.",
    "409": "No engine can do what is asked, or the Idempotency-Key was used with another body before.",
    "410": "A picture that this needs has been deleted.",
    "413": "The body or a picture is too large.",
    "415": "The body is not of the kind that this address takes.",
    "422": "A field is wrong; `invalid_fields` says which and why.",
    "429": "Too many requests, predictions that wait, or files.",
    "503": "The gateway cannot reach its store. Try again soon.",
    "507": "The gateway has no room for more pictures now.",
}
_LOOKS = "401 404 429 503"
_SENDS = "400 401 402 403 404 408 409 410 413 415 422 429 503 507"
_TEXT: Json = {"type": "string"}
_TEXT_OR_NULL: Json = {"type": ["string", "null"]}
_TIME: Json = {"type": "string", "format": "date-time"}
_TIME_OR_NULL: Json = {"type": ["string", "null"], "format": "date-time"}
_OBJECT: Json = {"type": "object"}
_WHOLE: Json = {"type": "integer", "minimum": 0}
_SECONDS: Json = {"type": "number", "minimum": 0}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _shape(optional: str = "", /, **properties: Json) -> Json:
    required = [name for name in properties if name not in optional.split()]
    return {"type": "object", "properties": properties, "required": required}


def _page(name: str) -> Json:
    results = {"type": "array", "items": _ref(name)}
    return _shape(previous=_TEXT_OR_NULL, next=_TEXT_OR_NULL, results=results)


def _schemas() -> Json:
    events = {"type": "array", "items": {"enum": [*EVENTS]}, "maxItems": len(EVENTS)}
    version = _shape(id=_TEXT, created_at=_TIME, cog_version=_TEXT, openapi_schema=_OBJECT)
    return {
        "Input": input_schema(),
        "NewPrediction": _shape(
            "model version webhook webhook_events_filter",
            input=_ref("Input"),
            model=_TEXT | {"description": "owner/name, where the address names none"},
            version=_TEXT | {"description": "owner/name, owner/name:id or an id"},
            webhook=_TEXT | {"format": "uri"},
            webhook_events_filter=events,
        ),
        "Prediction": _shape(
            "deadline",
            id=_TEXT,
            model=_TEXT,
            version=_TEXT,
            status={"enum": [*STATUSES]},
            input=_OBJECT | {"description": "as sent, but for pictures, secrets and long texts"},
            output={"type": ["array", "null"], "items": _TEXT},
            error=_TEXT_OR_NULL,
            logs=_TEXT_OR_NULL | {"description": "the last line is the progress"},
            metrics=_shape("total_time predict_time", total_time=_SECONDS, predict_time=_SECONDS),
            created_at=_TIME,
            started_at=_TIME_OR_NULL,
            completed_at=_TIME_OR_NULL,
            data_removed={"const": False},
            source={"const": "api"},
            urls=_shape(get=_TEXT, cancel=_TEXT),
            deadline=_TIME,
        ),
        "Predictions": _page("Prediction"),
        "Version": version,
        "Versions": _page("Version"),
        "Model": _shape(
            url=_TEXT,
            owner=_TEXT,
            name=_TEXT,
            description=_TEXT,
            visibility={"const": "public"},
            github_url=_TEXT_OR_NULL,
            paper_url=_TEXT_OR_NULL,
            license_url=_TEXT_OR_NULL,
            run_count=_WHOLE,
            cover_image_url=_TEXT_OR_NULL,
            default_example={"type": "null"},
            latest_version=_ref("Version"),
        ),
        "NewFile": _shape(content={"type": "string", "format": "binary"}),
        "File": _shape(
            id=_TEXT,
            name=_TEXT,
            content_type=_TEXT,
            size=_WHOLE,
            etag=_TEXT,
            checksums=_shape(sha256=_TEXT),
            metadata=_OBJECT,
            created_at=_TIME,
            expires_at=_TIME,
            urls=_shape(get=_TEXT),
        ),
        "Files": _page("File"),
        "Account": _shape(type=_TEXT, username=_TEXT, name=_TEXT, github_url=_TEXT_OR_NULL),
        "Secret": _shape(key=_TEXT),
        "Problem": _shape(
            "invalid_fields retry_after",
            title=_TEXT,
            detail=_TEXT,
            status={"type": "integer"},
            type=_TEXT,
            invalid_fields={
                "type": "array",
                "items": _shape(type=_TEXT, field=_TEXT, description=_TEXT),
            },
            retry_after={"type": "integer", "minimum": 1},
        ),
    }


def _json(name: str, text: str, kind: str = "application/json") -> Json:
    return {"description": text, "content": {kind: {"schema": _ref(name)}}}


def _operation(
    name: str, summary: str, answers: str, codes: str, status: int = 200, **more: Any
) -> Json:
    refusals = {code: {"$ref": f"#/components/responses/{code}"} for code in codes.split()}
    answered = _json(answers, "As asked for.") if answers else {"description": "Done."}
    responses = {str(status): answered} | refusals
    return {"operationId": name, "summary": summary, "responses": responses, **more}


def _header(name: str, text: str) -> Json:
    return {"name": name, "in": "header", "description": text, "schema": _TEXT}


def _create(name: str, summary: str) -> Json:
    callback = {
        "requestBody": {"content": {"application/json": {"schema": _ref("Prediction")}}},
        "responses": {"2XX": {"description": "Taken."}},
    }
    return _operation(
        name,
        summary,
        "Prediction",
        _SENDS,
        201,
        parameters=[
            _header("Prefer", "`wait` or `wait=N`: hold the answer until the end, for 1 to 60 s."),
            _header(
                "Cancel-After", f"When to give up: 30s, 5m, 1h30m; at most {DEADLINE_MAX_S} s."
            ),
            _header("Idempotency-Key", "The same key within 24 h gives the first prediction."),
        ],
        requestBody={
            "required": True,
            "content": {"application/json": {"schema": _ref("NewPrediction")}},
        },
        callbacks={"prediction": {"{$request.body#/webhook}": {"post": callback}}},
    )


def _path(*names: str, **operations: Json) -> Json:
    parameters = [{"name": n, "in": "path", "required": True, "schema": _TEXT} for n in names]
    return operations | ({"parameters": parameters} if names else {})


def _paths() -> Json:
    cursor = {"name": "cursor", "in": "query", "schema": _TEXT}
    upload = {"required": True, "content": {"multipart/form-data": {"schema": _ref("NewFile")}}}
    model = ("owner", "name")
    return {
        "/predictions": _path(
            post=_create("create", "Draw, with a version or a model"),
            get=_operation(
                "predictions", "List predictions", "Predictions", "401 422 429 503",
                parameters=[cursor],
            ),
        ),
        "/predictions/{job_id}": _path(
            "job_id", get=_operation("prediction", "Show a prediction", "Prediction", _LOOKS)
        ),
        "/predictions/{job_id}/cancel": _path(
            "job_id", post=_operation("cancel", "Cancel a prediction", "Prediction", _LOOKS)
        ),
        "/models/{owner}/{name}/predictions": _path(
            *model, post=_create("createOfModel", "Draw, with a model")
        ),
        "/deployments/{owner}/{name}/predictions": _path(
            *model, post=_create("createOfDeployment", "Draw, with a deployment")
        ),
        "/models/{owner}/{name}": _path(
            *model, get=_operation("model", "Show a model", "Model", _LOOKS)
        ),
        "/models/{owner}/{name}/versions": _path(
            *model, get=_operation("versions", "List a model's versions", "Versions", _LOOKS)
        ),
        "/models/{owner}/{name}/versions/{known}": _path(
            *model, "known", get=_operation("version", "Show a version", "Version", _LOOKS)
        ),
        "/files": _path(
            post=_operation(
                "upload", "Keep a file for a while", "File",
                "400 401 408 413 415 422 429 503 507", 201, requestBody=upload,
            ),
            get=_operation("files", "List files", "Files", "401 429 503"),
        ),
        "/files/{file_id}": _path(
            "file_id",
            get=_operation("file", "Show a file", "File", _LOOKS),
            delete=_operation("deleteFile", "Delete a file", "", _LOOKS, 204),
        ),
        "/account": _path(get=_operation("account", "Show the account", "Account", "401 429 503")),
        "/webhooks/default/secret": _path(
            get=_operation("secret", "Show the webhooks' secret", "Secret", _LOOKS)
        ),
    }  # fmt: skip


@cache
def document(base_url: str, version: str) -> Json:
    """Return the whole document. It is built once and must not be modified."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Limner: Replicate's API", "version": version, "description": ABOUT},
        "servers": [{"url": f"{base_url}/v1"}],
        "security": [{"bearer": []}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "responses": {
                code: _json("Problem", text, "application/problem+json")
                for code, text in _REFUSALS.items()
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }
