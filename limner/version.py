"""The installed version, as documents of the API, the command line and the data in Redis tell it."""

from __future__ import annotations

from functools import cache
from importlib import metadata

#: the schema of the data that this release writes: the last of limner/store/schema/steps.py
SCHEMA = 2


@cache
def version() -> str:
    """Return the installed version."""
    try:
        return metadata.version("limner")
    except metadata.PackageNotFoundError:
        return "0"
