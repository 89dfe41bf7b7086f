"""A bucket as image store: its identity, an object that says which store this is.

As of a folder (``limner/pictures/image_folder.py``), but a bucket is never unmounted. What can happen is that hosts
reach different ones by the same URL, each by an endpoint of its own, and that a rule of the bucket deletes the object.
"""

from __future__ import annotations

import secrets
import time

from limner.errors import ImagesDown, StoreDown
from limner.pictures.image_folder import MARKER, Identities
from limner.pictures.place import ANSWER_S, StorePlace

#: how long the process that was first may take to write the object
FIRST_S = 3.0
LOOK_S = 0.5
#: an object under this name that is longer is not ours
IDENTITY_MAX = 64


class ImageBucket:
    """One bucket, or a prefix in one."""

    def __init__(self, place: StorePlace, identities: Identities) -> None:
        self._place = place
        self._identities = identities
        self._object = f"{place.root}/{MARKER}"
        #: the identity last seen there
        self._mine: str | None = None

    def seen(self) -> str | None:
        """Return the identity that the bucket has, if it has one; nothing is written.

        Raises:
            ImagesDown: it does not answer.
        """
        within = self._place.within(ANSWER_S)
        try:
            text = bytes(self._place.fs.cat_file(self._object, **within)[: IDENTITY_MAX + 1])
        except FileNotFoundError:
            return None
        return text.decode("ascii", errors="replace").strip() or None

    def made(self) -> str:
        """Return the bucket's identity, which it is given if it has none.

        Raises:
            ImagesDown: it does not answer, or Redis is down.
        """
        self._mine = self.seen() or self._written()
        return self._mine

    def _written(self) -> str:
        # Something deleted it under our hands, such as a rule for all that is old: the bucket is the same.
        identity = self._mine or self._first()
        self._place.fs.pipe_file(
            self._object, identity.encode() + b"\n", **self._place.within(ANSWER_S)
        )
        return self.seen() or identity

    def _first(self) -> str:
        """Return the identity for a bucket that has none."""
        mine, place = secrets.token_hex(16), self._place.shown
        try:
            known = self._identities.remember(place, mine)
            if known == mine:
                return mine
            # Another process begins at this moment; or that was another bucket, or this one was emptied.
            ends_s = time.monotonic() + FIRST_S
            while time.monotonic() < ends_s:
                if found := self.seen():
                    return found
                time.sleep(LOOK_S)
            self._identities.replace(place, mine)
        except StoreDown as error:
            raise ImagesDown(f"nobody can tell which store {place} is: {error}") from error
        return mine
