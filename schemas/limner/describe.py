"""Tell apispec how to describe our own fields; used by ``schemas/limner/openapi.py``.

Generated from the fields themselves, so the document cannot promise what the code refuses.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from marshmallow import fields

from limner.canvas import SIDE_MAX_PX, SIDE_MIN_PX, STEP_PX
from limner.egress.target import DENIED_PORTS, URL_MAX
from limner.followup import BUTTONS
from limner.prompt import NIJI_STYLES, STYLES
from limner.ratios import CELL_SIZE_PX
from limner.request import NAME
from schemas.buttons import FIELDS_OF_BUTTONS, fields_of_button
from schemas.cursor import Cursor
from schemas.fields import (
    AspectRatio,
    Boolean,
    CallbackUrl,
    Integer,
    Name,
    Number,
    NumberOf,
    OneOf,
    Size,
    Statuses,
    Strict,
    Tag,
    Text,
)
from schemas.limner.callbacks import IDS_MOST, EventIds
from schemas.limner.followup import ButtonSchema
from schemas.limner.imagine import ImagineSchema
from schemas.names import wire_name
from schemas.prompt_fields import PromptText
from schemas.references import Reference, References
from schemas.status import STATUS_OF
from schemas.wire import Query, Wire

Json = dict[str, Any]

TAG_PATTERN = "^([0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"
_LABEL = "(?![xX][nN]--)[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?"
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_GROUPS = "[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4})"
_HOST = (
    rf"(?:(?:{_LABEL}\.){{0,9}}(?![xX][nN]--)[a-zA-Z](?:[a-zA-Z0-9_-]{{0,61}}[a-zA-Z0-9_])?\.?"
    rf"|{_BYTE}(?:\.{_BYTE}){{3}}|\[{_GROUPS}{{7}}\]|\[(?:{_GROUPS}{{0,2}})?::(?:{_GROUPS}{{0,2}})?\])"
)
_DENIED = "|".join(map(str, sorted({0, *DENIED_PORTS})))
_65535 = "(?:[1-5]?[0-9]{1,4}|6(?:[0-4][0-9]{3}|5(?:[0-4][0-9]{2}|5(?:[0-2][0-9]|3[0-5]))))"
_PORT = rf"(?::(?!0*(?:{_DENIED})(?:[/?]|$))0{{0,4}}{_65535})?"
#: URLs that are certainly accepted; valid names in other scripts, or in xn-- form, are accepted too
URL_PATTERN = rf"^[hH][tT][tT][pP][sS]?://{_HOST}{_PORT}(?:[/?][^\u0000- \u007f\\#]*)?$"
_WHITE = r"[\t\n\f\r ]*"
_LETTER = rf"[a-zA-Z0-9+/_-]{_WHITE}"
#: whole bytes: the last group of four must not consist of a single letter
_BASE64 = rf"(?:(?:{_LETTER}){{4}})*(?:{_LETTER}){{2,4}}(?:={_WHITE})*"
_INLINE = rf"^{_WHITE}(?:data:image/[a-z0-9.+-]{{1,99}};base64,)?{_WHITE}{_BASE64}$"
#: neither blank nor NUL; marks of particular scripts and tags, invisible too, are not listed
_VISIBLE = (
    r"[^\u0000- \u007f-\u00a0\u00ad\u0300-\u036f\u061c\u115f\u1160\u1680\u180b-\u180f\u1ab0-\u1aff"
    r"\u1dc0-\u1dff\u2000-\u200f\u2028-\u202f\u205f-\u206f\u20d0-\u20ff\u2800\u3000\u3164\ufe00-\ufe0f"
    r"\ufe20-\ufe2f\ufeff\uffa0\ufff0-\ufffc]"
)
_NO_NUL = r"[^\u0000]*"
_SIDE = r"(?=[0-9.]*[1-9])[0-9]{1,6}(?:\.[0-9]{1,6})?"
_URL: Json = {"type": "string", "pattern": URL_PATTERN, "maxLength": URL_MAX}
_PICTURE: Json = {"anyOf": [_URL, {"type": "string", "pattern": _INLINE}]}
_SIDES = f"(?:{'|'.join(str(side) for side in range(SIDE_MIN_PX, SIDE_MAX_PX + 1, STEP_PX))})"
#: the description of each field, by its name on the wire
MEANINGS = {
    "promptEn": "What is drawn.",
    "prompt": "The original words; kept and returned, not drawn.",
    "fast": "true: the fast lane; false: the relaxed lane.",
    "tag": "Your own mark on the job: a UUID as 32 hex digits, or dashed. Need not be unique.",
    "callBackUrl": "Where the job's events are POSTed. Absent: your default URL.",
    "extra": "Returned unchanged in every answer and callback.",
    "isNiji": "Draw in the style of the niji model.",
    "ar": "Aspect ratio of a cell, width:height. Any other than the seven becomes the nearest of them.",
    "chaos": "How far the four cells may differ.",
    "stylize": "How strongly the engine's own taste counts.",
    "style": "raw; with isNiji: cute, expressive, original or scenic.",
    "isTile": "Draw a tile whose edges meet.",
    "iw": "Weight of the reference images; above 0 it needs imageList.",
    "imageList": "Reference images: http(s) URLs, data URLs or base64; PNG, JPEG, WebP or GIF of at most 10 MB.",
    "seed": "The first cell's seed; the others follow it by one. The same seed gives the same picture on "
    "engines whose level for it is exact.",
    "negative": "What must not be in the picture.",
    "count": "How many cells are drawn. One: a single picture, no grid.",
    "size": "Width and height of a cell in pixels, WIDTHxHEIGHT: multiples of 8 from 256 to 2048, at most "
    "4 megapixels. Wins over ar.",
    "version": "The version of the model; the gateway's operator says which there are.",
    "quality": "Effort relative to the engine's usual one.",
    "weird": "How unusual the picture may be.",
    "raw": "Without the engine's own taste.",
    "draft": "Quick and rough.",
    "hd": "Twice the usual size.",
    "styleRefs": "Pictures whose style is taken over; as imageList.",
    "styleWeight": "Weight of the style references; above 0 it needs styleRefs.",
    "objectRefs": "Pictures whose things are taken over; as imageList.",
    "objectWeight": "Weight of the object references; above 0 it needs objectRefs.",
    "engine": "The name of the only engine that may draw it.",
    "deadline": "Seconds after which the job is given up, wherever it is; it ends with deadline_passed.",
    "callbackEvents": "The statuses that are told by callback; the ends always are. Absent: all.",
    "previews": "false: progress without pictures.",
    "dryRun": "true: only tell what would be done; no job is made.",
    "buttonType": "u1-u4: pick a cell, once each. v1-v4, vs1-vs4: vary a cell, slightly or strongly. "
    "r: draw again. upscale, region, zoom, pan, remix: see their fields.",
    "cell": "Which picture of the job, from 1; may be absent if it has one. Of all but u, v, vs and r.",
    "kind": "Of upscale: subtle keeps details, creative invents new ones. Absent: subtle.",
    "scale": "Of zoom: how much larger the canvas is.",
    "direction": "Of pan: to which side the canvas grows.",
    "mask": "Of region: a picture, white where to draw anew; as in imageList.",
    "messageId": "The id of the job that the button belongs to.",
    "wait": "Respond when the job changes, or after this many seconds.",
    "seq": "The seq you have seen; if the job has another one by now, the response is immediate.",
    "status": "Only jobs of this status.",
    "words": "Only jobs whose prompt has all of these. A page looks through 1,000 jobs at most.",
    "cursor": "The cursor from the previous page.",
    "limit": "Jobs per page.",
    "ids": "webhook-ids of the events to resend.",
}
EXAMPLES: Json = {
    "promptEn": "a lighthouse on a cliff at dusk",
    "fast": True,
    "tag": "6f1c2f0e7a3b4c5d8e9f0a1b2c3d4e5f",
    "ar": "3:2",
    "buttonType": "u2",
    "messageId": "0f8b7c1de2a94f6f8a3a1f0b2c4d6e8f",
}
#: constraints between fields of imagine
_STYLES_RULE: Json = {
    "if": {
        "properties": {"isNiji": {"enum": [True, 1, "true", "1"]}},
        "required": ["isNiji"],
    },
    "then": {"properties": {"style": {"enum": [*NIJI_STYLES, "", None]}}},
    "else": {"properties": {"style": {"enum": [*STYLES, "", None]}}},
}
_WEIGHED = (
    ("iw", "imageList"),
    ("styleWeight", "styleRefs"),
    ("objectWeight", "objectRefs"),
)


def _needs_pictures(weight: str, pictures: str) -> Json:
    """Return the rule that a weight above 0 needs pictures to weigh."""
    above = {
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "string", "pattern": "[1-9]"},
        ]
    }
    return {
        "if": {"properties": {weight: above}, "required": [weight]},
        "then": {
            "properties": {pictures: {"type": "array", "minItems": 1}},
            "required": [pictures],
        },
    }


def _takes_fields(button: str) -> Json:
    """Return the rule that a button must have its own fields, and none of others'."""
    needed, allowed = fields_of_button(button)
    own = {*needed, *allowed}
    # Of words, an empty one says nothing.
    nothing = {"enum": [None, ""]}
    others = [name for name in FIELDS_OF_BUTTONS if name not in own]
    load = ButtonSchema().load_fields
    then: Json = {
        "properties": {
            **{wire_name(name): _none_of(load[name], nothing) for name in others},
            **{wire_name(name): _must(load[name]) for name in needed},
        }
    }
    if needed:
        then["required"] = [wire_name(name) for name in needed]
    return {
        "if": {"properties": {"buttonType": {"const": button}}, "required": ["buttonType"]},
        "then": then,
    }


