"""Derive a remote engine's health from one cheap request; for drivers' ``health``."""

from __future__ import annotations

from collections.abc import Callable

from limner.engine import Health
from limner.errors import EngineBusy, EngineError, Refused


def health_of(ask: Callable[[], object]) -> Health:
    """Make the request, and return the health that the response or the error implies."""
    try:
        ask()
    except Refused as error:
        return Health("down", f"{error.kind}: {error.message}")
    except EngineBusy as error:
        return Health("degraded", error.message)
    except EngineError as error:
        return Health("down", error.message)
    return Health("ok")
