"""The parameters of a drawing as fields of a form, from the API's own document: none is written twice.

``parameters`` is for the template of Draw. Where a field stands is here, what it may be the document says, and
what it is called and means is in ``texts/``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from limner.job import Status
from limner.request import Request
from schemas.limner.openapi import document
from schemas.names import wire_name
from schemas.status import STATUS_CODE

#: the form has these elsewhere, or fills them in itself
APART = ("promptEn", "fast", "tag", "imageList", "styleRefs", "objectRefs", "dryRun")
#: what stands together, in this order; what the document has beside these is added to the last
GROUPS: Mapping[str, tuple[str, ...]] = {
    "shape": ("ar", "size", "count", "seed"),
    "taste": ("negative", "stylize", "chaos", "weird", "quality", "raw", "isTile", "draft", "hd"),
    "model": ("isNiji", "style", "version", "engine"),
    "weights": ("iw", "styleWeight", "objectWeight"),
    "delivery": ("deadline", "previews", "prompt", "callBackUrl", "callbackEvents", "extra"),
}
#: from so many letters on, a text gets several lines
LONG = 2000


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of the form."""

    name: str
    #: number, integer, text, long (of several lines), choice, yes (a box to tick), several (boxes)
    kind: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    #: ticked from the start
    on: bool = False
    #: words to choose from that are not all there are
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields that stand together."""

    name: str
    fields: tuple[FormField, ...]


@cache
def parameters() -> tuple[FieldGroup, ...]:
    """Return all fields by their groups."""
    known: dict[str, Any] = document("http://localhost", "")["components"]["schemas"]["Imagine"][
        "properties"
    ]
    named = {name for names in GROUPS.values() for name in names} | set(APART)
    rest = [name for name in known if name not in named]
    return tuple(
        FieldGroup(group, tuple(_fields(known, [*names, *(rest if group == "delivery" else ())])))
        for group, names in GROUPS.items()
    )


def _fields(known: Mapping[str, Any], names: list[str]) -> Iterator[FormField]:
    for name in names:
        if name in known:
            yield _field(name, known[name])


def _field(name: str, schema: Mapping[str, Any]) -> FormField:
    ways = schema.get("anyOf", [schema])
    first = ways[0]
    if "enum" in first:
        # 1 is equal to True, too.
        if any(word is True for word in first["enum"]):
            return FormField(name, "yes", on=bool(schema.get("default")))
        words = tuple(str(word) for word in first["enum"] if isinstance(word, str) and word)
        # Beside a ratio of the list, any other may be typed.
        if any(way.get("type") == "string" for way in ways[1:]):
            return FormField(name, "text", hints=words)
        return FormField(name, "choice", choices=words)
    if first.get("type") in ("number", "integer"):
        low, high = first.get("minimum"), first.get("maximum")
        return FormField(name, first["type"], low=low, high=high)
    if first.get("type") == "array":
        words = tuple(str(word) for word in first["items"].get("enum", ()))
        return FormField(name, "several", choices=words)
    kind = "long" if first.get("maxLength", 0) >= LONG and name != "callBackUrl" else "text"
    return FormField(name, kind)


def given_by(request: Request) -> dict[str, Any]:
    """Return ``given``: what the form has of an earlier request, by its fields, and ``left_out``: pictures that it has not.

    ``pictures`` are the reference pictures that are addresses; those that were sent along are kept for the job alone.
    """
    given: dict[str, Any] = {"promptEn": request.prompt_en, "lane": request.lane.value}
    for one in fields(Request):
        value = getattr(request, one.name)
        if value is not None and value != one.default:
            given[wire_name(one.name)] = _shown(one.name, value)
    # A nearest ratio stands for the one that was asked for.
    given |= {"ar": request.ar_requested} if request.ar_requested else {}
    pictures = {
        wire_name(name): [url for url in getattr(request, name) if url.startswith("http")]
        for name in ("references", "style_references", "object_references")
    }
    left_out = len(request.pictures) > sum(map(len, pictures.values()))
    return {"given": given, "pictures": pictures, "left_out": left_out}


def _shown(name: str, value: Any) -> Any:
    if name == "size":
        return "x".join(map(str, value))
    if name == "callback_statuses":
        return [str(STATUS_CODE[Status(status)]) for status in value]
    return f"{value:g}" if isinstance(value, float) else value
