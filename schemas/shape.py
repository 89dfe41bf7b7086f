"""The building blocks of response schemas: fields with their descriptions, and a fast ``dump``.

``schemas/limner/openapi.py`` documents a response from the same fields that fill it.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, cast

from marshmallow import EXCLUDE, Schema, fields

from limner.job import from_ms, rfc3339
from schemas.names import camel

Read = Callable[[Any], Any]
Serialize = Callable[..., Any]


class AnswerSchema(Schema):
    """One object in a response. Names on the wire are its fields' names in camel case."""

    class Meta:
        # A shape may grow: the document must not promise that there are no other fields.
        unknown = EXCLUDE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._steps = [_step(name, field) for name, field in self.dump_fields.items()]

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field on the wire."""
        field_obj.data_key = camel(field_name)

    def show(self, thing: Any) -> dict[str, Any]:
        """Return the same as ``dump``, for our own objects, in a fraction of the time.

        A job is shown for each POST, look-up and callback, from values that need neither lookup nor
        conversion unless a field says so.
        """
        return {
            key: read(thing) if serialize is None else serialize(read(thing), key, thing)
            for key, read, serialize in self._steps
        }


#: fields that leave our values as they are
_AS_IT_IS = frozenset(
    kind._serialize for kind in (fields.String, fields.Integer, fields.Boolean, fields.Dict)
)


def _step(name: str, field: fields.Field[Any]) -> tuple[str, Read, Serialize | None]:
    serialize: Serialize | None = field._serialize
    if type(field)._serialize in _AS_IT_IS:
        serialize = None
    elif isinstance(field, fields.Nested) and field.many:
        show = cast("AnswerSchema", field.schema).show
        serialize = lambda things, *_: [show(thing) for thing in things]  # noqa: E731
    return str(field.data_key), _reader(field.attribute or name), serialize


def _reader(path: str) -> Read:
    """Return a reader of a dotted path, which gives None if any part of it is None."""
    name, _, rest = path.partition(".")
    read = attrgetter(name)
    if not rest:
        return read
    inner = _reader(rest)
    return lambda thing: None if (found := read(thing)) is None else inner(found)


def told(meaning: str = "", **more: Any) -> dict[str, Any]:
    """Return the options of a field that is always present: its description, and more JSON Schema."""
    metadata = {"description": meaning} | more if meaning else more
    return {"dump_only": True, "required": True, "metadata": metadata}


def maybe(meaning: str = "", **more: Any) -> dict[str, Any]:
    """Return the options of a field that is always present but may be null."""
    return told(meaning, **more) | {"allow_none": True, "dump_default": None}


class Rfc3339(fields.DateTime):
    """An aware UTC time in RFC 3339, with milliseconds and a ``Z``."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return None if value is None else rfc3339(value)


class Rfc3339FromMs(fields.DateTime):
    """The same, from the milliseconds since 1970 that Redis stores."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return None if value is None else rfc3339(from_ms(value))
