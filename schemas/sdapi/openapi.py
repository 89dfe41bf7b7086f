"""The OpenAPI 3.1 document of the part of the web UI's API that is served here."""

from __future__ import annotations

from functools import cache
from typing import Any

from limner.job import Status
from schemas.prompt_fields import NEGATIVE_LENGTH, PROMPT_LENGTH
from schemas.references import MOST_REFERENCES
from schemas.sdapi.asked import (
    DENOISING,
    MODEL_LENGTH,
    PICTURES_MOST,
    SIDE_LEAST_PX,
    SIDE_MOST_PX,
    TASK_LENGTH,
)

Json = dict[str, Any]

ABOUT = f"""\
The part of the Stable Diffusion web UI's API that its clients use to draw. Send your token as the password of
HTTP Basic (any user), as a bearer token, or in the header `token`. Fields that are not listed are accepted and have
no effect; `info.limner.ignored` of the answer names them. A drawing is a job ({", ".join(Status)}) like any other.
"""
_TEXT: Json = {"type": "string"}
_MAYBE: Json = {"type": ["string", "null"]}
_NUMBER: Json = {"type": "number"}
_WHOLE: Json = {"type": "integer"}
_YES: Json = {"type": "boolean"}


def _list_of(item: Json) -> Json:
    return {"type": "array", "items": item}


def _object(required: tuple[str, ...] = (), **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


def _side() -> Json:
    return {
        "type": "integer",
        "minimum": SIDE_LEAST_PX,
        "maximum": SIDE_MOST_PX,
        "default": 512,
        "description": "pixels; delivered exactly, and drawn in the nearest size that engines draw",
    }


def _pictures() -> Json:
    return {"type": "integer", "minimum": 1, "maximum": PICTURES_MOST, "default": 1}


_DRAWN: dict[str, Json] = {
    "prompt": {"type": "string", "minLength": 1, "maxLength": PROMPT_LENGTH},
    "negative_prompt": {"type": "string", "maxLength": NEGATIVE_LENGTH},
    "seed": {"type": "integer", "minimum": -1, "default": -1, "description": "-1: any"},
    "batch_size": _pictures(),
    "n_iter": _pictures() | {"description": "batch_size times as many pictures"},
    "width": _side(),
    "height": _side(),
    "tiling": _YES | {"default": False},
    "send_images": _YES | {"default": True},
    "force_task_id": {
        "type": "string",
        "maxLength": TASK_LENGTH,
        "description": "the same again within 24 h waits for the same job",
    },
    "override_settings": _object(sd_model_checkpoint=_TEXT | {"maxLength": MODEL_LENGTH}),
}
_BEGUN_FROM: dict[str, Json] = {
    "init_images": _list_of(_TEXT)
    | {
        "minItems": 1,
        "maxItems": MOST_REFERENCES,
        "description": "base64, data URLs or http(s) URLs",
    },
    "mask": {"type": "string", "description": "white where to draw; of one picture"},
    "denoising_strength": {"type": "number", "minimum": 0, "maximum": 1, "default": DENOISING},
}
SHAPES: dict[str, Json] = {
    "TextToImage": _object(("prompt",), **_DRAWN),
    "ImageToImage": _object(("prompt", "init_images"), **_DRAWN, **_BEGUN_FROM),
    "Images": _object(
        ("images", "parameters", "info"),
        images=_list_of(_TEXT) | {"description": "PNG in base64, without a prefix"},
        parameters={"type": "object", "description": "the body as sent, without pictures"},
        info=_TEXT | {"description": "a JSON object as text"},
    ),
    "Progress": _object(
        ("progress", "eta_relative", "state", "current_image", "textinfo", "current_task"),
        progress=_NUMBER | {"minimum": 0, "maximum": 1},
        eta_relative=_NUMBER | {"description": "seconds"},
        state=_object(
            ("job", "job_count", "job_no", "interrupted", "sampling_step", "sampling_steps"),
            job=_TEXT,
            job_count=_WHOLE,
            job_no=_WHOLE,
            interrupted=_YES,
            sampling_step=_WHOLE | {"description": "percent"},
            sampling_steps=_WHOLE,
        ),
        current_image=_MAYBE | {"description": "the newest preview in base64"},
        textinfo=_MAYBE | {"description": "its place while it waits"},
        current_task=_MAYBE | {"description": "force_task_id, or the job's id"},
    ),
    "Options": _object(("sd_model_checkpoint",), sd_model_checkpoint=_TEXT),
    "Model": _object(("title", "model_name"), title=_TEXT, model_name=_TEXT),
    "Named": _object(("name",), name=_TEXT),
    "Nothing": _object(),
    "Error": _object(
        ("error", "detail", "body", "errors"),
        error=_TEXT,
        detail=_TEXT,
        body=_TEXT,
        errors=_TEXT,
    ),
}


def _shape(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


#: method, path, name, summary, answer, body
_OPERATIONS: tuple[tuple[str, str, str, str, Json, str | None], ...] = (
    ("post", "/txt2img", "txt2img", "Draw a prompt", _shape("Images"), "TextToImage"),
    ("post", "/img2img", "img2img", "Draw from a picture", _shape("Images"), "ImageToImage"),
    ("get", "/progress", "progress", "Show how far your drawing is", _shape("Progress"), None),
    ("post", "/interrupt", "interrupt", "Cancel the drawing that progress shows",
     _shape("Nothing"), None),
    ("post", "/skip", "skip", "The same", _shape("Nothing"), None),
    ("get", "/options", "options", "Show the settings", _shape("Options"), None),
    ("post", "/options", "setOptions", "Choose the model of your next drawings", {"type": "null"},
     "Options"),
    ("get", "/sd-models", "models", "List the models", _list_of(_shape("Model")), None),
    ("get", "/samplers", "samplers", "List the only sampler", _list_of(_shape("Named")), None),
    ("get", "/schedulers", "schedulers", "List the only scheduler", _list_of(_shape("Named")),
     None),
    ("get", "/upscalers", "upscalers", "List the only upscaler, which is none",
     _list_of(_shape("Named")), None),
    ("get", "/latent-upscale-modes", "upscaleModes", "An empty list", _list_of({}), None),
    ("get", "/sd-vae", "vaes", "An empty list", _list_of({}), None),
    ("get", "/loras", "loras", "An empty list", _list_of({}), None),
    ("get", "/memory", "memory", "Say that nothing is known of memory", _shape("Nothing"), None),
)  # fmt: skip


@cache
def document(base_url: str, version: str) -> Json:
    """Return the whole document. It is built once and must not be modified."""
    paths: dict[str, Json] = {}
    for method, path, name, summary, answer, body in _OPERATIONS:
        paths.setdefault(f"/sdapi/v1{path}", {})[method] = _operation(name, summary, answer, body)
    ping = _operation("ping", "Say that somebody is there", _shape("Nothing"), None)
    paths["/internal/ping"] = {"get": ping}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Limner as a web UI", "version": version, "description": ABOUT},
        "servers": [{"url": base_url}],
        "security": [{"basic": []}, {"bearer": []}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": SHAPES,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "token": {"type": "apiKey", "in": "header", "name": "token"},
            },
        },
    }


def _operation(name: str, summary: str, answer: Json, body: str | None) -> Json:
    shown: Json = {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": "As asked for.", "content": _json(answer)},
            "default": {"description": "Why not.", "content": _json(_shape("Error"))},
        },
    }
    if body:
        shown["requestBody"] = {"required": True, "content": _json(_shape(body))}
    return shown


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
