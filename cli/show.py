"""Helpers of the commands: tables, times, and the store that they read."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from datetime import UTC, datetime

from limner.settings import Settings
from limner.store import Store


def open_store() -> Store:
    """Return the configured store; nothing connects to it yet."""
    return Store.of(Settings.load())


def actor() -> str:
    """Return who changes something, for the audit trail: `cli:USER`."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        # A container's account may have no name.
        return f"cli:{os.getuid()}"


def or_dash(value: object) -> str:
    """Return a value as text; a dash for None and empty values."""
    return "-" if value in (None, "") else str(value)


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows as a table."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def facts(pairs: dict[str, object]) -> None:
    """Print one line per field."""
    width = max(map(len, pairs))
    for name, value in pairs.items():
        print(f"{name:{width}}  {or_dash(value)}")


def moment(at_ms: float) -> str:
    """Return a time in UTC, to the millisecond."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + "Z"


def duration(seconds: float) -> str:
    """Return a duration in readable form: `0.4 s`, `12 s`, `3 min`, `5 h`, `2 d`."""
    for unit, length in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
