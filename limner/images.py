"""Where pictures are kept: a folder, one file a picture, at names nobody can guess.

Workers put pictures in before the record says so; the API hands them out under ``/images/``. A key
is ``<kind>/<yyyymmdd>/<random>.<suffix>``, so a sweep by day finds what is old.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

Kind = Literal["drawings", "previews", "spool"]

CONTENT_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
_KEY = re.compile(r"(?:drawings|previews|spool)/\d{8}/[0-9a-f]{32}\.[a-z]{3,5}")


class FolderImages:
    """Pictures in a folder that the API and the workers share."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self._folder = folder
        self._base_url = base_url

    def put(self, kind: Kind, data: bytes, suffix: str, now: datetime) -> str:
        """Keep ``data`` and return its key; when this returns, the whole file is there."""
        key = f"{kind}/{now:%Y%m%d}/{secrets.token_hex(16)}.{suffix}"
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        partial.write_bytes(data)
        os.replace(partial, path)
        return key

    def get(self, key: str) -> bytes:
        """Return what was put under ``key``.

        Raises:
            KeyError: nothing is kept there.
        """
        try:
            return self.path(key).read_bytes()
        except FileNotFoundError:
            raise KeyError(key) from None

    def path(self, key: str) -> Path:
        """Return the file of a key.

        Raises:
            KeyError: this is no key of ours (a path that leaves the folder is none).
        """
        if not _KEY.fullmatch(key):
            raise KeyError(key)
        return self._folder / key

    def url(self, key: str) -> str:
        """Return where callers find the picture."""
        return f"{self._base_url}/images/{key}"

    def key_of(self, url: str) -> str:
        """Return the key of a URL that ``url`` made."""
        return url.removeprefix(f"{self._base_url}/images/")

    def delete(self, key: str) -> None:
        """Forget a picture; one that is gone already is no error."""
        self.path(key).unlink(missing_ok=True)

    def prune(self, kind: Kind, keep_days: float, now: datetime) -> int:
        """Drop whole days of one kind that are older than ``keep_days``; return how many days."""
        oldest = (now.astimezone(UTC) - timedelta(days=keep_days)).date()
        dropped = 0
        folder = self._folder / kind
        for day in folder.iterdir() if folder.is_dir() else ():
            if _day(day.name) and _day(day.name) < oldest:  # type: ignore[operator]
                shutil.rmtree(day, ignore_errors=True)
                dropped += 1
        return dropped


def _day(name: str) -> date | None:
    try:
        return datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
