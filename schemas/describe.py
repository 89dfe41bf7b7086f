"""The JSON Schema of what our own schemas take; used by ``schemas/openapi.py``.

Made from the fields themselves, so the document cannot promise what the code refuses.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from marshmallow import fields

from limner.ratios import CELL_SIZE_PX
from schemas.callbacks import IDS_MOST, EventIds
from schemas.fields import AspectRatio, Boolean, CallbackUrl, Integer, Number, OneOf, Tag, Text
from schemas.listing import Cursor
from schemas.references import MOST_REFERENCES, References
from schemas.wire import Wire

Json = dict[str, Any]

TAG_PATTERN = "^([0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"
URL_PATTERN = "^[hH][tT][tT][pP][sS]?://"
#: what each field means, by its name on the wire
MEANINGS = {
    "promptEn": "What is drawn.",
    "prompt": "The original words; kept and returned, not drawn.",
    "fast": "true: the fast lane; false: the relaxed lane.",
    "tag": "Your own mark on the job: a UUID as 32 hex digits, or dashed. Need not be unique.",
    "callBackUrl": "Where the job's events are POSTed. Absent: your default URL.",
    "extra": "Returned unchanged in every answer and callback.",
    "isNiji": "Draw in the manner of the niji model.",
    "ar": "Ratio of a cell, width:height. Any other than the seven becomes the nearest of them.",
    "chaos": "How far the four cells may differ.",
    "stylize": "How strongly the engine's own taste counts.",
    "style": "raw; with isNiji: cute, expressive, original or scenic.",
    "isTile": "Draw a tile whose edges meet.",
    "iw": "Weight of the reference images; above 0 it needs imageList.",
    "imageList": "Reference images: http(s) URLs, data URLs or base64; PNG, JPEG, WebP or GIF of at most 10 MB.",
    "buttonType": "u1-u4: pick a cell, once each. v1-v4: vary a cell. r: draw again.",
    "messageId": "The job that the button is on: its id.",
    "wait": "Answer when the job changes, or after so many seconds.",
    "seq": "The seq you have seen: a job that has another by now is answered at once.",
    "status": "Only jobs of this status.",
    "cursor": "The cursor of the page before.",
    "limit": "Jobs on a page.",
    "ids": "webhook-ids of the events to post again.",
}
EXAMPLES: Json = {
    "promptEn": "a lighthouse on a cliff at dusk",
    "fast": True,
    "tag": "6f1c2f0e7a3b4c5d8e9f0a1b2c3d4e5f",
    "ar": "3:2",
    "buttonType": "u2",
    "messageId": "0f8b7c1de2a94f6f8a3a1f0b2c4d6e8f",
}


def body_schema(schema: Wire) -> Json:
    """Return the JSON Schema of a body."""
    by_name = _fields(schema)
    found: Json = {
        "type": "object",
        "properties": {name: _described(name, field) for name, field in by_name.items()},
        "additionalProperties": False,
    }
    required = [name for name, field in by_name.items() if field.required]
    return found | ({"required": required} if required else {})


def query_parameters(schema: Wire) -> list[Json]:
    """Return a query's parameters as OpenAPI lists them."""
    return [
        {"name": name, "in": "query", "schema": field_schema(field), "description": MEANINGS[name]}
        for name, field in _fields(schema).items()
    ]


def _fields(schema: Wire) -> dict[str, Any]:
    return {field.data_key or name: field for name, field in schema.load_fields.items()}


def _described(name: str, field: Any) -> Json:
    found = field_schema(field)
    if not field.required and "anyOf" in found:
        found["anyOf"].append({"type": "null"})
    elif not field.required:
        found = {"anyOf": [found, {"type": "null"}]}
    found["description"] = MEANINGS[name]
    if name in EXAMPLES:
        found["examples"] = [EXAMPLES[name]]
    return found


@singledispatch
def field_schema(field: fields.Field[Any]) -> Json:
    """Return the JSON Schema of one field."""
    raise NotImplementedError(type(field).__name__)


@field_schema.register
def _(field: Text) -> Json:
    found: Json = {"type": "string", "maxLength": field.longest}
    return found if field.blank else found | {"minLength": 1, "pattern": r"\S"}


@field_schema.register
def _(field: Boolean) -> Json:
    return {"enum": [True, False, 0, 1, "true", "false", "1", "0"]}


@field_schema.register
def _(field: Number) -> Json:
    number = {"type": "number", "minimum": field.low, "maximum": field.high}
    return {"anyOf": [number, {"type": "string", "pattern": r"^\s*[+-]?[0-9.]+([eE].*)?\s*$"}]}


@field_schema.register
def _(field: Integer) -> Json:
    return {"type": "integer", "minimum": field.low, "maximum": field.high}


@field_schema.register
def _(field: Tag) -> Json:
    return {"type": "string", "pattern": TAG_PATTERN}


@field_schema.register
def _(field: OneOf) -> Json:
    return {"enum": [*field.words] if field.required else [*field.words, ""]}


@field_schema.register
def _(field: AspectRatio) -> Json:
    text = {"type": "string", "pattern": r"^\s*([0-9.]+:[0-9.]+|0?)\s*$"}
    return {"anyOf": [{"enum": [*CELL_SIZE_PX]}, text, {"const": 0}]}


@field_schema.register
def _(field: CallbackUrl) -> Json:
    return {"anyOf": [{"type": "string", "pattern": URL_PATTERN}, {"const": ""}]}


@field_schema.register
def _(field: References) -> Json:
    return {"type": "array", "items": {"type": "string"}, "maxItems": MOST_REFERENCES}


@field_schema.register
def _(field: EventIds) -> Json:
    one = {"type": "string", "pattern": "^msg_[0-9a-f]{32}_[0-9]{1,9}(_[0-9a-f]{10})?$"}
    return {"type": "array", "items": one, "minItems": 1, "maxItems": IDS_MOST}


@field_schema.register
def _(field: Cursor) -> Json:
    return {"type": "string", "pattern": "^[0-9]{1,15}-[0-9a-f]{32}$"}
