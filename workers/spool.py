"""Delete inline pictures that nobody needs, and keep clients' totals right; called with each tick.

The end of a job only marks its files as spent, because a script cannot delete them.
"""

from __future__ import annotations

import logging
import threading
import time

from limner.log import event
from limner.pictures.image_store import Images
from limner.store import Store

log = logging.getLogger(__name__)

#: files deleted per call: the most that S3 accepts
BATCH = 1000
#: a tick deletes for at most this long; the next one continues
DROP_S = 2.0
#: how often every client's total is recalculated
MEND_S = 300.0
#: a tick recalculates for at most this long; the next one continues
MEND_FOR_S = 1.0


class SpoolKeeper:
    """What one callback worker does for the spool; several may do it at once."""

    def __init__(self, store: Store, images: Images, keep_s: float) -> None:
        """Keep ended jobs' files for ``keep_s`` seconds, unless their client needs the room."""
        self._store = store
        self._images = images
        self._keep_s = keep_s
        self._mend_next_s = float("-inf")
        #: clients whose totals are still to be recalculated
        self._unmended: list[str] = []
        self._mending = threading.Lock()

    def tick(self) -> int:
        """Delete spent files, for a limited time; return how many.

        Raises:
            StoreDown: Redis is down.
        """
        # A tick may be sent by hand, or come while the last one still runs in another thread.
        if self._mending.acquire(blocking=False):
            try:
                self.mend()
            finally:
                self._mending.release()
        dropped, ends_s = 0, time.monotonic() + DROP_S
        while keys := self._store.spool.to_drop(self._keep_s, BATCH):
            deleted = self._images.delete_all(keys)
            if deleted.gone:
                self._store.spool.dropped(deleted.gone)
                dropped += len(deleted.gone)
            if deleted.missed:
                # They are retried after all others, so that they do not block them.
                self._store.spool.missed(deleted.missed)
                why = next(iter(deleted.missed.values()))
                files = len(deleted.missed)
                event(log, "images.missed", level=logging.WARNING, files=files, why=why)
            if len(keys) < BATCH or not deleted.gone or time.monotonic() > ends_s:
                break
        return dropped

    def mend(self) -> None:
        """Continue to recalculate every client's total, for a limited time; one thread at a time."""
        if not self._unmended and time.monotonic() >= self._mend_next_s:
            self._mend_next_s = time.monotonic() + MEND_S
            self._unmended = self._store.clients.names()
        ends_s = time.monotonic() + MEND_FOR_S
        while self._unmended:
            client = self._unmended[-1]
            step = self._store.spool.mend_some(client)
            if step.wrong:
                event(log, "spool.mended", level=logging.WARNING, client=client, wrong=step.wrong)
            if step.done:
                self._unmended.pop()
            if time.monotonic() > ends_s:
                break
