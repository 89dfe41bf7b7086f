"""Parse a driver's options from its ``[[engine]]`` entry; used by every driver's ``build``.

Each reader takes one option, validates it, and names it in full if it is wrong. ``done`` refuses what
is left over, so that a misspelt option is never silently ignored. Credentials are never options:
``secret("api_key")`` reads ``api_key_env = "NAME"`` or ``api_key_file = "path"``.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from limner.errors import ConfigError
from limner.settings import EngineSettings

Word = TypeVar("Word", bound=str)


class Options:
    """The options of one engine that have not been read yet."""

    def __init__(self, settings: EngineSettings, environ: Mapping[str, str] = os.environ) -> None:
        self._driver = settings.driver
        self._where = f"limner.toml: engine {settings.name}"
        self._left: dict[str, Any] = dict(settings.options)
        self._environ = environ
        self._known: list[str] = []

    def wrong(self, name: str, why: str) -> NoReturn:
        """Return the error for an option's value; for what only the driver can check."""
        raise ConfigError(f"{self._where}: {name}", why)

    def text(self, name: str, default: str | None = None) -> str:
        """Return text that is not empty; without a default the option is required."""
        value = self._take(name)
        if value is None:
            return default if default is not None else self.wrong(name, "is required")
        if not isinstance(value, str) or not value.strip():
            self.wrong(name, "must be text, and not empty")
        return value.strip()

    def optional_text(self, name: str) -> str | None:
        """Return text, or None if the option is absent or empty."""
        if self._left.get(name) == "":
            self._left.pop(name)
        return self.text(name, "") or None

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """Return a number from ``low`` to ``high``."""
        value = self._take(name, default)
        # To Python True is 1; to a setting it should not be. "not in range" also refuses NaN.
        right = isinstance(value, int | float) and not isinstance(value, bool)
        if not right or not low <= value <= high:
            limits = f"from {low:g} to {high:g}" if high < math.inf else f"of at least {low:g}"
            self.wrong(name, f"must be a number {limits}")
        return float(value)

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``."""
        value = self.number(name, default, low, high)
        if value != int(value):
            self.wrong(name, f"must be a whole number from {low} to {high}")
        return int(value)

    def optional_number(self, name: str, low: float, high: float) -> float | None:
        """Return a number from ``low`` to ``high``, or None if the option is absent."""
        return self.number(name, low, low, high) if name in self._left else self._take(name)

    def weights(self, name: str, low: float, high: float) -> dict[str, float]:
        """Return a table of text to numbers: ``loras = { "ink.safetensors" = 0.8 }``."""
        value = self._take(name, {})
        if not isinstance(value, dict) or not all(
            isinstance(each, int | float) and not isinstance(each, bool) and low <= each <= high
            for each in value.values()
        ):
            self.wrong(name, f'must have the form {{ "name" = number from {low:g} to {high:g} }}')
        return {key: float(each) for key, each in value.items()}

    def flag(self, name: str, default: bool = False) -> bool:
        """Return true or false."""
        value = self._take(name, default)
        if not isinstance(value, bool):
            self.wrong(name, "must be true or false")
        return value

    def one_of(self, name: str, words: tuple[Word, ...], default: Word) -> Word:
        """Return one of ``words``; an empty one among them stands for an option that is not set."""
        value = self._take(name, default)
        found = next((word for word in words if value == word), None)
        if found is None:
            self.wrong(name, f"must be one of {', '.join(filter(None, words))}")
        return found

    def url(self, name: str, default: str | None = None) -> str:
        """Return an http(s) URL without a trailing slash; it must not contain credentials."""
        value = self.text(name, default)
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            self.wrong(name, "must be an http(s) URL")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            self.wrong(name, "must be an http(s) URL")
        if parts.username or parts.password:
            self.wrong(name, "must hold no user and password: see the driver's *_env options")
        return value.rstrip("/")

    def file(self, name: str) -> Path | None:
        """Return the path of a file that exists, or None if the option is absent."""
        value = self.optional_text(name)
        if value is None:
            return None
        path = Path(value).expanduser()
        if not path.is_file():
            self.wrong(name, f"there is no file {path}")
        return path

    def table(self, name: str) -> dict[str, str]:
        """Return a table of text to text: ``headers = { X-Team = "drawing" }``."""
        value = self._take(name, {})
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            self.wrong(name, 'must have the form { Name = "text" }')
        return dict(value)

    def values(self, name: str) -> dict[str, Any]:
        """Return a table of what JSON can say: ``input = { go_fast = true, steps = 28 }``."""
        value = self._take(name, {})
        try:
            said = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            said = ""
        if not isinstance(value, dict) or not said:
            self.wrong(name, "must have the form { name = value }, without dates")
        return dict(value)

    def words(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return a list of texts: ``sizes = ["1024x1024", "1536x1024"]``."""
        value = self._take(name, list(default))
        if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
            self.wrong(name, 'must be a list of texts: ["one", "two"]')
        return tuple(value)

    def secret(self, name: str) -> str | None:
        """Return the credential that ``NAME_env`` or ``NAME_file`` points to; None if neither is set."""
        if self._take(name) is not None:
            self.wrong(name, f"must not stand in this file: use {name}_env or {name}_file")
        variable, path = self.optional_text(f"{name}_env"), self.file(f"{name}_file")
        if variable and path:
            self.wrong(f"{name}_env", f"and {name}_file are both set")
        if variable:
            value = self._environ.get(variable, "").strip()
            return value or self.wrong(f"{name}_env", f"{variable} is not set in the environment")
        if path is None:
            return None
        try:
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            self.wrong(f"{name}_file", f"cannot read {path}")
        return value or self.wrong(f"{name}_file", f"{path} is empty")

    def secret_headers(self) -> dict[str, str]:
        """Return ``headers_env = { X-Key = "NAME" }``: headers whose values come from the environment."""
        headers = {}
        for header, variable in self.table("headers_env").items():
            value = self._environ.get(variable, "").strip()
            headers[header] = value or self.wrong(
                f"headers_env.{header}", f"{variable} is not set in the environment"
            )
        return headers

    def done(self) -> None:
        """Refuse the options that no reader took."""
        for name in self._left:
            near = get_close_matches(name, self._known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            self.wrong(name, f"{self._driver} has no such option{hint}")

    def _take(self, name: str, default: Any = None) -> Any:
        self._known.append(name)
        return self._left.pop(name, default)
