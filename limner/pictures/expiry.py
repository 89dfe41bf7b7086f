"""Deleting what has been kept for its days, by whole days.

Used by the callback worker and ``limner images prune``. For what is not that old yet see ``retention.py``.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from limner.pictures import buckets
from limner.pictures.addresses import Kind
from limner.pictures.going_on import GoesOn, always
from limner.pictures.image_store import SWEEP_S, Images
from limner.pictures.retention import BATCH
from limner.settings import Settings


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep deleted of one kind, or would delete."""

    kind: Kind
    days: tuple[str, ...]
    #: why the first that could not be deleted was not; None: all were
    missed: str | None = None


def sweep(
    images: Images,
    settings: Settings,
    now: datetime,
    *,
    dry: bool = False,
    goes_on: GoesOn = always,
) -> list[Swept]:
    """Delete expired pictures of every kind; ``dry`` and ``goes_on`` as in ``prune``.

    Raises:
        ImagesDown: the store does not answer.
    """
    # A job's inline pictures are deleted with it (`workers/spool.py`); this is for what a
    # process that died left behind. Jobs may wait long, and their pictures stay for a while after.
    spool_days = settings.waiting_limit_s / 86_400 + settings.preview_keep_days + 1
    kept: dict[Kind, float] = {
        "drawings": settings.keep_days,
        "thumbs": settings.keep_days,
        "previews": settings.preview_keep_days,
        "spool": spool_days,
    }
    return [prune(images, kind, days, now, dry=dry, goes_on=goes_on) for kind, days in kept.items()]


def prune(
    images: Images,
    kind: Kind,
    keep_days: float,
    now: datetime,
    *,
    dry: bool = False,
    goes_on: GoesOn = always,
) -> Swept:
    """Delete whole days of one kind that are older than ``keep_days``, unless ``goes_on`` ends it; ``dry``: report them.

    A file that cannot be deleted, as its folder belongs to another account, keeps no other from being deleted.

    Raises:
        ImagesDown: the store does not answer.
    """
    oldest = f"{now.astimezone(UTC) - timedelta(days=keep_days):%Y%m%d}"
    with images.asking():
        found = sorted(day for day in images.days(kind) if day < oldest)
        if dry:
            return Swept(kind, tuple(found))
        gone: list[str] = []
        missed: str | None = None
        for day in found:
            if not goes_on():
                break
            try:
                _delete(images, f"{images.root}/{kind}/{day}", goes_on)
            except buckets.ONES_OWN as error:
                if not images.folder:
                    raise
                missed = missed or buckets.said(error)
            else:
                gone.append(day)
    return Swept(kind, tuple(gone), missed)


def _delete(images: Images, day: str, goes_on: GoesOn) -> None:
    """Delete a day; of a folder's, if that fails, whatever can be."""
    # Another process may have deleted it since; a bucket does not mind.
    with contextlib.suppress(FileNotFoundError):
        try:
            images.fs.rm(day, recursive=True, **images.within(SWEEP_S))
        except buckets.ONES_OWN:
            if images.folder:
                # It has stopped at the first.
                _delete_what_can_be(day, goes_on)
            raise


def _delete_what_can_be(day: str, goes_on: GoesOn) -> None:
    with os.scandir(day) as files:
        for place, file in enumerate(files):
            if place % BATCH == 0 and not goes_on():
                return
            with contextlib.suppress(FileNotFoundError, *buckets.ONES_OWN):
                os.unlink(file.path)
