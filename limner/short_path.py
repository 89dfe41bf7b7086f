"""A short way to a folder whose own path is too long for a socket in it; used by ``limner.redis_socket``.

The kernel takes 104 to 108 bytes for a socket's path, and people have folders with more. The socket stays
in its folder; what is short is a symbolic link to that folder. The link's path follows from the folder's,
so every process that reads the settings goes the same way, and makes the link again if something has
cleaned it up. It lies in a folder of this account alone, or another account could lead us to its own server.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

#: not ``TMPDIR``: it may be long itself, and another one for each process
_ROOT = Path("/tmp")


def short_way(folder: Path) -> Path:
    """Return the path of a link to ``folder``, made if it is not there.

    Raises:
        OSError: there can be none here, or it is not safe.
    """
    target = os.path.abspath(folder)
    link = _links() / hashlib.sha256(os.fsencode(target)).hexdigest()[:16]
    if not link.is_symlink():
        _drop_dead(link.parent)
        with contextlib.suppress(FileExistsError):  # another process was quicker
            link.symlink_to(target)
    if os.readlink(link) != target:
        raise OSError(f"{link} leads elsewhere")
    return link


def _links() -> Path:
    """Return this account's folder of links."""
    links = _ROOT / f"limner-{os.geteuid()}"
    with contextlib.suppress(FileExistsError):
        links.mkdir(mode=0o700)
    found = links.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise OSError(f"{links} is not a folder of this account alone")
    return links


def _drop_dead(links: Path) -> None:
    """Remove the links to folders that are gone."""
    for link in links.iterdir():
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)
