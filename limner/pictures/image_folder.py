"""A folder as image store: check its identity and free space, and write files atomically.

A folder on a separate disk or another machine may be unmounted. What is left is an empty folder of the
same name; using that would fill the wrong disk, and every picture would seem lost. So the folder
contains a marker with a random identity, which Redis remembers: a folder is created only where none
was used before.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Protocol

from limner.errors import DiskFull, ImagesDown, StoreDown

MARKER = ".limner-store"


class Identities(Protocol):
    """Remembers the identity of the folder at a path (``limner/store/folders.py``)."""

    def known(self, place: str) -> str | None:
        """Return the stored identity of ``place``, if it was used before."""

    def remember(self, place: str, identity: str) -> str:
        """Store an identity for ``place`` unless it has one; return the one it has."""

    def replace(self, place: str, identity: str) -> None:
        """Replace the identity of ``place``."""


class ImageFolder:
    """One folder; without ``identities`` it is created wherever it is missing."""

    def __init__(self, root: str, identities: Identities | None, floor_bytes: int) -> None:
        self.root = Path(root)
        self._identities = identities
        self._floor_bytes = floor_bytes
        #: the identity last found to be right; another process may replace it
        self._mine: str | None = None

    def make_ready(self) -> None:
        """Return if this is the folder that was used before; create it if none was.

        Raises:
            ImagesDown: it is gone, or a different one is there.
        """
        if self._identities is None:
            self.root.mkdir(parents=True, exist_ok=True)
            return
        found = self._marker()
        if found is not None and found == self._mine:
            return
        known = self._known(self._identities)
        # Read it again: another process may have started at the same time and written its marker first.
        found = self._marker()
        if known is None:
            found = found or self._mark(secrets.token_hex(16))
            known = self._identities.remember(str(self.root), found)
        self._agree(known, found)

    def seen(self) -> str | None:
        """Return the identity that the folder has, if it has one; nothing is written."""
        return self._marker()

    def made(self) -> str | None:
        """Return the folder's identity; the folder is created if none was used before.

        Raises:
            ImagesDown: it is gone, or a different one is there.
        """
        self.make_ready()
        return self._mine

    def look_again(self) -> None:
        """Return if a file that was not found is really missing.

        Raises:
            ImagesDown: the folder itself is gone, or a different one is there.
        """
        if self._identities is None:
            return
        found = self._marker()
        if found is not None and found == self._mine:
            return
        known = self._known(self._identities)
        # No picture has been stored yet.
        if known is not None:
            self._agree(known, self._marker())

    def is_new(self) -> bool:
        """Return whether nobody has used this folder yet.

        Raises:
            ImagesDown: Redis, which knows, is down.
        """
        known = self._known(self._identities) if self._identities else None
        return known is None and self._marker() is None

    def adopt(self) -> None:
        """Accept the folder as it is, whatever was there before.

        Raises:
            ImagesDown: it cannot be written, or Redis is down.
        """
        assert self._identities is not None
        known = self._known(self._identities)
        found = self._marker() or self._mark(known or secrets.token_hex(16))
        self._identities.replace(str(self.root), found)

    def try_out(self) -> None:
        """Write a small file and delete it, because writes are the first thing to fail on a bad disk.

        Raises:
            ImagesDown: the folder is gone.
            OSError: it cannot be written to.
        """
        self.make_ready()
        if self._identities and self._mine:
            # Redis may have come back empty since, and a vanished folder must not count as a new one.
            with contextlib.suppress(StoreDown):
                self._identities.remember(str(self.root), self._mine)
        trial = self.root / f"{MARKER}.{secrets.token_hex(4)}.trial"
        try:
            trial.write_bytes(b"x" * 4096)
        finally:
            trial.unlink(missing_ok=True)

    def check_room(self) -> None:
        """Return if there is room for more than finished drawings.

        Raises:
            DiskFull: less than the floor is free.
        """
        if free_bytes(self.root) < self._floor_bytes:
            raise DiskFull(f"less than {self._floor_bytes / 2**20:.0f} MB are free on its disk")

    def write(self, path: str, data: bytes) -> None:
        """Write the file ``<kind>/<day>/<name>`` below the root, atomically.

        Raises:
            ImagesDown: the folder is gone.
            OSError: it cannot be written to.
        """
        self.make_ready()
        target = Path(path)
        # Without parents: the root, should it vanish right now, must not be created again.
        for folder in (target.parent.parent, target.parent):
            folder.mkdir(exist_ok=True)
        partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
        try:
            partial.write_bytes(data)
            os.replace(partial, target)
        except OSError:
            # The first error is the one to report.
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise

    def _agree(self, known: str, found: str | None) -> None:
        if known == found:
            self._mine = known
            return
        what = (
            "is gone, or was emptied" if found is None else "is not the one that was there before"
        )
        raise ImagesDown(
            f"the folder {self.root} {what}: is it mounted? "
            "(`limner images adopt` takes it as it stands)"
        )

    def _known(self, identities: Identities) -> str | None:
        try:
            return identities.known(str(self.root))
        except StoreDown as error:
            raise ImagesDown(f"nobody can tell whether {self.root} is mounted: {error}") from error

    def _marker(self) -> str | None:
        try:
            return (self.root / MARKER).read_text(encoding="ascii").strip() or None
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _mark(self, identity: str) -> str:
        """Write a marker into the folder, creating it if necessary; return the marker's content."""
        self.root.mkdir(parents=True, exist_ok=True)
        marker = self.root / MARKER
        partial = self.root / f"{MARKER}.{secrets.token_hex(4)}.part"
        partial.write_text(identity + "\n", encoding="ascii")
        try:
            # If several processes start at once, the first one's stays.
            os.link(partial, marker)
        except FileExistsError:
            pass
        except OSError:
            # Not every file system has hard links.
            os.replace(partial, marker)
        finally:
            partial.unlink(missing_ok=True)
        return self._marker() or identity


def free_bytes(folder: Path) -> int:
    """Return the free space on the disk of a folder, which need not exist yet."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    disk = os.statvfs(place)
    return disk.f_bavail * disk.f_frsize
