"""Where pictures are kept: one file a picture, at names nobody can guess, in any fsspec store.

Workers put pictures in before the record says so; the API hands them out under ``/images/``. A key
is ``<kind>/<yyyymmdd>/<random>.<suffix>``, so a sweep by day finds what is old. The store is a folder
that all hosts share, or a bucket (``s3://…``, ``gs://…``, ``oss://…``); its credentials come from where
that library finds them.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import fsspec

from limner.errors import ConfigError, ImagesDown
from limner.settings import Settings

#: ``thumbs`` are small forms of drawings: made when first asked for, dropped with their day
Kind = Literal["drawings", "previews", "thumbs", "spool"]
#: what callers may see; what they sent inline is none of it
SHOWN: tuple[Kind, ...] = ("drawings", "previews")

CONTENT_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
_KEY = re.compile(r"(?:drawings|previews|thumbs|spool)/\d{8}/[0-9a-f]{32}(?:-\d+)?\.[a-z]{3,5}")
_DAY = re.compile(r"\d{8}")

#: which extra of ours brings the library for a store
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "oss": "oss", "abfs": "azure"}
#: a store that does not answer is given up soon: whoever asked has a better patience than its library
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": 5,
            "read_timeout": 30,
            "retries": {"max_attempts": 1, "mode": "standard"},
        },
        "max_concurrency": 4,
    },
}


#: a store that has not answered for so long is down; their libraries would wait for many minutes
ANSWER_S = 40.0
#: dropping a day may take thousands of calls
SWEEP_S = 900.0


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep dropped of one kind, or would drop."""

    kind: Kind
    days: tuple[str, ...]


class Images:
    """Pictures in one fsspec store. Safe to share between threads."""

    def __init__(self, store: str, picture_base: str) -> None:
        """Use the store at ``store`` (a URL of fsspec's or a folder); nothing is dialled yet.

        ``picture_base`` is what the URLs of pictures begin with, without a slash at the end.

        Raises:
            ConfigError: there is no such kind of store, or its library is not installed.
        """
        self._store = store
        self._base = picture_base
        self._protocol = store.partition("://")[0] if "://" in store else "file"
        self._lock = threading.Lock()
        #: the file system and the process that made it
        self._made: tuple[int, Any] | None = None
        try:
            fsspec.get_filesystem_class(self._protocol)
        except ImportError as error:
            extra = EXTRAS.get(self._protocol)
            how = f"pip install 'limner[{extra}]'" if extra else str(error)
            raise ConfigError(
                "LIMNER_IMAGE_STORE", f"{self._protocol}:// needs a library: {how}"
            ) from error
        except ValueError as error:
            raise ConfigError("LIMNER_IMAGE_STORE", f"{self._protocol}:// is unknown") from error

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the store that the settings describe.

        Raises:
            ConfigError: there is no such kind of store, or its library is not installed.
        """
        return cls(
            settings.image_store or str(settings.image_dir),
            settings.image_url or f"{settings.base_url}/images",
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
        """
        path = self._path(key)
        with self._asking():
            if self._protocol == "file":
                _write_whole(path, data)
            else:
                # One object is written as a whole by every store that has objects.
                self._fs.pipe_file(path, data, **self._within(ANSWER_S))

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
                raise KeyError(key) from None

    def has(self, key: str) -> bool:
        """Return whether something is kept under ``key``; what is no key of ours never is.

        Raises:
            ImagesDown: the store does not answer.
        """
        try:
            path = self._path(key)
        except KeyError:
            return False
        with self._asking():
            # Not `exists`: that is False also for a store that is down.
            try:
                return bool(self._fs.info(path, **self._within(ANSWER_S))["type"] == "file")
            except FileNotFoundError:
                return False

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
                return

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
        # What a caller sent inline is needed until its job is drawn, and jobs may wait for long.
        spool_days = max(settings.preview_keep_days, settings.waiting_limit_s / 86_400 + 1)
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
                options |= _OPTIONS.get(self._protocol, {})
                self._made = (os.getpid(), fsspec.filesystem(self._protocol, **options))
            return self._made[1]

    def _within(self, seconds: float) -> dict[str, float]:
        """Return the argument that ends a call in time, where a store can take long."""
        return {"timeout": seconds} if self._fs.async_impl else {}

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Turn whatever a store's library raises into ``ImagesDown``."""
        try:
            yield
        except (KeyError, ImagesDown):
            raise
        # Each library has errors of its own, and wrong credentials are no OSError in most.
        except Exception as error:
            raise ImagesDown(f"{type(error).__name__}: {error}") from error


def _write_whole(path: str, data: bytes) -> None:
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        partial.write_bytes(data)
        os.replace(partial, target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _day(name: str) -> date | None:
    try:
        return datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
