"""The path of the embedded server's socket: in its data folder, or by a short link to it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from limner.errors import ConfigError
from limner.settings.short_path import short_way

SOCKET_NAME = "redis.sock"
#: the kernel's limit for a socket's path, minus what clients append
SOCKET_PATH_MAX = 100


def socket_path(data_dir: Path) -> Path:
    """Return the path of the embedded server's socket, the same in every process.

    Raises:
        ConfigError: the folder's path is too long for a socket, and no short link can be made.
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
    """Return the URL of a data folder's embedded server.

    Raises:
        ConfigError: see ``socket_path``.
    """
    return f"unix://{quote(str(socket_path(data_dir)))}"
