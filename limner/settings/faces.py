"""The ``[faces]`` table of ``limner.toml``: what a face does where its protocol leaves it to the server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.errors import ConfigError
from limner.faces import FACES
from limner.request import NAME, Lane
from limner.settings import values
from limner.settings.setting import parsed

_FORM = 'must have the form { lane = "fast", engine = "name", version = "7" }, each if you like'
#: longest name of a model: some contain an owner's
_MODEL_LENGTH = 100
_ORIGIN = re.compile(r"https?://[^/\s]+")


@dataclass(frozen=True, slots=True)
class Alias:
    """What a model's name stands for; None: as without it."""

    lane: Lane | None = None
    engine: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class FaceOptions:
    """The options of one face."""

    #: the lane of callers who cannot say; None: fast for those who may
    lane: Lane | None = None
    #: name of a model → what it stands for
    models: Mapping[str, Alias] = field(default_factory=dict)
    #: whether a job that nobody waits for any more is cancelled
    hang_up_cancels: bool = True
    #: of web pages that may call it; of the faces that do not let all do so
    origins: tuple[str, ...] = ()


def face_options_of(tables: Mapping[str, Any]) -> dict[str, FaceOptions]:
    """Return the options of each face that has a table.

    Raises:
        ConfigError: a table is wrong.
    """
    found = {}
    for name, table in tables.items():
        where = f"limner.toml: faces.{name}"
        if name not in FACES:
            raise ConfigError(where, f"there is no such face: {', '.join(FACES)}")
        if not isinstance(table, dict):
            raise ConfigError(where, "must be a table")
        unknown = set(table) - {"lane", "models", "hang_up", "origins"}
        if unknown:
            raise ConfigError(f"{where}.{min(unknown)}", "there is no such setting")
        hang_up = parsed(
            f"{where}.hang_up", values.one_of("cancel", "go on"), table.get("hang_up", "cancel")
        )
        found[name] = FaceOptions(
            lane=_lane(f"{where}.lane", table.get("lane")),
            models=_models(f"{where}.models", table.get("models", {})),
            hang_up_cancels=hang_up == "cancel",
            origins=_origins(f"{where}.origins", table.get("origins", [])),
        )
    return found


def _origins(where: str, raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(
        isinstance(one, str) and _ORIGIN.fullmatch(one) for one in raw
    ):
        raise ConfigError(where, 'must have the form ["https://agent.example"]')
    return tuple(raw)


def _models(where: str, raw: Any) -> dict[str, Alias]:
    if not isinstance(raw, dict):
        raise ConfigError(where, 'must have the form { "dall-e-3" = { lane = "fast" } }')
    return {name: _alias(f"{where}.{name}", name, table) for name, table in raw.items()}


def _alias(where: str, name: str, table: Any) -> Alias:
    if not 1 <= len(name) <= _MODEL_LENGTH:
        raise ConfigError(where, f"must have a name of 1 to {_MODEL_LENGTH} characters")
    if not isinstance(table, dict) or not table.keys() <= {"lane", "engine", "version"}:
        raise ConfigError(where, _FORM)
    engine, version = table.get("engine"), table.get("version")
    for text in (engine, version):
        if text is not None and not (isinstance(text, str) and NAME.fullmatch(text)):
            raise ConfigError(where, _FORM)
    return Alias(_lane(f"{where}.lane", table.get("lane")), engine, version)


def _lane(where: str, raw: Any) -> Lane | None:
    return None if raw is None else Lane(parsed(where, values.one_of(*Lane), raw))
