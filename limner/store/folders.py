"""Which image folder lies at which path: the memory by which an unmounted one is noticed.

Keys: see ``limner/store/folder.lua``; the identity is that of the marker that lies in the folder
(``limner/pictures/image_folder.py``).
"""

from __future__ import annotations

from limner.store.connection import guarded
from limner.store.scripts import Scripts

#: paths remembered: an installation has one, and one more for each time it was moved; then the one
#: that was asked for longest ago goes
FOLDERS_MOST = 64


class Folders:
    """The identities of image folders, by path."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    @guarded
    def known(self, place: str) -> str | None:
        """Return the identity that ``place`` had before, if it was used."""
        found: str | None = self._scripts("folder", place, "", "", FOLDERS_MOST)
        return found

    @guarded
    def remember(self, place: str, identity: str) -> str:
        """Keep an identity for ``place`` unless it has one; return the one it has."""
        return str(self._scripts("folder", place, identity, "", FOLDERS_MOST))

    @guarded
    def replace(self, place: str, identity: str) -> None:
        """Keep an identity for ``place`` instead of the one it has."""
        self._scripts("folder", place, identity, "1", FOLDERS_MOST)
