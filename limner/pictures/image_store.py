"""The image store: one file per picture, with an unguessable name, in any fsspec store.

Workers store pictures before the record refers to them; the API serves them under ``/images/``. A key
is ``<kind>/<yyyymmdd>/<random>.<suffix>``, so expired pictures are found by day. The store is a folder
that all hosts share, or a bucket (``s3://…``, ``gs://…``, ``oss://…``), whose library finds its own
credentials.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self

from limner.errors import ImagesDown
from limner.pictures import buckets
from limner.pictures.addresses import Kind, PictureAddresses, is_key, new_key
from limner.pictures.image_bucket import ImageBucket
from limner.pictures.image_folder import Identities, ImageFolder
from limner.pictures.place import ANSWER_S, StorePlace
from limner.settings import Settings

CONTENT_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
_DAY = re.compile(r"\d{8}")

#: deleting a day may take thousands of calls
SWEEP_S = 900.0
#: failures in a bucket after which the remaining pictures are left for another time
BUCKET_MISSES_MOST = 5


@dataclass(frozen=True, slots=True)
class Deleted:
    """The result of deleting pictures; if a bucket is down, not all were tried."""

    gone: list[str]
    missed: dict[str, str]  # key → why


class Images(StorePlace):
    """Pictures in one fsspec store. Safe to share between threads."""

    def __init__(
        self,
        store: str,
        picture_base: str,
        identities: Identities | None = None,
        floor_bytes: int = 0,
        also_at: Sequence[str] = (),
    ) -> None:
        """Use the store at ``store`` (an fsspec URL or a folder); nothing connects to it yet.

        ``picture_base`` is the base of picture URLs, without a trailing slash. ``identities`` distinguishes
        a folder that was never used from one that is gone; None: no such check. With less than
        ``floor_bytes`` free, a folder accepts finished drawings only. ``also_at``: other bases under which
        callers see the pictures.

        Raises:
            ConfigError: there is no such kind of store, or its library is not installed.
        """
        super().__init__(store)
        self._addresses = PictureAddresses((picture_base, *also_at))
        #: why the latest write failed, until one succeeds
        self._failed: str | None = None
        #: None: a bucket, which either works or does not respond
        self.folder = ImageFolder(self.root, identities, floor_bytes) if self.is_folder else None
        marked = identities is not None and not self.is_folder and self.protocol != "memory"
        #: None: a folder, or nothing that other processes could see
        self.bucket = ImageBucket(self, identities) if identities and marked else None

    @classmethod
    def of(cls, settings: Settings, identities: Identities | None = None) -> Self:
        """Return the configured store.

        Raises:
            ConfigError: there is no such kind of store, or its library is not installed.
        """
        return cls(
            settings.image_store or str(settings.image_dir),
            settings.image_url or f"{settings.base_url}/images",
            identities,
            settings.disk_floor_mb * 2**20,
            (f"{settings.base_url}/images",),
        )

    def put(self, kind: Kind, data: bytes, suffix: str, now: datetime) -> str:
        """Store ``data`` and return its key; on return the file is complete.

        Raises:
            ImagesDown: it could not be stored.
        """
        key = new_key(kind, suffix, now)
        self.put_as(key, data)
        return key

    def put_as(self, key: str, data: bytes) -> None:
        """Store ``data`` under a given key: a thumbnail's.

        Raises:
            ImagesDown: it could not be stored.
            DiskFull: there is no room for it.
        """
        path = self._path(key)
        try:
            with self.asking():
                if self.folder:
                    if not key.startswith("drawings/"):
                        self.folder.check_room()
                    self.folder.write(path, data)
                else:
                    # Every object store writes an object atomically.
                    self.fs.pipe_file(path, data, **self.within(ANSWER_S))
        except ImagesDown as error:
            self._failed = error.message
            raise
        self._failed = None

    def get(self, key: str) -> bytes:
        """Return the data stored under ``key``.

        Raises:
            KeyError: nothing is kept there, or this is no key of ours.
            ImagesDown: the store does not answer.
        """
        with self._asking_for(key) as path:
            return bytes(self.fs.cat_file(path, **self.within(ANSWER_S)))

    def size_of(self, key: str) -> int:
        """Return how many bytes are stored under ``key``.

        Raises:
            KeyError: nothing is kept there, or this is no key of ours.
            ImagesDown: the store does not answer.
        """
        with self._asking_for(key) as path:
            # Not `exists`: that returns False also for a store that is down.
            return int(self.fs.info(path, **self.within(ANSWER_S))["size"])

    def has(self, key: str) -> bool:
        """Return whether something is stored under ``key``; False for what is not one of our keys.

        Raises:
            ImagesDown: the store does not answer.
        """
        try:
            self.size_of(key)
        except KeyError:
            return False
        return True

    def url(self, key: str) -> str:
        """Return where callers find the picture."""
        return self._addresses.url(key)

    def key_of(self, url: str) -> str:
        """Return the key in a URL that ``url`` made; as ``PictureAddresses.key_of``."""
        return self._addresses.key_of(url)

    def own_key(self, url: str) -> str | None:
        """Return the key of the picture that callers see at ``url``; as ``PictureAddresses.own_key``."""
        return self._addresses.own_key(url)

    def delete(self, key: str) -> None:
        """Delete a picture; if it is gone already, that is no error.

        Raises:
            ImagesDown: the store does not answer.
        """
        path = self._path(key)
        with self.asking():
            try:
                self.fs.rm_file(path, **self.within(ANSWER_S))
            except FileNotFoundError:
                self._look_again()

    def delete_all(self, keys: Sequence[str], within_s: float = SWEEP_S) -> Deleted:
        """Delete many pictures, with few calls where calls are expensive; continue past failures.

        ``within_s``: roughly when to give up on a bucket. What is not one of our keys counts as gone.
        """
        gone, missed = [key for key in keys if not is_key(key)], dict[str, str]()
        ours = [key for key in keys if is_key(key)]
        ends_s = time.monotonic() + within_s
        if not self.folder and ours:
            # Some may be gone, or not ours to delete: delete the others one by one.
            with contextlib.suppress(ImagesDown), self.asking():
                self.fs.rm([self._path(key) for key in ours], **self.within(within_s))
                return Deleted([*gone, *ours], missed)
        for key in ours:
            # With a bucket that is down, each failure takes a whole timeout.
            if not self.folder and (len(missed) == BUCKET_MISSES_MOST or time.monotonic() > ends_s):
                break
            try:
                self.delete(key)
                gone.append(key)
            except ImagesDown as error:
                missed[key] = error.message
        return Deleted(gone, missed)

    def check(self) -> None:
        """Return if pictures can be stored now; called every few seconds to monitor the store.

        Raises:
            ImagesDown: they cannot.
        """
        with self.asking():
            if self.folder:
                self.folder.try_out()
                return
            if self.bucket:
                # Read, and written once: writes cost money, and the result of the latest real one has to do.
                self.bucket.made()
            else:
                self.has(f"spool/20000101/{'0' * 32}.txt")
        if self._failed:
            raise ImagesDown(self._failed)

    def identity(self, *, make: bool = False) -> str | None:
        """Return which store this is; None: it has no identity (yet). ``make``: give it one, if it has none.

        Raises:
            ImagesDown: the store does not answer, or it is not the one that was there before.
        """
        marked = self.folder or self.bucket
        with self.asking():
            if marked is None:
                return None
            return marked.made() if make else marked.seen()

    def adopt(self) -> str | None:
        """Accept the store as it is, whatever was there before; return its identity.

        Raises:
            ImagesDown: it cannot be written, or Redis is down.
        """
        with self.asking():
            if self.folder:
                self.folder.adopt()
        return self.identity(make=True)

    def days(self, kind: Kind) -> list[str]:
        """Return the days of which pictures of a kind are stored, as in their keys; call it within ``asking``."""
        try:
            rows = self.fs.ls(f"{self.root}/{kind}", detail=False, **self.within(ANSWER_S))
        except FileNotFoundError:
            self._look_again()
            return []
        names = (str(row).rstrip("/").rpartition("/")[2] for row in rows)
        return [name for name in names if _DAY.fullmatch(name) and _day(name)]

    def _path(self, key: str) -> str:
        if not is_key(key):
            raise KeyError(key)
        return f"{self.root}/{key}"

    def _look_again(self) -> None:
        """Return if only the picture is missing and not the whole store.

        Raises:
            ImagesDown: the whole store is missing.
        """
        if self.folder:
            self.folder.look_again()

    asking = staticmethod(buckets.asking)

    @contextlib.contextmanager
    def _asking_for(self, key: str) -> Iterator[str]:
        """Give the path of what must be there.

        Raises:
            KeyError: nothing is kept there, or this is no key of ours.
        """
        path = self._path(key)
        with self.asking():
            try:
                yield path
            except FileNotFoundError:
                self._look_again()
                raise KeyError(key) from None


def _day(name: str) -> date | None:
    try:
        return datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
