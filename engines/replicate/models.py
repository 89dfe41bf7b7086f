"""What the models at Replicate take: asked once each, and remembered.

Source: Replicate's HTTP reference, ``models.get`` and ``models.versions.get``: a model has a ``latest_version``
with its ``openapi_schema``; official models are run by their name, others by a version.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from typing import Any

from engines.hosted.account import Account
from engines.remote.cog_inputs import CogInputs
from engines.remote.session import Answered
from limner.errors import BadResult, EngineError, Refused

REF = re.compile(r"([\w.-]+/[\w.-]+)(?::([0-9a-zA-Z]{1,128}))?")
#: how long until a model that could not be asked about is asked about again
ASK_AGAIN_S = 10.0


@dataclass(frozen=True, slots=True)
class ReplicateModel:
    """One model: ``owner/name``, the version to run (None: it is run by its name), and what it takes."""

    name: str
    version: str | None
    inputs: CogInputs


class ReplicateModels:
    """The operator's model, and those for the versions that callers may ask for."""

    def __init__(self, account: Account, usual: str) -> None:
        self._account, self._usual = account, usual
        self._lock = threading.Lock()
        self._known: dict[str, ReplicateModel] = {}
        self._ask_again_s = 0.0

    @property
    def is_known(self) -> bool:
        """Whether the operator's model has been asked about."""
        return self._usual in self._known

    def get(self, ref: str | None = None) -> ReplicateModel:
        """Return a model; None: the operator's.

        Raises:
            EngineError: it cannot be asked about, or there is none.
        """
        ref = ref or self._usual
        with self._lock:
            if ref not in self._known:
                self._known[ref] = self._asked(ref)
            return self._known[ref]

    def inputs(self) -> CogInputs:
        """Return what the operator's model takes; none while Replicate cannot be asked."""
        if not self.is_known:
            # Asked at every turn, a host that does not answer would hold every drawing up.
            if time.monotonic() < self._ask_again_s:
                return CogInputs()
            try:
                self.get()
            except EngineError:
                self._ask_again_s = time.monotonic() + ASK_AGAIN_S
                return CogInputs()
        return self.get().inputs

    def _asked(self, ref: str) -> ReplicateModel:
        found = REF.fullmatch(ref)
        if not found:
            raise Refused("setup", f"{ref} is no model")
        name, version = found[1], found[2]
        path = f"/models/{name}" + (f"/versions/{version}" if version else "")
        try:
            told = self._account.ask(path).table()
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


def _inputs(version: dict[str, Any]) -> CogInputs:
    inputs = CogInputs.of(version.get("openapi_schema"))
    if not inputs.first("prompt"):
        raise BadResult("The engine's model takes no prompt.")
    return inputs
