"""Models and their versions: any name will do, unless the operator's table lists some."""

from __future__ import annotations

import re

from flask import Blueprint, Response

from api.answer import answer
from api.faces.replicate.at import at
from api.house import house
from limner.errors import InvalidRequest, ModelNotFound
from limner.settings import Alias
from schemas.replicate.echo import NAME
from schemas.replicate.model import model_body, version_body, version_id, versions_body
from schemas.replicate.prediction import OTHER_MODEL

#: in the operator's table: whatever has no entry of its own
ANY = "*"
_MODEL = re.compile(r"[A-Za-z0-9][\w.-]{0,99}/[A-Za-z0-9][\w.-]{0,99}")
#: as Replicate's ids of versions are
_VERSION = re.compile(r"[0-9a-f]{64}")


def model_for(model: str) -> tuple[str, Alias]:
    """Return a model's name, and what it stands for here.

    Raises:
        ModelNotFound: it is not in the operator's table, or no name of a model.
    """
    table = house().settings.face(NAME).models
    if not _MODEL.fullmatch(model):
        raise ModelNotFound
    if not table:
        return model, Alias()
    alias = table.get(model) or table.get(ANY)
    if alias is None:
        raise ModelNotFound(f"There is no model {model} here.")
    return model, alias


def model_of_version(version: str | None, model: str) -> tuple[str, Alias]:
    """Return the model that a body names, by ``version`` (an id, owner/name:id or owner/name) or ``model``.

    Raises:
        InvalidRequest: it names none.
        ModelNotFound: there is none of that name, or with a version of that id.
    """
    named = (version or model).strip().partition(":")[0]
    if not named:
        raise InvalidRequest({"version": ["Is required, or model."]})
    if "/" in named:
        return model_for(named)
    table = house().settings.face(NAME).models
    for name, alias in table.items():
        if named in (name, version_id(name)):
            return name, alias
    if ANY in table or (not table and _VERSION.fullmatch(named)):
        return OTHER_MODEL, table.get(ANY, Alias())
    raise ModelNotFound("There is no such version here.")


def add_to(blueprint: Blueprint) -> None:
    """Route to these views."""
    at(blueprint, "GET", "/models/<owner>/<name>", model)
    at(blueprint, "GET", "/models/<owner>/<name>/versions", versions)
    at(blueprint, "GET", "/models/<owner>/<name>/versions/<known>", version)


def model(owner: str, name: str) -> Response:
    """Show a model."""
    found, _ = model_for(f"{owner}/{name}")
    return answer(model_body(found, house().settings.base_url))


def versions(owner: str, name: str) -> Response:
    """List a model's versions: there is one."""
    found, _ = model_for(f"{owner}/{name}")
    return answer(versions_body(found))


def version(owner: str, name: str, known: str) -> Response:
    """Show a version: programs name those that they know from Replicate."""
    model_for(f"{owner}/{name}")
    if not _VERSION.fullmatch(known):
        raise ModelNotFound("There is no such version.")
    return answer(version_body(known))
