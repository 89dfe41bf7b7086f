"""What it means that a host refuses inputs of a model: whose matter they are; pure functions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from limner.errors import Refused, Rejected

DETAILS_MAX = 50


def refused_inputs(named: Collection[str], operators: Collection[str]) -> Refused | Rejected:
    """Return the error for inputs by these names; ``operators``: those that the options set."""
    if set(named) & set(operators):
        return Refused("setup", "the model does not take what the option input says")
    if named and all("image" in name or "mask" in name for name in named):
        return Rejected("reference", "The engine could not use the reference images.")
    return Rejected("parameter", "The engine does not take these parameters.")


def inputs_named(detail: Any) -> set[str]:
    """Return the inputs in a list of errors as FastAPI gives it: ``[{"loc": ["body", "prompt"], …}]``."""
    details = detail[:DETAILS_MAX] if isinstance(detail, list) else []
    places = [one.get("loc") for one in details if isinstance(one, dict)]
    return {str(place[1]) for place in places if isinstance(place, list) and len(place) > 1}
