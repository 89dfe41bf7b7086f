"""Where the embedded server's socket is: in its data folder, or at the end of a shorter way to it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from limner.errors import ConfigError
from limner.settings.short_path import short_way

SOCKET_NAME = "redis.sock"
#: the kernel's bound on a socket's path, less room for what clients add
SOCKET_PATH_MAX = 100


def socket_path(data_dir: Path) -> Path:
    """Return the path of the embedded server's socket, the same in every process.

    Raises:
        ConfigError: the folder's path is too long for a socket, and no shorter one can be had.
    """
    path = data_dir / SOCKET_NAME
    if len(os.fsencode(path)) <= SOCKET_PATH_MAX:
        return path
    try:
        return short_way(data_dir) / SOCKET_NAME
    except OSError as error:
        raise ConfigError(
            "LIMNER_DATA_DIR",
            f"too long for a socket ({path} has over {SOCKET_PATH_MAX} bytes), "
            f"and no shorter way to it can be made: {error}",
        ) from error


def socket_url(data_dir: Path) -> str:
    """Return the URL under which the embedded server of a data folder is reached.

    Raises:
        ConfigError: see ``socket_path``.
    """
    return f"unix://{quote(str(socket_path(data_dir)))}"
