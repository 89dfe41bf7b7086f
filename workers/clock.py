"""Report this host's clock; called with the heartbeats of lane workers and dispatchers."""

from __future__ import annotations

import logging
import socket

from limner.log import event
from limner.store import Store

log = logging.getLogger(__name__)


def tell_clock(store: Store) -> None:
    """Report to the store, and log it if the store has been rolled back since the last report.

    Raises:
        StoreDown: Redis is down.
    """
    if store.clock.tell(socket.gethostname()):
        event(log, "store.went_back", level=logging.ERROR)
