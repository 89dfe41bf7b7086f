"""The tables ``[translate]`` and ``[forbidden]`` of ``limner.toml``: what is done with callers' words.

Credentials never stand in the file: ``key_env`` names a variable, ``key_file`` a file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from limner.errors import ConfigError
from limner.forbidden import ENTRIES_MOST, ENTRY_LENGTH
from limner.settings import toml_file, values
from limner.settings.setting import parsed

#: largest list of forbidden words
LIST_BYTES = 2 * 1024 * 1024
TRANSLATORS = ("none", "openai", "command")
SILENCES = ("refuse", "pass")


@dataclass(frozen=True, slots=True)
class TranslateSettings:
    """Who translates words that an engine does not understand; ``none``: nobody."""

    driver: str = "none"
    #: of ``openai``: the base of its API, with ``/v1``
    url: str = ""
    model: str = ""
    key: str | None = field(default=None, repr=False)
    #: of ``command``: the program and its arguments
    command: tuple[str, ...] = ()
    timeout_s: float = 20.0


@dataclass(frozen=True, slots=True)
class ModerationSettings:
    """The endpoint that is asked whether words may be drawn."""

    url: str
    model: str = ""
    key: str | None = field(default=None, repr=False)
    timeout_s: float = 2.0
    #: when it does not answer: ``refuse`` or ``pass``
    silent: str = "refuse"


@dataclass(frozen=True, slots=True)
class ForbiddenSettings:
    """What may not be drawn here."""

    words: tuple[str, ...] = ()
    moderation: ModerationSettings | None = None


def translate_of(table: Any, environ: Mapping[str, str] = os.environ) -> TranslateSettings:
    """Return the settings of ``[translate]``.

    Raises:
        ConfigError: it is wrong.
    """
    at = _Table("translate", table, environ)
    driver = at.read("driver", values.one_of(*TRANSLATORS), "none")
    found = TranslateSettings(
        driver=driver,
        url=at.read("url", values.base_url, "") or "",
        model=at.read("model", values.text, ""),
        key=at.secret(),
        command=at.read("command", values.words, []),
        timeout_s=at.read("timeout_s", values.seconds(0.1, 300), 20.0),
    )
    at.done()
    if driver == "openai" and not (found.url and found.model):
        raise ConfigError("limner.toml: translate", "the driver openai needs url and model")
    if driver == "command" and not found.command:
        raise ConfigError("limner.toml: translate", "the driver command needs command")
    return found


def forbidden_of(table: Any, environ: Mapping[str, str] = os.environ) -> ForbiddenSettings:
    """Return the settings of ``[forbidden]``, with the words of its file.

    Raises:
        ConfigError: it is wrong, or the file cannot be read.
    """
    at = _Table("forbidden", table, environ)
    words = at.read("words", values.words, [])
    if path := at.read("file", _absolute, None):
        words += _listed(path)
    moderation = None
    if url := at.read("url", values.http_url, ""):
        moderation = ModerationSettings(
            url=url,
            model=at.read("model", values.text, ""),
            key=at.secret(),
            timeout_s=at.read("timeout_s", values.seconds(0.1, 10), 2.0),
            silent=at.read("silent", values.one_of(*SILENCES), "refuse"),
        )
    at.done()
    if len(words) > ENTRIES_MOST:
        raise ConfigError("limner.toml: forbidden", f"has more than {ENTRIES_MOST} words")
    if long := next((word for word in words if len(word) > ENTRY_LENGTH), None):
        why = f"{long[:20]}… has more than {ENTRY_LENGTH} characters"
        raise ConfigError("limner.toml: forbidden", why)
    return ForbiddenSettings(words, moderation)


class _Table:
    """A table that is read name by name; what nobody reads is refused."""

    def __init__(self, name: str, table: Any, environ: Mapping[str, str]) -> None:
        self._where = f"limner.toml: {name}"
        if not isinstance(table, dict):
            raise ConfigError(self._where, f"must be a table: [{name}]")
        self._left = dict(table)
        self._environ = environ

    def read(self, name: str, parse: Any, absent: Any) -> Any:
        if name not in self._left:
            return parse(absent) if absent is not None else None
        return parsed(f"{self._where}.{name}", parse, self._left.pop(name))

    def secret(self) -> str | None:
        """Return the credential that ``key_env`` or ``key_file`` points to."""
        variable = self.read("key_env", values.text, "")
        path = self.read("key_file", _absolute, None)
        if variable:
            key = self._environ.get(variable, "").strip()
            if not key:
                raise ConfigError(f"{self._where}.key_env", f"{variable} is not set")
            return str(key)
        if path is None:
            return None
        try:
            return str(path.read_text(encoding="utf-8").strip()) or None
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"{self._where}.key_file", f"cannot read {path}") from None

    def done(self) -> None:
        if self._left:
            raise ConfigError(f"{self._where}.{min(self._left)}", "there is no such setting")


def _absolute(raw: Any) -> Path:
    path = Path(values.text(raw)).expanduser()
    # Processes run in other working directories than the operator's.
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


def _listed(path: Path) -> tuple[str, ...]:
    """Return the words of a file, one a line; lines that begin with # are for people."""
    name = "limner.toml: forbidden.file"
    try:
        if path.stat().st_size > LIST_BYTES:
            raise ConfigError(name, f"{path} is larger than {LIST_BYTES >> 20} MB")
        lines = toml_file.text(path.read_bytes()).splitlines()
    except OSError as error:
        raise ConfigError(name, f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(name, f"{path} {error}") from None
    stripped = (line.strip() for line in lines)
    return tuple(line for line in stripped if line and not line.startswith("#"))
