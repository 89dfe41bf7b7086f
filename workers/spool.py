"""Delete what nobody needs of the inline pictures, and keep their accounts right; called with each tick.

A job's end only notes that its files may go: a script cannot delete them.
"""

from __future__ import annotations

import logging
import time

from limner.images import Images
from limner.log import event
from limner.store import Store

log = logging.getLogger(__name__)

#: files deleted with one call: as many as S3 takes
BATCH = 1000
#: a tick deletes for so long at most; the next one goes on
DROP_S = 2.0
#: so often every account is reckoned anew
MEND_S = 300.0
#: a tick reckons for so long at most; the next one goes on
MEND_FOR_S = 1.0


class SpoolKeeper:
    """What one callback worker does for the spool; several may do it at once."""

    def __init__(self, store: Store, images: Images, keep_s: float) -> None:
        """Keep the files of ended jobs for ``keep_s`` seconds, unless their client needs the room."""
        self._store = store
        self._images = images
        self._keep_s = keep_s
        self._mend_next_s = float("-inf")
        #: whose accounts are still to be reckoned
        self._unmended: list[str] = []

    def tick(self) -> int:
        """Delete what may go, for a moment; return how many files.

        Raises:
            StoreDown: Redis is away.
        """
        if not self._unmended and time.monotonic() >= self._mend_next_s:
            self._mend_next_s = time.monotonic() + MEND_S
            self._unmended = self._store.clients.names()
        self.mend()
        dropped, ends_s = 0, time.monotonic() + DROP_S
        while keys := self._store.spool.to_drop(self._keep_s, BATCH):
            deleted = self._images.delete_all(keys)
            if deleted.gone:
                self._store.spool.dropped(deleted.gone)
                dropped += len(deleted.gone)
            if deleted.missed:
                # They are tried again, but not before all others: they must not stand in their way.
                self._store.spool.missed(deleted.missed)
                why = next(iter(deleted.missed.values()))
                files = len(deleted.missed)
                event(log, "images.missed", level=logging.WARNING, files=files, why=why)
            if len(keys) < BATCH or not deleted.gone or time.monotonic() > ends_s:
                break
        return dropped

    def mend(self) -> None:
        """Go on reckoning every client's account anew, for a moment."""
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
