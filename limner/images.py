"""Where pictures are kept: one file a picture, at names nobody can guess, in any fsspec store.

Workers put pictures in before the record says so; the API hands them out under ``/images/``. A key
is ``<kind>/<yyyymmdd>/<random>.<suffix>``, so a sweep by day finds what is old. The store is a folder
that all hosts share, or a bucket (``s3://…``, ``gs://…``, ``oss://…``); its credentials come from where
that library finds them.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, Literal, Self

import fsspec

from limner import buckets
from limner.errors import ImagesDown
from limner.image_folder import Identities, ImageFolder
from limner.settings import Settings

#: ``thumbs`` are small forms of drawings: made when first asked for, dropped with their day
Kind = Literal["drawings", "previews", "thumbs", "spool"]
#: what callers may see; what they sent inline is none of it
SHOWN: tuple[Kind, ...] = ("drawings", "previews")

CONTENT_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
_KEY = re.compile(r"(?:drawings|previews|thumbs|spool)/\d{8}/[0-9a-f]{32}(?:-\d+)?\.[a-z]{3,5}")
_DAY = re.compile(r"\d{8}")

#: a store that has not answered for so long is down; their libraries would wait for many minutes
ANSWER_S = 40.0
#: dropping a day may take thousands of calls
SWEEP_S = 900.0
#: pictures of a bucket that are tried in vain before the others are left for another time
BUCKET_MISSES_MOST = 5


@dataclass(frozen=True, slots=True)
class Deleted:
    """What became of pictures that were to be deleted; of a bucket that is away, not all were tried."""

    gone: list[str]
    missed: dict[str, str]  # key → why


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep dropped of one kind, or would drop."""

    kind: Kind
    days: tuple[str, ...]


