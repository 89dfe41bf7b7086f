"""What a model at Replicate takes, and how it is run.

Source: Replicate's HTTP reference, ``models.get`` and ``models.versions.get``: a model has a ``latest_version``
with its ``openapi_schema``; official models are run by their name, others by a version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from engines.hosted.account import Account
from engines.remote.model_inputs import ModelInputs
from engines.remote.session import Answered
from limner.errors import BadResult, Refused

REF = re.compile(r"([\w.-]+/[\w.-]+)(?::([0-9a-zA-Z]{1,128}))?")


@dataclass(frozen=True, slots=True)
class ReplicateModel:
    """One model: ``owner/name``, the version to run (None: it is run by its name), and what it takes."""

    name: str
    version: str | None
    inputs: ModelInputs


def model_at(account: Account, ref: str) -> ReplicateModel:
    """Return the model ``owner/name``, or ``owner/name:version``.

    Raises:
        EngineError: it cannot be asked about, or there is none.
    """
    found = REF.fullmatch(ref)
    if not found:
        raise Refused("setup", f"{ref} is no model")
    name, version = found[1], found[2]
    try:
        told = account.ask(f"/models/{name}" + (f"/versions/{version}" if version else "")).table()
    except Answered as error:
        if error.answer.status == 404:
            raise Refused("setup", f"there is no model {ref}") from None
        raise
    if version:
        return ReplicateModel(name, version, _inputs(told))
    latest = told.get("latest_version")
    latest = latest if isinstance(latest, dict) else {}
    # Only official models can be run by their name alone.
    by_version = told.get("is_official") is False and isinstance(latest.get("id"), str)
    return ReplicateModel(name, latest["id"] if by_version else None, _inputs(latest))


def _inputs(version: dict[str, Any]) -> ModelInputs:
    inputs = ModelInputs.of_cog(version.get("openapi_schema"))
    if not inputs.first("prompt"):
        raise BadResult("The engine's model takes no prompt.")
    return inputs
