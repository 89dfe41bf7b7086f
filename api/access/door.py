"""Resolve tokens to clients, with a short-lived cache; used by the guard, created by ``create_app``."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from limner.client import Admission, Client, Wrong
from limner.errors import RequestError, StoreDown, TokenRejected, TokensSlowed
from limner.log import event
from limner.store import Clients
from limner.store.sessions import ConsoleSession

log = logging.getLogger(__name__)

#: a revoked token or a changed limit takes effect within this time
KNOWN_S = 1.0
#: most clients in the cache; a gateway has tens
KNOWN_MOST = 10_000


class Doorkeeper:
    """Caches clients by token for a moment, so that a busy client costs no round trip per request.

    A client with a request rate is looked up each time: its count is in Redis, shared by all hosts.
    """

    def __init__(self, clients: Clients, clock: Callable[[], float] = time.monotonic) -> None:
        self._clients = clients
        self._clock = clock
        self._known: dict[str, tuple[float, Client]] = {}

    def admit(self, token: str, source: str) -> Admission:
        """Return the client who holds ``token``, and count the request against its rate.

        Raises:
            TokenRejected: the token is unknown, or its client is disabled.
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

    def admit_session(self, session: ConsoleSession, source: str) -> Admission:
        """Do the same for a client's session in the console.

        Raises:
            TokenRejected, TokensSlowed: its token was replaced, or its client disabled, this very moment.
        """
        admission = self._clients.admit_holder(session.digest, source)
        if isinstance(admission, Wrong):
            raise turned_away(admission, source)
        return admission

    def wrong_token_of_operators(self, source: str) -> RequestError:
        """Count a wrong operator's token, and return what to raise for it."""
        try:
            return turned_away(self._clients.count_wrong("metrics", source), source)
        except StoreDown:
            # Redis is down: the token is not counted, but it is still wrong.
            return TokenRejected()


def turned_away(wrong: Wrong, source: str) -> RequestError:
    """Return what to raise for a wrong token, and log an address that has just been slowed."""
    if wrong.full:
        event(log, "token.slowed", level=logging.WARNING, address=source)
    if wrong.wait_s:
        return TokensSlowed(wrong.wait_s)
    return TokenRejected("This client is disabled." if wrong.disabled else None)
