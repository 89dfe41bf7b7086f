"""An engine's own words about a failure: for its operator's log, never for a caller."""

from __future__ import annotations

from limner.errors import EngineError

_MAX_CHARACTERS = 4000


class SaidByEngine(EngineError):
    """The engine's own words."""


def failure(message: str, words: str) -> EngineError:
    """Return an error with our message, whose cause is what the engine said."""
    error = EngineError(message)
    if words:
        error.__cause__ = SaidByEngine(words[:_MAX_CHARACTERS])
    return error
