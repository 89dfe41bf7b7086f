"""The installed version, as every document of the API says it."""

from __future__ import annotations

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """Return the installed version."""
    try:
        return metadata.version("limner")
    except metadata.PackageNotFoundError:
        return "0"