def _none_of(field: fields.Field[Any], nothing: Json) -> Json:
    return nothing if isinstance(field, OneOf) else {"type": "null"}


def _must(field: fields.Field[Any]) -> Json:
    return {"enum": [*field.words]} if isinstance(field, OneOf) else field_schema(field)


def body_rules(schema: Wire) -> Json:
    """Return what apispec cannot derive from a body's fields: no others are allowed, and constraints."""
    rules: list[Json] = []
    if isinstance(schema, ImagineSchema):
        rules = [_STYLES_RULE, *(_needs_pictures(*pair) for pair in _WEIGHED)]
    elif isinstance(schema, ButtonSchema):
        rules = [_takes_fields(button) for button in BUTTONS]
    return {"additionalProperties": False, **schema.rules} | ({"allOf": rules} if rules else {})


def describe_field(_: Any, field: fields.Field[Any], *, ret: Json) -> Json:
    """Describe a field of ours: an attribute function for apispec, called after its own.

    It edits their result in ``ret`` and returns what to add to it.
    """
    if field.dump_only:
        # Responses are read-only as a whole; a default is for fields that may be left out.
        ret.pop("readOnly", None)
        ret.pop("default", None)
        return {}
    if not isinstance(field, Strict):
        return {}
    ret.clear()
    name = str(field.data_key or field.name)
    meanings = {**MEANINGS, **getattr(field.parent, "meanings", {})}
    found = field_schema(field) | {"description": meanings[name]}
    if isinstance(field.absent, int):
        found["default"] = field.absent
    if name in EXAMPLES:
        found["examples"] = [EXAMPLES[name]]
    nothing = {"const": ""} if isinstance(field.parent, Query) else {"type": "null"}
    return found if field.required else _or(found, nothing)


