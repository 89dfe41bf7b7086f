"""Nobody else on the machine reads what the gateway keeps: its data folder, and the files it makes.

The append-only file holds the secrets that callbacks are signed with, and the spool holds pictures that
callers sent. Used wherever a process of ours begins, and by whoever starts the embedded server.
"""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from limner.errors import ConfigError
from limner.log import event

log = logging.getLogger(__name__)

#: what files and folders that we make lack: every right of other accounts
UMASK = 0o077
#: what Limner, its embedded server and file systems put into a data folder
_OURS = frozenset(
    {"images", "appendonlydir", "server.lock", "redis.sock", "dump.rdb", "lost+found"}
)
_OURS_BEGINS = ("beat-schedule", "temp-", ".limner-")


def keep_to_ourselves() -> None:
    """Make this process, and those it starts, keep what they write from other accounts."""
    os.umask(UMASK)


def close_to_others(folder: Path) -> None:
    """Take other accounts' rights on a data folder away, if it holds nothing but Limner's.

    Raises:
        ConfigError: they have some, and it is not ours to change: it belongs to another account, or
            other things lie there too.
    """
    mode = exposed_mode(folder)
    if not mode:
        return
    if not may_close(folder):
        raise ConfigError(
            "LIMNER_DATA_DIR",
            f"other accounts may look into {folder} (mode {mode:04o}), where callback secrets are kept, "
            f"and it is not Limner's alone: `chmod 700 {folder}`, or name a folder of its own",
        )
    folder.chmod(0o700)
    event(log, "folder.closed", level=logging.WARNING, folder=str(folder), mode=f"{mode:04o}")


def may_close(folder: Path) -> bool:
    """Return whether a folder is ours to close: of our account, and with nothing but Limner's in it."""
    own = folder.stat().st_uid == os.geteuid()
    return own and all(map(_is_ours, os.listdir(folder)))


def exposed_mode(folder: Path) -> int:
    """Return the mode of a folder that other accounts have any rights on, else 0."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    return mode if mode & UMASK else 0


def _is_ours(name: str) -> bool:
    return name in _OURS or name.startswith(_OURS_BEGINS)
