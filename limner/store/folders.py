"""Remember the identity of the image folder at each path, so that an unmounted one is noticed.

Keys: see ``limner/store/folder.lua``; the identity is that of the marker in the folder
(``limner/pictures/image_folder.py``).
"""

from __future__ import annotations

from limner.store.connection import guarded
from limner.store.scripts import Scripts

#: most paths; an installation has one, and one more for each move; the least recently used one goes first
FOLDERS_MOST = 64


class Folders:
    """The identities of image folders, by path."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    @guarded
    def known(self, place: str) -> str | None:
        """Return the stored identity of ``place``, if it was used before."""
        found: str | None = self._scripts("folder", place, "", "", FOLDERS_MOST)
        return found

    @guarded
    def remember(self, place: str, identity: str) -> str:
        """Store an identity for ``place`` unless it has one; return the one it has."""
        return str(self._scripts("folder", place, identity, "", FOLDERS_MOST))

    @guarded
    def replace(self, place: str, identity: str) -> None:
        """Replace the identity of ``place``."""
        self._scripts("folder", place, identity, "1", FOLDERS_MOST)
