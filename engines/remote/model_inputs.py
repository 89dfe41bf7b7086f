"""What a hosted model takes, by the OpenAPI document that comes with it; used by the drivers.

Sources: cog's documentation of its HTTP interface (``components.schemas.Input``); fal's documents, one for each
of its models (the body of the ``post``). A choice is a reference to a schema of its own (``allOf: [{$ref}]``),
an optional input an ``anyOf`` with null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: references to references end here
_DEPTH_MAX = 8
_TOGETHER = ("allOf", "anyOf", "oneOf")


@dataclass(frozen=True, slots=True)
class ModelInputs:
    """The inputs of one model by name, each as a flat schema: type, enum, minimum, maximum, default."""

    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of_cog(cls, document: Any) -> ModelInputs:
        """Read the document of a model that cog packaged; without one there are no inputs."""
        schemas = _schemas(document)
        return cls._of(_table(schemas.get("Input")), schemas)

    @classmethod
    def of_post(cls, document: Any) -> ModelInputs:
        """Read a document whose ``post`` takes the inputs as its body; without one there are none."""
        schemas = _schemas(document)
        for path in _table(_table(document).get("paths")).values():
            post = _table(_table(path).get("post"))
            content = _table(_table(post.get("requestBody")).get("content"))
            body = _table(_table(content.get("application/json")).get("schema"))
            if body:
                return cls._of(_flat(body, schemas), schemas)
        return cls()

    @classmethod
    def _of(cls, body: Mapping[str, Any], schemas: Mapping[str, Any]) -> ModelInputs:
        properties = _table(body.get("properties"))
        return cls({name: _flat(_table(one), schemas) for name, one in properties.items()})

    def first(self, *names: str) -> str | None:
        """Return the first of these names that is an input."""
        return next((name for name in names if name in self.fields), None)

    def is_list(self, name: str) -> bool:
        """Return whether an input takes several values."""
        return self.fields.get(name, {}).get("type") == "array"

    def is_size(self, name: str) -> bool:
        """Return whether an input takes a width and a height."""
        return {"width", "height"} <= set(_table(self.fields.get(name, {}).get("properties")))

    def words(self, name: str) -> tuple[str, ...]:
        """Return the choices of an input."""
        choices = self.fields.get(name, {}).get("enum")
        return tuple(str(one) for one in choices) if isinstance(choices, list) else ()

    def number(self, name: str, what: str) -> float | None:
        """Return an input's ``minimum``, ``maximum`` or ``default`` if it is a number."""
        value = self.fields.get(name, {}).get(what)
        return float(value) if isinstance(value, int | float) and value is not True else None


def _schemas(document: Any) -> Mapping[str, Any]:
    return _table(_table(_table(document).get("components")).get("schemas"))


def _flat(one: Mapping[str, Any], schemas: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return a schema with what it refers to put in."""
    found: dict[str, Any] = {}
    if depth < _DEPTH_MAX:
        named = str(one.get("$ref", "")).rpartition("/")[2]
        parts = [_table(schemas.get(named))] if named else []
        for word in _TOGETHER:
            several = one.get(word)
            parts += [_table(part) for part in several] if isinstance(several, list) else []
        for part in parts:
            if part.get("type") != "null":
                found |= _flat(part, schemas, depth + 1)
    # What stands beside a reference says more than it.
    return found | {name: value for name, value in one.items() if name not in ("$ref", *_TOGETHER)}


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
