"""A short link to a folder whose own path is too long for a socket; used by ``limner.settings.redis_socket``.

The kernel limits a socket's path to 104 to 108 bytes, and some folders are longer. The socket stays in
its folder; a symbolic link with a short path leads to that folder. The link's path is derived from the
folder's, so every process finds the same one, and recreates it if something has removed it. It is in a
folder that only this account can write, or another account could redirect us to its own server.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

#: not ``TMPDIR``: it may be long itself, and differ between processes
_ROOT = Path("/tmp")


def short_way(folder: Path) -> Path:
    """Return the path of a link to ``folder``, created if missing.

    Raises:
        OSError: it cannot be created, or would not be safe.
    """
    target = os.path.abspath(folder)
    link = own_folder() / hashlib.sha256(os.fsencode(target)).hexdigest()[:16]
    if not link.is_symlink():
        _drop_dead(link.parent)
        with contextlib.suppress(FileExistsError):  # another process was faster
            link.symlink_to(target)
    if os.readlink(link) != target:
        raise OSError(f"{link} leads elsewhere")
    return link


def own_folder() -> Path:
    """Return this account's folder for what all of its processes on this host must find, created if missing.

    Raises:
        OSError: it cannot be created, or others could write in it.
    """
    folder = _ROOT / f"limner-{os.geteuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise OSError(f"{folder} is not a folder of this account alone")
    return folder


def _drop_dead(links: Path) -> None:
    """Remove the links to folders that are gone."""
    for link in links.iterdir():
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)
