"""Delete what the image store need not keep: pictures that are too old, and the oldest where there are too many.

Called with each tick of the callback worker; does something once in a while only.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

from limner.errors import ImagesDown
from limner.log import event
from limner.pictures.image_store import Images
from limner.pictures.retention import fit
from limner.settings import Settings
from limner.store import Store

log = logging.getLogger(__name__)

#: how often days are looked at, and a bucket's sizes: it is slow to list, and may want money for that
PRUNE_S = 3600.0
#: how often a folder's sizes are, at most, where there is a bound; and at most this part of the time
FIT_S = 60.0
SHARE = 0.02


class Pruner:
    """Looks after one image store. For one thread."""

    def __init__(self, images: Images, store: Store, settings: Settings) -> None:
        self._images = images
        self._store = store
        self._settings = settings
        self._sweep_next_s = float("-inf")
        self._fit_next_s = float("-inf")

    def tick(self) -> int:
        """Delete what is due; return how many days were dropped.

        Raises:
            StoreDown: Redis is down.
        """
        days = 0
        try:
            if time.monotonic() >= self._sweep_next_s:
                self._sweep_next_s = time.monotonic() + PRUNE_S
                days = self._sweep()
            if time.monotonic() >= self._fit_next_s:
                began_s = time.monotonic()
                self._fit_next_s = began_s + PRUNE_S
                self._fit()
                self._fit_next_s = time.monotonic() + self._pause_s(time.monotonic() - began_s)
        except ImagesDown as error:
            event(log, "images.missed", level=logging.WARNING, why=error.message)
        return days

    def _pause_s(self, took_s: float) -> float:
        if self._images.folder is None or not self._settings.keep_mb:
            return PRUNE_S
        return min(PRUNE_S, max(FIT_S, took_s / SHARE))

    def _now(self) -> datetime:
        # Either clock may be far ahead, and a deletion cannot be undone.
        return min(datetime.now(UTC), self._store.now())

    def _sweep(self) -> int:
        swept = self._images.sweep(self._settings, self._now())
        for kind in swept:
            if kind.days:
                event(log, "pictures.pruned", kind=kind.kind, days=len(kind.days))
        return sum(len(kind.days) for kind in swept)

    def _fit(self) -> None:
        most_bytes = self._settings.keep_mb * 2**20 or None
        if most_bytes is None and self._images.folder is None:
            return
        kept = fit(self._images, most_bytes, self._now())
        self._store.image_stores.measured(kept.sizes_bytes, kept.deleted_bytes)
        if kept.since:
            event(
                log,
                "pictures.too_many",
                level=logging.WARNING,
                files=kept.files,
                bytes=kept.deleted_bytes,
                left_since=f"{kept.since:%Y-%m-%dT%H:%MZ}",
            )
