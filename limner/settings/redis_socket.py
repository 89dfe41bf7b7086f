"""The paths of sockets in a data folder, the embedded server's and others: there, or by a short link to it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from limner.errors import ConfigError
from limner.settings.short_path import short_way

SOCKET_NAME = "redis.sock"
#: the kernel's limit for a socket's path, minus what clients append
SOCKET_PATH_MAX = 100


def socket_path(data_dir: Path, name: str = SOCKET_NAME) -> Path:
    """Return the path of the embedded server's socket, or of another one, the same in every process.

    Raises:
        ConfigError: the folder's path is too long for a socket, and no short link can be made.
    """
    path = data_dir / name
    if len(os.fsencode(path)) <= SOCKET_PATH_MAX:
        return path
    try:
        return short_way(data_dir) / name
    except OSError as error:
        raise ConfigError(
            "LIMNER_DATA_DIR",
            f"too long for a socket ({path} has over {SOCKET_PATH_MAX} bytes), "
            f"and no shorter way to it can be made: {error}",
        ) from error


def socket_url(data_dir: Path) -> str:
    """Return the URL of a data folder's embedded server.

    Raises:
        ConfigError: see ``socket_path``.
    """
    return f"unix://{quote(str(socket_path(data_dir)))}"