class Images:
    """Pictures in one fsspec store. Safe to share between threads."""

    def __init__(
        self,
        store: str,
        picture_base: str,
        identities: Identities | None = None,
        floor_bytes: int = 0,
    ) -> None:
        """Use the store at ``store`` (a URL of fsspec's or a folder); nothing is dialled yet.

        ``picture_base`` is what the URLs of pictures begin with, without a slash at the end.
        ``identities`` tells a folder that was never used from one that is gone; None: nobody does.
        With less than ``floor_bytes`` free, a folder takes finished drawings only.

        Raises:
            ConfigError: there is no such kind of store, or its library is not installed.
        """
        self._store = store
        self._base = picture_base
        self._protocol = store.partition("://")[0] if "://" in store else "file"
        self._lock = threading.Lock()
        #: the file system and the process that made it
        self._made: tuple[int, Any] | None = None
        #: why the newest write failed, until one succeeds
        self._failed: str | None = None
        buckets.check_library(self._protocol)
        local = self._protocol in ("file", "local")
        #: None: a bucket, which is there as a whole or does not answer
        self.folder = ImageFolder(self._root, identities, floor_bytes) if local else None

    @classmethod
    def of(cls, settings: Settings, identities: Identities | None = None) -> Self:
        """Return the store that the settings describe.

        Raises:
            ConfigError: there is no such kind of store, or its library is not installed.
        """
        return cls(
            settings.image_store or str(settings.image_dir),
            settings.image_url or f"{settings.base_url}/images",
            identities,
            settings.disk_floor_mb * 2**20,
        )

    def put(self, kind: Kind, data: bytes, suffix: str, now: datetime) -> str:
        """Keep ``data`` and return its key; when this returns, the whole file is there.

        Raises:
            ImagesDown: it could not be kept.
        """
        key = f"{kind}/{now:%Y%m%d}/{secrets.token_hex(16)}.{suffix}"
        self.put_as(key, data)
        return key

    def put_as(self, key: str, data: bytes) -> None:
        """Keep ``data`` under a key that is known already: a thumbnail's.

        Raises:
            ImagesDown: it could not be kept.
            DiskFull: it could not for want of room.
        """
        path = self._path(key)
        try:
            with self._asking():
                if self.folder:
                    if not key.startswith("drawings/"):
                        self.folder.check_room()
                    self.folder.write(path, data)
                else:
                    # One object is written as a whole by every store that has objects.
                    self._fs.pipe_file(path, data, **self._within(ANSWER_S))
        except ImagesDown as error:
            self._failed = error.message
            raise
        self._failed = None

    def get(self, key: str) -> bytes:
        """Return what was put under ``key``.

        Raises:
            KeyError: nothing is kept there, or this is no key of ours.
            ImagesDown: the store does not answer.
        """
        path = self._path(key)
        with self._asking():
            try:
                return bytes(self._fs.cat_file(path, **self._within(ANSWER_S)))
            except FileNotFoundError:
                self._look_again()
                raise KeyError(key) from None

    def size_of(self, key: str) -> int:
        """Return how many bytes are kept under ``key``.

        Raises:
            KeyError: nothing is kept there, or this is no key of ours.
            ImagesDown: the store does not answer.
        """
        path = self._path(key)
        with self._asking():
            # Not `exists`: that is False also for a store that is down.
            try:
                return int(self._fs.info(path, **self._within(ANSWER_S))["size"])
            except FileNotFoundError:
                self._look_again()
                raise KeyError(key) from None

    def has(self, key: str) -> bool:
        """Return whether something is kept under ``key``; what is no key of ours never is.

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
        return f"{self._base}/{key}"

    def key_of(self, url: str) -> str:
        """Return the key in a URL that ``url`` made, also before the base of URLs was changed.

        Raises:
            KeyError: there is none in it.
        """
        key = "/".join(url.split("/")[-3:])
        self._path(key)
        return key

    def delete(self, key: str) -> None:
        """Forget a picture; one that is gone already is no error.

        Raises:
            ImagesDown: the store does not answer.
        """
        path = self._path(key)
        with self._asking():
            try:
                self._fs.rm_file(path, **self._within(ANSWER_S))
            except FileNotFoundError:
                self._look_again()

    def delete_all(self, keys: Sequence[str], within_s: float = SWEEP_S) -> Deleted:
        """Forget many pictures, with few calls where a call costs much; go on past what stays.

        ``within_s``: when to give up on a bucket, about. What is no key of ours counts as gone.
        """
        gone, missed = [key for key in keys if not _KEY.fullmatch(key)], dict[str, str]()
        ours = [key for key in keys if _KEY.fullmatch(key)]
        ends_s = time.monotonic() + within_s
        if not self.folder and ours:
            # Some may be gone, or not ours to delete: one by one, the others are found.
            with contextlib.suppress(ImagesDown), self._asking():
                self._fs.rm([self._path(key) for key in ours], **self._within(within_s))
                return Deleted([*gone, *ours], missed)
        for key in ours:
            # Each miss of a bucket that is away takes as long as its patience lasts.
            if not self.folder and (len(missed) == BUCKET_MISSES_MOST or time.monotonic() > ends_s):
                break
            try:
                self.delete(key)
                gone.append(key)
            except ImagesDown as error:
                missed[key] = error.message
        return Deleted(gone, missed)

    def check(self) -> None:
        """Return if pictures can be kept now; for whoever looks after the store, every few seconds.

        Raises:
            ImagesDown: they cannot.
        """
        with self._asking():
            if self.folder:
                self.folder.try_out()
                return
        # A bucket's writes cost money, and may be kept for ever: what really was written has to do.
        self.has(f"spool/20000101/{'0' * 32}.txt")
        if self._failed:
            raise ImagesDown(self._failed)

    def adopt(self) -> None:
        """Take a folder as it stands for the right one, whatever was there before.

        Raises:
            ImagesDown: it cannot be written, or Redis is away.
        """
        assert self.folder is not None
        with self._asking():
            self.folder.adopt()

    def prune(self, kind: Kind, keep_days: float, now: datetime, *, dry: bool = False) -> Swept:
        """Drop whole days of one kind that are older than ``keep_days``; ``dry``: only say which.

        Raises:
            ImagesDown: the store does not answer.
        """
        oldest = (now.astimezone(UTC) - timedelta(days=keep_days)).date()
        with self._asking():
            found = sorted(d for d in self._days(kind) if (when := _day(d)) and when < oldest)
            if not dry:
                for day in found:
                    self._fs.rm(
                        f"{self._root}/{kind}/{day}", recursive=True, **self._within(SWEEP_S)
                    )
        return Swept(kind, tuple(found))

    def sweep(self, settings: Settings, now: datetime, *, dry: bool = False) -> list[Swept]:
        """Drop of every kind what is older than the settings say; ``dry``: only say what.

        Raises:
            ImagesDown: the store does not answer.
        """
        # What belongs to a job is dropped with it (`workers/spool.py`); this is for what a process
        # that died left behind. Jobs may wait for long, and what they were sent stays for a while.
        spool_days = settings.waiting_limit_s / 86_400 + settings.preview_keep_days + 1
        kept: dict[Kind, float] = {
            "drawings": settings.keep_days,
            "thumbs": settings.keep_days,
            "previews": settings.preview_keep_days,
            "spool": spool_days,
        }
        return [self.prune(kind, days, now, dry=dry) for kind, days in kept.items()]

    def _days(self, kind: Kind) -> list[str]:
        try:
            rows = self._fs.ls(f"{self._root}/{kind}", detail=False, **self._within(ANSWER_S))
        except FileNotFoundError:
            self._look_again()
            return []
        names = (str(row).rstrip("/").rpartition("/")[2] for row in rows)
        return [name for name in names if _DAY.fullmatch(name)]

    def _path(self, key: str) -> str:
        if not _KEY.fullmatch(key):
            raise KeyError(key)
        return f"{self._root}/{key}"

    @cached_property
    def _root(self) -> str:
        """The store's own path of the folder or prefix, without a slash at the end."""
        strip = fsspec.get_filesystem_class(self._protocol)._strip_protocol
        return str(strip(self._store)).rstrip("/")

    @property
    def _fs(self) -> Any:
        """The file system, made by the first who needs it: its thread does not survive a fork."""
        with self._lock:
            if self._made is None or self._made[0] != os.getpid():
                # What other processes put in must be seen, hence no cache of listings.
                options = {"use_listings_cache": False, "skip_instance_cache": True}
                options |= buckets.OPTIONS.get(self._protocol, {})
                self._made = (os.getpid(), fsspec.filesystem(self._protocol, **options))
            return self._made[1]

    def _look_again(self) -> None:
        """Return if what was not found is not there, and not the whole store.

        Raises:
            ImagesDown: it is the whole store.
        """
        if self.folder:
            self.folder.look_again()

    def _within(self, seconds: float) -> dict[str, float]:
        """Return the argument that ends a call in time, where a store can take long."""
        return {"timeout": seconds} if self._fs.async_impl else {}

    _asking = staticmethod(buckets.asking)


def _day(name: str) -> date | None:
    try:
        return datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
