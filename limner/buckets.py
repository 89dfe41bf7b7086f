"""What stores that are no folder need: their libraries, and how these are told to give up soon.

Used by ``limner/images.py``.
"""

from __future__ import annotations

from typing import Any

import fsspec

from limner.errors import ConfigError

#: which extra of ours brings the library for a store
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "oss": "oss", "abfs": "azure"}
#: a store that does not answer is given up soon: whoever asked has a better patience than its library
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


def check_library(protocol: str) -> None:
    """Return if there is a library for stores of this kind.

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
