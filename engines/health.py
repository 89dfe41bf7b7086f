"""Say how a remote engine is, from what becomes of one cheap question; for drivers' ``health``."""

from __future__ import annotations

from collections.abc import Callable

from limner.engine import Health
from limner.errors import EngineBusy, EngineError, Refused


def health_of(ask: Callable[[], object]) -> Health:
    """Ask, and return what the answer, or the error, says of the engine."""
    try:
        ask()
    except Refused as error:
        return Health("down", f"{error.kind}: {error.message}")
    except EngineBusy as error:
        return Health("degraded", error.message)
    except EngineError as error:
        return Health("down", error.message)
    return Health("ok")
