"""What each client may reach: one ``Outgoing`` per allow-list, with its own connection pool.

Callbacks (``workers/posting/letters.py``), reference images (``workers/runtime.py``) and test callbacks
(``workers/posting/trial.py``) all use it, so a client's list means the same to each of them.
"""

from __future__ import annotations

import logging
import threading

from limner.client import Client
from limner.log import event
from limner.settings import Settings
from net.outgoing import Outgoing

log = logging.getLogger(__name__)

#: most allow-lists with open connections; beyond it, those of the oldest are closed
OUTGOING_KEPT = 64


class Reach:
    """Gives each client its ``Outgoing``; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._by_allowance: dict[str, Outgoing] = {}
        self._lock = threading.Lock()

    def of(self, client: Client | None) -> Outgoing:
        """Return the ``Outgoing`` shared by all clients with this client's allow-list, and by no others.

        Without a client, or if its list cannot be parsed, only the gateway's own list applies.
        """
        allowance = client.callback_allow if client else ""
        with self._lock:
            outgoing = self._by_allowance.get(allowance)
            if outgoing is None:
                outgoing = self._made(client, allowance)
                while len(self._by_allowance) >= OUTGOING_KEPT:
                    self._by_allowance.pop(next(iter(self._by_allowance))).close()
                self._by_allowance[allowance] = outgoing
            return outgoing

    def close(self) -> None:
        """Close the pooled connections."""
        with self._lock:
            for outgoing in self._by_allowance.values():
                outgoing.close()
            self._by_allowance.clear()

    def _made(self, client: Client | None, allowance: str) -> Outgoing:
        try:
            return Outgoing.of(self._settings, allowance)
        except ValueError as error:
            name = client.name if client else None
            event(log, "client.misread", level=logging.ERROR, client=name, why=error)
            return Outgoing.of(self._settings)
