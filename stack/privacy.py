"""Keep the data folder and all files of the gateway unreadable for other accounts on the machine.

The append-only file contains the secrets that sign callbacks, and the spool contains pictures that
callers sent. Used at the start of every process of ours, and of the embedded server.
"""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from limner.errors import ConfigError
from limner.log import event

log = logging.getLogger(__name__)

#: no permissions for other accounts on the files and folders that we create
UMASK = 0o077
#: names that Limner, its embedded server and file systems create in a data folder
_OURS = frozenset(
    {
        *("images", "appendonlydir", "server.lock", "redis.sock", "up.sock", "dump.rdb"),
        *("local.env", "lost+found"),
    }
)
_OURS_BEGINS = ("beat-schedule", "settings-", "temp-", ".limner-")


def keep_to_ourselves() -> None:
    """Set the umask of this process and those it starts, so that other accounts cannot read its files."""
    os.umask(UMASK)


def close_to_others(folder: Path) -> None:
    """Revoke other accounts' permissions on a data folder, if it contains only Limner's files.

    Raises:
        ConfigError: they have some, and it is not ours to change: it belongs to another account, or
            contains other files too.
    """
    mode = exposed_mode(folder)
    if not mode:
        return
    if not may_close(folder):
        raise ConfigError(
            "LIMNER_DATA_DIR",
            f"other accounts may read {folder} (mode {mode:04o}), where callback secrets are kept, "
            f"and it is not Limner's alone: `chmod 700 {folder}`, or name a folder of its own",
        )
    folder.chmod(0o700)
    event(log, "folder.closed", level=logging.WARNING, folder=str(folder), mode=f"{mode:04o}")


def may_close(folder: Path) -> bool:
    """Return whether a folder is ours to close: owned by our account, with only Limner's files in it."""
    own = folder.stat().st_uid == os.geteuid()
    return own and all(map(_is_ours, os.listdir(folder)))


def exposed_mode(folder: Path) -> int:
    """Return a folder's mode if other accounts have any permissions on it, else 0."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    return mode if mode & UMASK else 0


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith(_OURS_BEGINS)
