"""Models: the operator's aliases, and the versions that engines have; used by the views of this face."""

from __future__ import annotations

from collections.abc import Mapping

from api.access.guard import caller
from api.house import house
from limner.settings import Alias
from schemas.sdapi.asked import FACE, no_such_model

#: whatever the fair order and the engines make of it
ANY = "limner"


def alias_for(name: str) -> Alias:
    """Return what a model's name stands for; without a name, the caller's choice.

    Raises:
        InvalidRequest: there is no such model.
    """
    found = _models()
    if name and name not in found:
        raise no_such_model("override_settings", list(found))
    return found[name or _chosen(found)]


def chosen() -> str:
    """Return the model of the caller's next drawings."""
    return _chosen(_models())


def choose(name: str) -> None:
    """Let the caller's next drawings be of that model.

    Raises:
        InvalidRequest: there is no such model.
    """
    found = _models()
    if name not in found:
        raise no_such_model("sd_model_checkpoint", list(found))
    if name != _chosen(found):
        house().store.chosen.choose(FACE, caller().name, name)


def names() -> list[str]:
    """Return the names to offer to this caller."""
    lanes = caller().lanes
    return [name for name, alias in _models().items() if alias.lane is None or alias.lane in lanes]


def _chosen(models: Mapping[str, Alias]) -> str:
    # What was chosen may be gone since.
    name = house().store.chosen.model(FACE, caller().name)
    return name if name and name in models else ANY


def _models() -> dict[str, Alias]:
    here = house()
    engines = here.store.engines.choices(caller().name)
    versions = sorted({version for some in engines.values() for version in some})
    return {
        ANY: Alias(),
        **{version: Alias(version=version) for version in versions},
        **{engine: Alias(engine=engine) for engine in engines},
        **here.settings.face(FACE).models,
    }
