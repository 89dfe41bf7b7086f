"""Sessions of the console, and the tickets that let a person in once; used by ``api/console`` and the CLI.

Commands on the gateway's machine call its API by a session, too (``enter_here``).

Keys: see ``lib_sessions.lua``. Of every secret, only its hash is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum

from limner.client import Wrong
from limner.errors import ConfigError
from limner.store.connection import guarded
from limner.store.operators import Role
from limner.store.scripts import Scripts

SECRET_BYTES = 32
#: the header by which a call to the API counts by its session
CSRF = "X-Limner-Csrf"
#: of one holder; the one that was seen longest ago makes room
SESSIONS_MOST = 100
#: a session that nobody has used for so long has ended
IDLE_S = 3 * 86_400
#: and so has one that is so old
KEPT_S = 14 * 86_400
#: how long a ticket lets its bearer in
TICKET_S = 15 * 60


class Holder(StrEnum):
    """What the holder of a session is."""

    CLIENT = "client"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """A person in the console, as a client or as an operator."""

    kind: Holder
    name: str
    #: sha256 of the token that the session was made from, and ends with
    digest: str
    #: of an operator
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """A session that has just begun, with the secret that only its holder's browser keeps."""

    secret: str
    kind: Holder
    name: str


class Sessions:
    """Begin, find and end sessions."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def enter_by_token(self, token: str, source: str) -> Entered | Wrong:
        """Begin a session for whoever holds ``token``; a wrong one counts against ``source``."""
        return self._enter(_digest(token), "", source)

    def enter_by_ticket(self, ticket: str, source: str) -> Entered | Wrong:
        """Do the same by a ticket, which is used up."""
        return self._enter("", _digest(ticket), source)

    @guarded
    def enter_here(self, kind: Holder, name: str) -> Entered:
        """Begin a session of a holder by name; for commands that may use the store itself.

        Raises:
            ConfigError: there is no such holder, or it is a disabled client.
        """
        secret = secrets.token_urlsafe(SECRET_BYTES)
        limits = (SESSIONS_MOST, _ms(IDLE_S), _ms(KEPT_S))
        if not self._scripts("enter_here", kind.value, name, _digest(secret), *limits):
            raise _no_holder(kind, name)
        return Entered(secret, kind, name)

    @guarded
    def find(self, secret: str) -> ConsoleSession | None:
        """Return the session, which counts as used now; None: there is none, or it has ended."""
        found = self._scripts("session", _digest(secret), _ms(IDLE_S), _ms(KEPT_S))
        if not found:
            return None
        kind, name, digest, role = found
        return ConsoleSession(Holder(kind), name, digest, Role(role) if role else None)

    @guarded
    def end(self, secret: str) -> None:
        """End a session; ending it twice is no error."""
        self._scripts("end_session", _digest(secret))

    @guarded
    def new_ticket(self, kind: Holder, name: str) -> str:
        """Return a ticket for a client or an operator: good once, for ``TICKET_S``.

        Raises:
            ConfigError: there is no such holder, or it is a disabled client.
        """
        ticket = secrets.token_urlsafe(SECRET_BYTES)
        if not self._scripts("make_ticket", kind.value, name, _digest(ticket), _ms(TICKET_S)):
            raise _no_holder(kind, name)
        return ticket

    @guarded
    def _enter(self, digest: str, ticket: str, source: str) -> Entered | Wrong:
        secret = secrets.token_urlsafe(SECRET_BYTES)
        what, *more = self._scripts(
            "enter",
            *(digest, ticket, _digest(secret), source),
            *(SESSIONS_MOST, _ms(IDLE_S), _ms(KEPT_S)),
        )
        if what == "wrong":
            wait_ms, full, disabled = more
            return Wrong(int(wait_ms) / 1000, bool(full), bool(disabled))
        kind, name = more
        return Entered(secret, Holder(kind), name)


def csrf_of(secret: str) -> str:
    """Return what shows, in the header ``CSRF``, that a call is made by the session's holder, and not what its secret is."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest() if secret else ""


def cookie_of(port: int) -> str:
    """Return the name of the cookie in which a session's secret is sent, over plain HTTP to the API at that port."""
    # Cookies know no ports, and one machine may have two gateways.
    return f"limner_{port}"


def _no_holder(kind: Holder, name: str) -> ConfigError:
    return ConfigError(
        f"{kind.value} name", f"there is no {kind.value} called {name!r} who may enter"
    )


def _digest(secret: str) -> str:
    # As of tokens: 256 random bits need no slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
