"""Who holds a token, remembered for a moment; the guard asks here, ``create_app`` makes one."""

from __future__ import annotations

import time
from collections.abc import Callable

from limner.client import Admission, Client
from limner.store import Clients

#: a token that was taken away, or a limit that was changed, counts after so long at the latest
KNOWN_S = 1.0
#: clients known at a time; a gateway has tens
KNOWN_MOST = 10_000


class Doorkeeper:
    """Knows clients by token for a moment, so that a busy one costs no round trip a request.

    A client with a request rate is asked about every time: its count lives in Redis, for all hosts.
    """

    def __init__(self, clients: Clients, clock: Callable[[], float] = time.monotonic) -> None:
        self._clients = clients
        self._clock = clock
        self._known: dict[str, tuple[float, Client]] = {}

    def admit(self, token: str) -> Admission:
        """Return the client who holds ``token``, and count the request against its rate.

        Raises:
            TokenRejected: nobody holds it.
        """
        until, client = self._known.get(token, (0.0, None))
        if client is not None and self._clock() < until:
            return Admission(client)
        admission = self._clients.admit(token)
        if admission.client.rate_per_s is None:
            if len(self._known) >= KNOWN_MOST:
                self._known.clear()
            self._known[token] = (self._clock() + KNOWN_S, admission.client)
        return admission
