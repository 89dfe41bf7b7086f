"""Settings that are not read anew by what runs, and how that is told: in one way by ``limner up`` and by an API."""

from __future__ import annotations

import logging

from limner.errors import LimnerError
from limner.log import event


class NotReloaded(LimnerError):
    """The settings were not reloaded; everything goes on as before."""


def tell_not_reloaded(log: logging.Logger, error: Exception) -> str:
    """Log that ``error`` kept the settings from being reloaded; return why, as one sentence for whoever asked for it.

    What is nobody's mistake but ours, or a driver's, is logged with its traceback.
    """
    if isinstance(error, LimnerError | OSError):
        why = error.message if isinstance(error, LimnerError) else str(error)
        event(log, "gateway.not_reloaded", level=logging.ERROR, why=why)
        return why
    why = f"{type(error).__name__}: {error}"
    event(log, "gateway.not_reloaded", level=logging.ERROR, error=error, why=why)
    return f"{why} (the log tells more)"
