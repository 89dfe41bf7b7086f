"""How much the image store has, and deleting the oldest pictures when that is more than it may keep.

Used by the callback worker and ``limner images prune``. What is older than its days is deleted by whole days
(``Images.sweep``); this is for what is not that old yet. Callers' inline pictures are left alone: they have quotas, and
jobs that wait need them.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from limner.pictures.addresses import Kind
from limner.pictures.image_store import SWEEP_S, Images
from limner.pictures.place import ANSWER_S

KINDS: tuple[Kind, ...] = ("drawings", "previews", "thumbs")
#: pictures of the last hour stay, however many: their jobs' ends may not have been told yet
FRESH_S = 3600.0
#: files are deleted by the minute in which they were stored
STEP_S = 60
DAY_S = 86_400.0
#: most objects of one call to a bucket
BATCH = 500
#: by which name a bucket's library tells when an object was stored
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    size_bytes: int
    #: when it was stored, seconds since 1970
    at_s: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What is in the store, and what was deleted because that is too much, or would be."""

    sizes_bytes: Mapping[str, int]
    deleted_bytes: int = 0
    files: int = 0
    #: the oldest that is left was stored then or later; None: nothing was deleted
    since: datetime | None = None


def fit(images: Images, most_bytes: int | None, now: datetime, *, dry: bool = False) -> Kept:
    """Measure the pictures, and delete the oldest until they fit into ``most_bytes``; ``dry``: only report that.

    Thumbnails go before the drawings of their day: they are made again when asked for. It reads the whole store, twice
    if something is to be deleted.

    Raises:
        ImagesDown: the store does not answer.
    """
    sizes, minutes = Counter[str](), Counter[int]()
    with images.asking():
        for kind in KINDS:
            sizes[kind] = 0
            for file in _files(images, kind):
                sizes[kind] += file.size_bytes
                minutes[_minute(file.at_s)] += file.size_bytes
        over = 0 if most_bytes is None else sum(sizes.values()) - most_bytes
        fresh = _minute(now.timestamp() - FRESH_S)
        until = 0
        for minute in sorted(minutes):
            if over <= 0 or minute >= fresh:
                break
            over -= minutes[minute]
            until = minute + 1
        if not until:
            return Kept(sizes)
        return _without(images, sizes, until, dry=dry)


def _without(images: Images, sizes: Counter[str], until: int, *, dry: bool) -> Kept:
    """Delete what was stored before a minute."""
    left, files, batch = Counter(sizes), 0, list[str]()
    for kind in KINDS:
        for file in _files(images, kind, datetime.fromtimestamp(until * STEP_S, UTC)):
            if _minute(file.at_s) >= until:
                continue
            left[kind] -= file.size_bytes
            files += 1
            batch.append(file.path)
            if len(batch) == BATCH:
                _delete(images, batch, dry=dry)
                batch = []
    _delete(images, batch, dry=dry)
    deleted = sum(sizes.values()) - sum(left.values())
    return Kept(dict(left), deleted, files, datetime.fromtimestamp(until * STEP_S, UTC))


def _delete(images: Images, paths: list[str], *, dry: bool) -> None:
    if dry or not paths:
        return
    if images.folder is None:
        # What another process has deleted meanwhile is no error in a bucket.
        images.fs.rm(paths, **images.within(SWEEP_S))
        return
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _minute(at_s: float) -> int:
    return int(at_s // STEP_S)


def _files(images: Images, kind: Kind, before: datetime | None = None) -> Iterator[_File]:
    """Yield what is stored of a kind, of days up to that of ``before``."""
    for day in sorted(images.days(kind)):
        if before is not None and day > f"{before:%Y%m%d}":
            return
        begins_s = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).timestamp()
        for file in _of_day(images, f"{images.root}/{kind}/{day}", begins_s):
            # A copy of the store may have lost their times, but not their days.
            at_s = min(max(file.at_s, begins_s), begins_s + DAY_S)
            yield replace(file, at_s=begins_s if kind == "thumbs" else at_s)


def _of_day(images: Images, folder: str, begins_s: float) -> Iterator[_File]:
    if images.folder is not None:
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
            for entry in found:
                with contextlib.suppress(FileNotFoundError):
                    told = entry.stat(follow_symlinks=False)
                    yield _File(entry.path, told.st_size, told.st_mtime)
        return
    for row in images.fs.ls(folder, detail=True, **images.within(ANSWER_S)):
        if row.get("type") == "directory":
            continue
        yield _File(str(row["name"]), int(row.get("size") or 0), _time_of(row, begins_s))


def _time_of(row: Mapping[str, Any], begins_s: float) -> float:
    """Return when a bucket's object was stored; as its library does not say, with its day's beginning."""
    for name in _TIMES:
        told = row.get(name)
        if isinstance(told, datetime):
            return told.timestamp()
        if isinstance(told, (int, float)):
            return float(told)
    return begins_s
