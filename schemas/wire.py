"""The base of every schema in this package: strict loading of one JSON object into one domain value.

A schema is created once and shared by many threads. Unknown names are refused with the nearest known
one as a suggestion, and all errors are reported at once, under the names that the caller used.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from marshmallow import Schema, ValidationError, missing

from limner.errors import InvalidRequest

#: most unknown names reported: a body with a million of them gets a short response
_UNKNOWN_TOLD = 8
#: longer names are neither compared nor repeated in full
_NAME_LENGTH = 64


class Wire(Schema):
    """A schema that refuses unknown names and raises ``InvalidRequest``."""

    #: what its fields mean, by their names on the wire, where that is not as in the API's other bodies
    meanings: ClassVar[Mapping[str, str]] = {}
    #: what its fields cannot say of the body as a whole, in JSON Schema
    rules: ClassVar[Mapping[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.names = frozenset(field.data_key or name for name, field in self.load_fields.items())
        self._loaders = [
            (name, field.data_key or name, field.required, field.deserialize)
            for name, field in self.load_fields.items()
        ]
        self._absent = {
            name: field.load_default
            for name, field in self.load_fields.items()
            if not field.required
        }

    def fields_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the validated fields of ``body`` by their domain names.

        Raises:
            InvalidRequest: a name is unknown or a field is wrong.
        """
        found: dict[str, Any] = self._absent.copy()
        wrong: dict[str, Any] = {}
        # Not `load`, whose own work for each field takes longer than the field's.
        for name, key, required, load in self._loaders:
            if not required and key not in body:
                continue
            try:
                found[name] = load(body.get(key, missing), key, body)
            except ValidationError as error:
                wrong[key] = error.messages
        errors = wrong or self.misfits(found)
        if not body.keys() <= self.names:
            errors = unknown_names(body.keys() - self.names, self.names) | errors
        if errors:
            raise InvalidRequest(errors)
        return found

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return what is wrong with fields that are right one by one, by their names on the wire."""
        return {}


class Lenient(Wire):
    """A schema that ignores unknown names, for protocols whose clients send more than their servers know."""

    def fields_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the checked fields by their domain names.

        Raises:
            InvalidRequest: a field is wrong.
        """
        return super().fields_of({name: body[name] for name in body.keys() & self.names})


class Query(Wire):
    """A schema of a query, where a parameter without a value says nothing."""

    def fields_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the checked parameters by their domain names.

        Raises:
            InvalidRequest: a name is unknown or a parameter is wrong.
        """
        return super().fields_of({name: value or None for name, value in body.items()})


def unknown_names(unknown: Collection[str], known: Collection[str]) -> dict[str, list[str]]:
    """Return an error for each unknown name, with the nearest known one if any is close."""
    errors = {}
    for name in sorted(unknown)[:_UNKNOWN_TOLD]:
        near = None
        if len(name) <= _NAME_LENGTH:
            by_lower = {other.lower(): other for other in sorted(known)}
            close = difflib.get_close_matches(name.lower(), by_lower, n=1)
            near = by_lower[close[0]] if close else None
        hint = f" Did you mean {near}?" if near else ""
        errors[name[:_NAME_LENGTH]] = [f"Unknown field.{hint}"]
    return errors
