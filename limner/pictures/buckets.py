"""What image stores need of their libraries: to be installed, time out soon, and raise one error.

Used by ``limner/pictures/image_store.py``.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fsspec

from limner.errors import ConfigError, DiskFull, ImagesDown

#: store → the extra of ours that installs its library
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "oss": "oss", "abfs": "azure"}
#: short timeouts: retries are the caller's business, not the library's
OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": 5,
            "read_timeout": 30,
            "retries": {"max_attempts": 1, "mode": "standard"},
        },
        "max_concurrency": 4,
    },
}
#: errors of a full disk or quota
_FULL = (errno.ENOSPC, errno.EDQUOT)
#: failures to delete something in a folder that say nothing of what is beside it
ONES_OWN = (PermissionError, IsADirectoryError)


def said(error: Exception) -> str:
    """Return an error's kind and words, for operators."""
    return f"{type(error).__name__}: {error}"


def check_library(protocol: str) -> None:
    """Return if the library for this kind of store is installed.

    Raises:
        ConfigError: there is no such kind of store, or its library is not installed.
    """
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        extra = EXTRAS.get(protocol)
        how = f"pip install 'limner[{extra}]'" if extra else str(error)
        raise ConfigError("LIMNER_IMAGE_STORE", f"{protocol}:// needs a library: {how}") from error
    except ValueError as error:
        raise ConfigError("LIMNER_IMAGE_STORE", f"{protocol}:// is unknown") from error


@contextmanager
def asking() -> Iterator[None]:
    """Turn whatever a store's library raises into ``ImagesDown``."""
    try:
        yield
    except (KeyError, ImagesDown):
        raise
    except OSError as error:
        kind = DiskFull if error.errno in _FULL else ImagesDown
        raise kind(said(error)) from error
    # Each library has errors of its own, and in most wrong credentials are not an OSError.
    except Exception as error:
        raise ImagesDown(said(error)) from error