#: keywords that apply to a field as a whole, in whichever of its forms it is sent
_ABOUT = ("description", "default", "examples")


def _or(found: Json, nothing: Json) -> Json:
    """Return the schema of a field that may also be sent empty."""
    about: Json = {name: found.pop(name) for name in _ABOUT if name in found}
    choices = found.pop("anyOf", None) or [found]
    return {"anyOf": [*choices, nothing], **about}


@singledispatch
def field_schema(field: fields.Field[Any]) -> Json:
    """Return the JSON Schema of one field."""
    raise NotImplementedError(type(field).__name__)


@field_schema.register
def _(field: Text) -> Json:
    pattern = f"^{_NO_NUL}$" if field.blank else rf"^{_NO_NUL}[^\s\u0000]{_NO_NUL}$"
    return {"type": "string", "maxLength": field.longest, "pattern": pattern}


@field_schema.register
def _(field: PromptText) -> Json:
    pattern = f"^{_NO_NUL}{_VISIBLE}{_NO_NUL}$"
    return {"type": "string", "maxLength": field.longest, "pattern": pattern}


@field_schema.register
def _(field: Boolean) -> Json:
    return {"enum": [True, False, 0, 1, "true", "false", "1", "0"]}


@field_schema.register
def _(field: Number) -> Json:
    number = {"type": "number", "minimum": field.low, "maximum": field.high}
    return {"anyOf": [number, _number_as_text(field)]} if field.low == 0 else number


