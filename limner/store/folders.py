"""Which image folder lies at which path: the memory by which an unmounted one is noticed.

Key: ``folders`` HASH path → identity, as in the marker that lies there (``limner/image_folder.py``).
"""

from __future__ import annotations

from typing import Any

from redis import Redis

from limner.store.connection import guarded

#: paths remembered; an installation has one, and one more for each time it was moved
FOLDERS_MOST = 64


class Folders:
    """The identities of image folders, by path."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis
        self._key = prefix + "folders"

    @guarded
    def known(self, place: str) -> str | None:
        """Return the identity that ``place`` had before, if it was used."""
        found: str | None = self._redis.hget(self._key, place)
        return found

    @guarded
    def remember(self, place: str, identity: str) -> str:
        """Keep an identity for ``place`` unless it has one; return the one it has."""
        self._make_room()
        self._redis.hsetnx(self._key, place, identity)
        return str(self._redis.hget(self._key, place))

    @guarded
    def replace(self, place: str, identity: str) -> None:
        """Keep an identity for ``place`` instead of the one it has."""
        self._make_room()
        self._redis.hset(self._key, place, identity)

    def _make_room(self) -> None:
        # The folder in use is remembered again when its processes look at it next.
        if self._redis.hlen(self._key) >= FOLDERS_MOST:
            self._redis.delete(self._key)
