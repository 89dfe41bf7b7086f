"""GET ``/v1/models``: the names that callers may give, and what each stands for."""

from __future__ import annotations

from flask import Blueprint, Response

from api.access.guard import caller
from api.answer import answer
from api.faces.openai.places import at
from api.house import house
from limner.errors import ModelNotFound
from limner.request import Lane
from limner.settings import Alias
from schemas.openai.answer import model_body, models_body
from schemas.openai.answer_form import NAME

#: in the operator's table: whatever has no entry of its own
ANY = "*"
_OWN = {"limner": Alias(), "limner-fast": Alias(Lane.FAST), "limner-relaxed": Alias(Lane.RELAXED)}
#: names that programs were configured with, or look for in the list
_KNOWN = (
    "dall-e-2",
    "dall-e-3",
    "gpt-image-1",
    "gpt-image-1-mini",
    "gpt-image-1.5",
    "gpt-image-2",
    "chatgpt-image-latest",
)


def alias_for(name: str) -> Alias:
    """Return what a model's name stands for; without a table of the operator's, any name will do.

    Raises:
        ModelNotFound: the operator's table has no such name, and nothing for any other.
    """
    table = house().settings.face(NAME).models
    if not name:
        return table.get(ANY, Alias())
    if name in table:
        return table[name]
    if name in _OWN and (not table or ANY in table):
        return _OWN[name]
    if not table:
        return Alias()
    if ANY not in table:
        raise ModelNotFound(f"The model `{name}` does not exist or you do not have access to it.")
    return table[ANY]


def names() -> list[str]:
    """Return the names to offer to this caller."""
    table = house().settings.face(NAME).models
    found = {name: alias for name, alias in table.items() if name != ANY}
    if not table or ANY in table:
        found = found | {name: _OWN[name] for name in _OWN if name not in found}
        found = found | {name: alias_for(name) for name in _KNOWN if name not in found}
    lanes = caller().lanes
    return [name for name, alias in found.items() if alias.lane is None or alias.lane in lanes]


def add_to(blueprint: Blueprint) -> None:
    """Route to these views."""
    at(blueprint, "/models", ["GET"], listing)
    at(blueprint, "/models/<name>", ["GET"], one)


def listing() -> Response:
    """List the models."""
    return answer(models_body(names()))


def one(name: str) -> Response:
    """Show one model."""
    alias_for(name)
    return answer(model_body(name))
