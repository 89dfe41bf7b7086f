"""Delete what the image store need not keep: pictures that are too old, and the oldest where there are too many.

A thread of each callback worker, so that a mount that hangs holds up nothing else. Of all of them one works at a time
(``limner/store/prune_turns.py``).
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from limner.errors import ImagesDown, StoreDown
from limner.log import event
from limner.pictures.expiry import sweep
from limner.pictures.image_store import Images
from limner.pictures.retention import fit
from limner.settings import Settings
from limner.store import Store

log = logging.getLogger(__name__)

#: how often this process asks for its turn
LOOK_S = 10.0
#: how often days are looked at, and a bucket's sizes: it is slow to list, and may want money for that
PRUNE_S = 3600.0
#: how often a folder's sizes are, where there is a bound
FIT_S = 60.0
#: sizes are looked at for this part of the time at most, however long that takes
SHARE = 0.02
#: but at least so often: a look that took long may have waited for a mount that hung
REST_MOST_S = 86_400.0
#: how long the end waits for a look that is asked to stop; one that hangs ends with the process
END_S = 1.0


class Pruner:
    """Looks after one image store, in a thread."""

    def __init__(self, images: Images, store: Store, settings: Settings) -> None:
        self._images = images
        self._store = store
        self._turns = store.prune_turns
        self._settings = settings
        self._often_s = FIT_S if images.folder and settings.keep_mb else PRUNE_S
        #: until then other processes may try: the store was away from here
        self._away_until_s = float("-inf")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pruner", daemon=True)

    def start(self) -> None:
        """Start looking."""
        if not self._thread.is_alive():
            self._thread.start()

    def stop(self) -> None:
        """Ask a look to stop where it is, and begin none."""
        self._stopping.set()

    def end(self) -> None:
        """Stop, and wait for that for a moment."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join(END_S)

    def turn(self) -> int:
        """Delete what is due, if it is this process's turn; return how many days were dropped.

        Raises:
            StoreDown: Redis is down.
        """
        if self._is_away():
            return 0
        due = self._turns.take(PRUNE_S, self._often_s)
        days, sweep_rest_s, fit_rest_s = 0, None, None
        try:
            if due.sweep:
                with self._away():
                    days = self._sweep()
                    sweep_rest_s = 0.0 if self._goes_on() else None
            # Also where a day could not be deleted: the disk must not fill over it.
            if due.fit and self._goes_on():
                began_s = time.monotonic()
                with self._away():
                    if self._fit():
                        fit_rest_s = min((time.monotonic() - began_s) / SHARE, REST_MOST_S)
                        # The store is there, so a day that could not be deleted is tried again in an hour.
                        sweep_rest_s = 0.0 if due.sweep else None
        finally:
            if due.sweep or due.fit:
                self._turns.leave(sweep_rest_s, fit_rest_s)
        return days

    @contextlib.contextmanager
    def _away(self) -> Iterator[None]:
        """Log a store that is away in this block, and leave it to other processes for a while."""
        try:
            yield
        except ImagesDown as error:
            if not self._is_away():
                _tell_missed(error.message)
            self._rest()

    def _is_away(self) -> bool:
        return time.monotonic() < self._away_until_s

    def _rest(self) -> None:
        self._away_until_s = time.monotonic() + self._often_s

    def _goes_on(self) -> bool:
        """Return whether a look may go on: nobody has asked for its end, and Redis says that it is our turn still."""
        with contextlib.suppress(StoreDown):
            return not self._stopping.is_set() and self._turns.keep()
        return False

    def _now(self) -> datetime:
        # Either clock may be far ahead, and a deletion cannot be undone.
        return min(datetime.now(UTC), self._store.now())

    def _sweep(self) -> int:
        swept = sweep(self._images, self._settings, self._now(), goes_on=self._goes_on)
        for kind in swept:
            if kind.days:
                event(log, "pictures.pruned", kind=kind.kind, days=len(kind.days))
            if kind.missed:
                _tell_missed(kind.missed)
        return sum(len(kind.days) for kind in swept)

    def _fit(self) -> bool:
        """Measure, and delete what is too much; return whether all was looked at."""
        most_bytes = self._settings.keep_mb * 2**20 or None
        if most_bytes is None and self._images.folder is None:
            return True
        kept = fit(self._images, most_bytes, self._now(), goes_on=self._goes_on)
        self._store.image_stores.measured(kept.sizes_bytes, kept.deleted_bytes)
        if kept.files:
            event(
                log,
                "pictures.too_many",
                level=logging.WARNING,
                files=kept.files,
                bytes=kept.deleted_bytes,
                left_since=f"{kept.since:%Y-%m-%dT%H:%MZ}" if kept.since else None,
            )
        if kept.missed:
            _tell_missed(kept.missed)
        return kept.whole

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.turn()
            except StoreDown:
                pass
            # A bug of ours must not end it.
            except Exception:  # noqa: BLE001
                event(log, "pruner.failed", level=logging.ERROR, error=True)
                # Nor have it read the whole store every few seconds.
                self._rest()
            self._stopping.wait(LOOK_S)


def _tell_missed(why: str) -> None:
    event(log, "images.missed", level=logging.WARNING, why=why)
