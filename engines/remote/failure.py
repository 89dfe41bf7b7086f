"""An engine's own words about a failure: for its operator's log, never for a caller."""

from __future__ import annotations

import re

from limner.errors import EngineError

_NO_LETTERS = re.compile(r"[\W_]+")
_MAX_CHARACTERS = 4000


class SaidByEngine(EngineError):
    """The engine's own words."""


def says(words: str, pattern: re.Pattern[str], prompt: str) -> bool:
    """Return whether an engine's words match a pattern by what is not quoted from the prompt."""
    known = letters_of(prompt)
    return any(letters_of(found[0]) not in known for found in pattern.finditer(words))


def letters_of(text: str) -> str:
    """Return a text's letters alone: servers quote prompts cut, escaped, or in other cases."""
    return _NO_LETTERS.sub("", text.lower())


def failure(message: str, words: str) -> EngineError:
    """Return an error with our message, whose cause is what the engine said."""
    error = EngineError(message)
    if words:
        error.__cause__ = SaidByEngine(words[:_MAX_CHARACTERS])
    return error
