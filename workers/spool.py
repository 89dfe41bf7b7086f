"""Delete what nobody needs of the inline pictures, and keep their accounts right; called with each tick.

A job's end only notes that its files may go: a script cannot delete them.
"""

from __future__ import annotations

import logging
import time

from limner.errors import ImagesDown
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


class SpoolKeeper:
    """What one callback worker does for the spool; several may do it at once."""

    def __init__(self, store: Store, images: Images, keep_s: float) -> None:
        """Keep the files of ended jobs for ``keep_s`` seconds, unless their client needs the room."""
        self._store = store
        self._images = images
        self._keep_s = keep_s
        self._mend_next_s = float("-inf")

    def tick(self) -> int:
        """Delete what may go, for a moment; return how many files.

        Raises:
            StoreDown: Redis is away.
        """
        if time.monotonic() >= self._mend_next_s:
            self._mend_next_s = time.monotonic() + MEND_S
            self.mend()
        dropped, ends_s = 0, time.monotonic() + DROP_S
        while keys := self._store.spool.to_drop(self._keep_s, BATCH):
            try:
                self._images.delete_all(keys)
            except ImagesDown as error:
                # They stay listed, and are tried again with the next tick.
                event(log, "images.missed", level=logging.WARNING, why=error.message)
                break
            self._store.spool.dropped(keys)
            dropped += len(keys)
            if len(keys) < BATCH or time.monotonic() > ends_s:
                break
        return dropped

    def mend(self) -> None:
        """Reckon every client's account anew."""
        for client in self._store.clients.names():
            if wrong := self._store.spool.mend(client):
                event(log, "spool.mended", level=logging.WARNING, client=client, wrong=wrong)
