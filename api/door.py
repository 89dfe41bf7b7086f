"""Who holds a token, remembered for a moment; the guard asks here, ``create_app`` makes one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from limner.client import Admission, Client, Wrong
from limner.errors import RequestError, StoreDown, TokenRejected, TokensSlowed
from limner.log import event
from limner.store import Clients

log = logging.getLogger(__name__)

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

    def admit(self, token: str, source: str) -> Admission:
        """Return the client who holds ``token``, and count the request against its rate.

        Raises:
            TokenRejected: nobody holds it, or a client who was shut out.
            TokensSlowed: the same, and ``source`` has sent too many such tokens.
        """
        until, client = self._known.get(token, (0.0, None))
        if client is not None and self._clock() < until:
            return Admission(client)
        admission = self._clients.admit(token, source)
        if isinstance(admission, Wrong):
            raise turned_away(admission, source)
        if admission.client.rate_per_s is None:
            if len(self._known) >= KNOWN_MOST:
                self._known.clear()
            self._known[token] = (self._clock() + KNOWN_S, admission.client)
        return admission

    def wrong_token_of_operators(self, source: str) -> RequestError:
        """Count a wrong token that is not a client's, and return what to raise for it."""
        try:
            return turned_away(self._clients.count_wrong("metrics", source), source)
        except StoreDown:
            # Nobody counts, and a wrong token stays wrong.
            return TokenRejected()


def turned_away(wrong: Wrong, source: str) -> RequestError:
    """Return what to raise for a wrong token, and tell operators of an address that has had enough."""
    if wrong.full:
        event(log, "token.slowed", level=logging.WARNING, address=source)
    if wrong.wait_s:
        return TokensSlowed(wrong.wait_s)
    return TokenRejected("This client is disabled." if wrong.disabled else None)