@field_schema.register
def _(field: Integer) -> Json:
    return {"type": "integer", "minimum": field.low, "maximum": field.high}


@field_schema.register
def _(field: NumberOf) -> Json:
    return {"enum": [*field.numbers, *(f"{number:g}" for number in field.numbers)]}


@field_schema.register
def _(_field: Size) -> Json:
    # Multiples of 8 within the bounds of a side; the bound of the area is in the description.
    return {"type": "string", "pattern": rf"^\s*(?:{_SIDES}[xX]{_SIDES})?\s*$"}


@field_schema.register
def _(_field: Name) -> Json:
    text = {"type": "string", "pattern": rf"^(?:\s*{NAME.pattern}\s*)?$"}
    return {"anyOf": [text, {"type": "number", "minimum": 0, "maximum": 99}]}


@field_schema.register
def _(_field: Statuses) -> Json:
    codes = sorted(STATUS_OF)
    return {"type": "array", "items": {"enum": codes}, "maxItems": len(codes)}


@field_schema.register
def _(_field: Reference) -> Json:
    return _PICTURE


@field_schema.register
def _(field: Tag) -> Json:
    return {"type": "string", "pattern": TAG_PATTERN}


@field_schema.register
def _(field: OneOf) -> Json:
    return {"enum": [*field.words] if field.required else [*field.words, ""]}


@field_schema.register
def _(field: AspectRatio) -> Json:
    text = {"type": "string", "pattern": rf"^\s*(?:{_SIDE}:{_SIDE}|0?)\s*$", "maxLength": 64}
    return {"anyOf": [{"enum": [*CELL_SIZE_PX]}, text, {"const": 0}]}


@field_schema.register
def _(field: CallbackUrl) -> Json:
    return {"anyOf": [_URL, {"const": ""}]}


@field_schema.register
def _(field: References) -> Json:
    found: Json = {"type": "array", "items": _PICTURE, "maxItems": field.most}
    return found | {"minItems": field.least} if field.least else found


@field_schema.register
def _(field: EventIds) -> Json:
    one = {"type": "string", "pattern": "^msg_[0-9a-f]{32}_[0-9]{1,9}(_[0-9a-f]{10})?$"}
    return {"type": "array", "items": one, "minItems": 1, "maxItems": IDS_MOST}


@field_schema.register
def _(field: Cursor) -> Json:
    return {"type": "string", "pattern": "^[0-9]{1,15}-[0-9a-f]{32}$"}


def _number_as_text(field: Number) -> Json:
    """Return the schema of a number sent as text; the bounds are 0 and a digit followed by zeros."""
    first, zeros = int(str(field.high)[0]), len(str(field.high)) - 1
    below = f"[0-9]{{1,{zeros}}}" if zeros else f"[0-{first - 1}]"
    decimal = rf"\+?0{{0,9}}(?:{below}(?:\.[0-9]{{0,9}})?|{field.high}(?:\.0{{0,9}})?)"
    return {"type": "string", "pattern": rf"^\s*{decimal}\s*$"}
