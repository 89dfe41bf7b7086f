"""Say what this host's clock shows; called with the heartbeats of lane workers and of dispatchers."""

from __future__ import annotations

import logging
import socket

from limner.log import event
from limner.store import Store

log = logging.getLogger(__name__)


def tell_clock(store: Store) -> None:
    """Tell the store, and the log if the store has gone back to an older state since the last time.

    Raises:
        StoreDown: Redis is away.
    """
    if store.clock.tell(socket.gethostname()):
        event(log, "store.went_back", level=logging.ERROR)
