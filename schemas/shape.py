"""What the schemas of our answers are made of: fields that say what they mean, and how they are shown.

``schemas/openapi.py`` describes an answer from the same fields that fill it in.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Any, cast

from marshmallow import EXCLUDE, Schema, fields

from limner.job import from_ms

Read = Callable[[Any], Any]
Serialize = Callable[..., Any]


class AnswerSchema(Schema):
    """One object of an answer. Names on the wire are its fields' names in camel case."""

    class Meta:
        # A shape may grow: the document must not say that there is nothing else in it.
        unknown = EXCLUDE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._steps = [_step(name, field) for name, field in self.dump_fields.items()]

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name the field on the wire."""
        first, *others = field_name.split("_")
        field_obj.data_key = first + "".join(other.capitalize() for other in others)

    def show(self, thing: Any) -> dict[str, Any]:
        """Return what ``dump`` does, for an object of ours, in a small part of its time.

        A job is shown for each POST, look and callback, from values that need neither search nor
        change but where a field says so.
        """
        return {
            key: read(thing) if serialize is None else serialize(read(thing), key, thing)
            for key, read, serialize in self._steps
        }


#: these leave a value of ours as it is
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
    """Return what reads a dotted path: None where something on the way is."""
    name, _, rest = path.partition(".")
    read = attrgetter(name)
    if not rest:
        return read
    inner = _reader(rest)
    return lambda thing: None if (found := read(thing)) is None else inner(found)


def told(meaning: str = "", **more: Any) -> dict[str, Any]:
    """Return the options of a field that is always there: what it means, and more JSON Schema."""
    metadata = {"description": meaning} | more if meaning else more
    return {"dump_only": True, "required": True, "metadata": metadata}


def maybe(meaning: str = "", **more: Any) -> dict[str, Any]:
    """Return the options of a field that is always there, and null where there is nothing to tell."""
    return told(meaning, **more) | {"allow_none": True, "dump_default": None}


class Rfc3339(fields.DateTime):
    """An aware UTC moment as RFC 3339, with milliseconds and a ``Z``."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return None if value is None else rfc3339(value)


class Rfc3339FromMs(fields.DateTime):
    """The same, from the milliseconds since 1970 that Redis keeps."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return None if value is None else rfc3339(from_ms(value))


def rfc3339(moment: datetime) -> str:
    """Return an aware UTC moment with milliseconds and a ``Z``."""
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
