"""The whole gateway at one moment, as ``/ops/overview`` and the console's pages tell it.

However many look, each API process reads the store once in ``FRESH_S``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cli.top.look import Observer
from cli.top.sections import body
from limner.store import Store

#: how old what is told may be
FRESH_S = 1.0
#: most clients that are told, those with most drawings under way first
CLIENTS_MOST = 50


class Overview:
    """Looks at the gateway for all who ask."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._observer = Observer(store, clock)
        self._body: dict[str, Any] | None = None
        self._next_s = float("-inf")
        self._looking = False

    def body(self) -> dict[str, Any]:
        """Return how the gateway is, or was a moment ago.

        Raises:
            StoreDown: Redis cannot be reached.
        """
        # Whoever comes while another looks takes what there is: nobody may wait for a greenlet here.
        if self._body is None or (self._clock() >= self._next_s and not self._looking):
            self._looking = True
            try:
                self._body = self._look()
            finally:
                self._looking = False
            self._next_s = self._clock() + FRESH_S
        return self._body

    def forget(self) -> None:
        """Look anew for whoever asks next: an operator has changed something here."""
        self._next_s = float("-inf")

    def _look(self) -> dict[str, Any]:
        store, snapshot = self._store, self._observer.look()
        found = body(snapshot)
        clients = found["clients"]
        rows, named = clients[:CLIENTS_MOST], {row["name"] for row in clients}
        # Paused ones without a job, too, or nobody would think of resuming them.
        rows += [
            {"name": name, "waiting": 0, "running": 0, "taken": None, "paused": True}
            for name in snapshot.numbers.halted.clients[:CLIENTS_MOST]
            if name not in named
        ]
        known = store.clients.several([row["name"] for row in rows])
        return found | {
            "clients": [
                row
                | {
                    "share": client.share,
                    "inFlight": client.in_flight,
                    "waitingCap": client.waiting_cap,
                    "disabled": client.disabled,
                }
                for row in rows
                if (client := known.get(row["name"]))
            ],
            "clientsWithJobs": len(clients),
            "workers": [
                {"name": one.name, "lanes": [*one.lanes], "engines": [*one.engines]}
                for one in store.crew.living(snapshot.numbers.at_ms)
            ],
        }
