"""The client: who holds a token, and what that token allows; read by the API and the callbacks."""

from __future__ import annotations

from dataclasses import dataclass

from limner.job import Lane

BOTH_LANES = frozenset(Lane)


@dataclass(frozen=True, slots=True)
class Client:
    """One caller of the gateway. The token itself is never kept, only its hash."""

    name: str
    #: default callback URL; None: the gateway's default
    callback_url: str | None = None
    lanes: frozenset[Lane] = BOTH_LANES
    #: ``whsec_…`` secrets that sign its callbacks, the newest first
    secrets: tuple[str, ...] = ()
    #: most jobs that may wait at a time; None: the gateway's ``waiting_cap``
    waiting_cap: int | None = None
    #: requests a second; None: unlimited
    rate_per_s: float | None = None
    #: private receivers that this client's callbacks may reach, beside ``callback_allow``
    callback_allow: str = ""


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client just made, with the token that is shown this once."""

    client: Client
    token: str
