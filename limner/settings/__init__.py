"""All settings, read from ``LIMNER_*`` and ``limner.toml``, as a process starts; the environment wins.

Used by every process. A wrong setting raises ``ConfigError``, which names it, before anything starts.
The settings are declared by subject, in ``server``, ``pictures``, ``callbacks``, ``lanes``, ``engines`` and
``wording``. A test compares the table in the README with ``Settings``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from limner.errors import ConfigError
from limner.settings import surroundings, toml_file
from limner.settings.callbacks import CallbackSettings
from limner.settings.engines import EngineSettings, LaneLimits, engines_of
from limner.settings.faces import Alias, FaceOptions, face_options_of
from limner.settings.lanes import LaneSettings
from limner.settings.pictures import PictureSettings
from limner.settings.server import DATA_DIR, ServerSettings
from limner.settings.setting import parsed
from limner.settings.wording import (
    ForbiddenSettings,
    ModerationSettings,
    TranslateSettings,
    forbidden_of,
    translate_of,
)

__all__ = [
    "ENV_PREFIX",
    "Alias",
    "EngineSettings",
    "FaceOptions",
    "ForbiddenSettings",
    "LaneLimits",
    "ModerationSettings",
    "Settings",
    "TranslateSettings",
]

ENV_PREFIX = surroundings.PREFIX
#: the fields that come from tables of limner.toml
_TABLES = ("engines", "face_options", "translate", "forbidden")


# ``fields`` lists the last base's settings first.
@dataclass(frozen=True)
class Settings(LaneSettings, CallbackSettings, PictureSettings, ServerSettings):
    """The operator's settings. Each field is ``LIMNER_<FIELD>`` and, in lower case, a TOML key."""

    engines: tuple[EngineSettings, ...] = ()
    #: by the face's name; of one that is not here the defaults hold
    face_options: Mapping[str, FaceOptions] = field(default_factory=dict)
    translate: TranslateSettings = TranslateSettings()
    forbidden: ForbiddenSettings = ForbiddenSettings()

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Load ``LIMNER_CONFIG`` (or ``./limner.toml`` if it exists) and the environment.

        Raises:
            ConfigError: a file, a name or a value is wrong.
        """
        # Their keys are in variables that are nobody's settings.
        origin, environ = environ, surroundings.settings(environ)
        table = _read_toml(environ)
        known = {f.name: f for f in fields(cls) if f.name not in _TABLES}
        entries, faces = table.pop("engine", []), table.get("faces")
        translate = translate_of(table.pop("translate", {}), origin)
        forbidden = forbidden_of(table.pop("forbidden", {}), origin)
        if isinstance(faces, dict):
            table["faces"] = faces.pop("serve", "all")
        for key in table:
            if key not in known and key not in surroundings.FORMER:
                raise ConfigError(f"limner.toml: {key}", "there is no such setting")
        for variable in environ:
            name = variable.removeprefix(ENV_PREFIX)
            if name != "CONFIG" and name.lower() not in known:
                raise ConfigError(variable, "there is no such setting")
        given: dict[str, Any] = {}
        for name, setting in known.items():
            variable = ENV_PREFIX + name.upper()
            if variable in environ:
                given[name] = _read(variable, setting, environ[variable])
            elif name in table:
                given[name] = _read(f"limner.toml: {name}", setting, table[name])
        # Of the folder that this is read in, which need not be the one that we were imported in.
        given.setdefault("data_dir", Path(DATA_DIR).absolute())
        settings = cls(**given)
        if settings.redis_replicas and not settings.redis_url:
            why = "needs LIMNER_REDIS_URL: the embedded server has no replicas"
            raise ConfigError(ENV_PREFIX + "REDIS_REPLICAS", why)
        options = face_options_of(faces) if isinstance(faces, dict) else {}
        return replace(
            settings,
            engines=engines_of(entries, settings),
            face_options=options,
            translate=translate,
            forbidden=forbidden,
        )

    def with_engines(self, engines: tuple[EngineSettings, ...]) -> Self:
        """Return a copy of these settings with other engines."""
        return replace(self, engines=engines)

    def face(self, name: str) -> FaceOptions:
        """Return the options of a face."""
        return self.face_options.get(name) or FaceOptions()

    def environment(self, since: Settings | None = None) -> dict[str, str]:
        """Return the settings that differ from their defaults as ``LIMNER_*``, for child processes.

        ``since``: only what differs from these. Tables are left out: children read them from the same
        ``limner.toml``.
        """
        changed = {}
        for f in fields(self):
            value = getattr(self, f.name)
            before = f.default if since is None else getattr(since, f.name)
            if f.name in _TABLES or (before is not MISSING and value == before):
                continue
            changed[ENV_PREFIX + f.name.upper()] = "" if value is None else str(value)
        return changed


def _read_toml(environ: Mapping[str, str]) -> dict[str, Any]:
    named = environ.get(ENV_PREFIX + "CONFIG")
    path = Path(named) if named else Path("limner.toml")
    if not named and not path.exists():
        return {}
    try:
        return toml_file.read(path)
    except OSError as error:
        raise ConfigError(ENV_PREFIX + "CONFIG", f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(ENV_PREFIX + "CONFIG", f"{path} {error}") from error


def _read(name: str, setting: Field[Any], raw: Any) -> Any:
    return parsed(name, setting.metadata["parse"], raw, secret=setting.metadata["secret"])
