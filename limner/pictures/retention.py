"""How much the image store has, and deleting the oldest pictures when that is more than it may keep.

Used by the callback worker and ``limner images prune``. What is older than its days is deleted by whole days
(``expiry.py``); this is for what is not that old yet. Callers' inline pictures are left alone: they have quotas, and
jobs that wait need them.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from errno import EACCES
from itertools import islice
from typing import Any

from limner.pictures.addresses import Kind
from limner.pictures.buckets import ONES_OWN, said
from limner.pictures.going_on import GoesOn, always
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
    #: whether it can be deleted, as far as can be told: its folder is not another account's
    goes: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """What is in the store, and what was deleted because that is too much, or would be."""

    #: empty where it was ended before all was measured
    sizes_bytes: Mapping[str, int]
    #: by this call; what another process had deleted meanwhile is not among it, but in a bucket, which does not tell
    deleted_bytes: int = 0
    files: int = 0
    #: the oldest that is left was stored then or later; None: nothing was deleted, or not all that is too much
    since: datetime | None = None
    #: whether it was not ended before it was done
    whole: bool = True
    #: why the first that could not be deleted was not; None: all were
    missed: str | None = None


class _Ended(Exception):
    """It may not go on."""


def fit(
    images: Images,
    most_bytes: int | None,
    now: datetime,
    *,
    dry: bool = False,
    goes_on: GoesOn = always,
) -> Kept:
    """Measure the pictures, and delete the oldest until they fit into ``most_bytes``; ``dry``: only report that.

    Thumbnails go before the drawings of their day: they are made again when asked for. For pictures of a day that is
    another account's younger ones go. It reads the whole store, twice if something is to be deleted. ``goes_on()`` is
    asked before each day and each 500 files, and ends it by False.

    Raises:
        ImagesDown: the store does not answer.
    """
    sizes, minutes = Counter[str](), Counter[int]()
    missed = None
    with images.asking():
        try:
            for kind in KINDS:
                sizes[kind] = 0
                for file in _files(images, kind, goes_on):
                    sizes[kind] += file.size_bytes
                    if file.goes:
                        minutes[_minute(file.at_s)] += file.size_bytes
                    elif not missed:
                        missed = said(PermissionError(EACCES, os.strerror(EACCES), file.path))
        except _Ended:
            return Kept({}, whole=False)
        over = 0 if most_bytes is None else sum(sizes.values()) - most_bytes
        missed = missed if over > 0 else None
        fresh = _minute(now.timestamp() - FRESH_S)
        until = 0
        for minute in sorted(minutes):
            if over <= 0 or minute >= fresh:
                break
            over -= minutes[minute]
            until = minute + 1
        if not until:
            return Kept(sizes, missed=missed)
        return _without(images, Kept(sizes, missed=missed), until, goes_on, dry=dry)


def _without(images: Images, kept: Kept, until: int, goes_on: GoesOn, *, dry: bool) -> Kept:
    """Delete what was stored before a minute."""
    left, before = Counter(kept.sizes_bytes), datetime.fromtimestamp(until * STEP_S, UTC)
    files = deleted_bytes = 0
    whole, missed = True, kept.missed
    try:
        for kind in KINDS:
            found = _files(images, kind, goes_on, before)
            old = (file for file in found if file.goes and _minute(file.at_s) < until)
            for batch in batches(old):
                gone, here, why = (batch, [], None) if dry else _delete(images, batch)
                missed = missed or why
                left[kind] -= _bytes_of(batch) - _bytes_of(here)
                files += len(gone)
                deleted_bytes += _bytes_of(gone)
    except _Ended:
        whole = False
    since = before if files and whole and not missed else None
    return Kept(dict(left), deleted_bytes, files, since, whole, missed)


def batches(files: Iterator[_File]) -> Iterator[list[_File]]:
    """Yield them by as many as one call to a bucket may delete."""
    while batch := list(islice(files, BATCH)):
        yield batch


def _delete(images: Images, files: list[_File]) -> tuple[list[_File], list[_File], str | None]:
    """Delete files; return those that were still there (of a bucket all), those that are still, and why the first is."""
    if images.folder is None:
        # What another process has deleted meanwhile is no error in a bucket.
        images.fs.rm([file.path for file in files], **images.within(SWEEP_S))
        return files, [], None
    gone, here, missed = [], [], None
    for file in files:
        try:
            os.unlink(file.path)
        except FileNotFoundError:
            pass
        except ONES_OWN as error:
            here.append(file)
            missed = missed or said(error)
        else:
            gone.append(file)
    return gone, here, missed


def _bytes_of(files: list[_File]) -> int:
    return sum(file.size_bytes for file in files)


def _minute(at_s: float) -> int:
    return int(at_s // STEP_S)


def _files(
    images: Images, kind: Kind, goes_on: GoesOn, before: datetime | None = None
) -> Iterator[_File]:
    """Yield what is stored of a kind, of days up to that of ``before``.

    Raises:
        _Ended: it may not go on.
    """
    for day in sorted(images.days(kind)):
        if before is not None and day > f"{before:%Y%m%d}":
            return
        begins_s = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).timestamp()
        for place, file in enumerate(_of_day(images, f"{images.root}/{kind}/{day}", begins_s)):
            if place % BATCH == 0 and not goes_on():
                raise _Ended
            # A copy of the store may have lost their times, but not their days.
            at_s = min(max(file.at_s, begins_s), begins_s + DAY_S)
            yield replace(file, at_s=begins_s if kind == "thumbs" else at_s)


def _of_day(images: Images, folder: str, begins_s: float) -> Iterator[_File]:
    if images.folder is not None:
        goes = os.access(folder, os.W_OK | os.X_OK)
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
            for entry in found:
                with contextlib.suppress(FileNotFoundError):
                    told = entry.stat(follow_symlinks=False)
                    yield _File(entry.path, told.st_size, told.st_mtime, goes)
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
