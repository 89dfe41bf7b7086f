"""One setting: how it is declared, and how a raw value of it is parsed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any

from limner.errors import ConfigError


def setting(
    default: Any, parse: Callable[[Any], Any], help_text: str, *, secret: bool = False
) -> Any:
    """Declare a setting; error messages do not quote a ``secret`` one."""
    metadata = {"parse": parse, "help": help_text, "secret": secret}
    return field(default=default, metadata=metadata)


def parsed(name: str, parse: Callable[[Any], Any], raw: Any, *, secret: bool = False) -> Any:
    """Return the parsed value.

    Raises:
        ConfigError: ``parse`` refused it; ``name`` is where the operator wrote it.
    """
    try:
        return parse(raw)
    except ValueError as error:
        # A value with an @ may contain a password before it.
        given = "" if secret or "@" in str(raw) else f" (it is {raw!r})"
        raise ConfigError(name, f"{error}{given}") from None
