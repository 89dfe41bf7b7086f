"""The client: who holds a token, and what that token allows; read by the API and the callbacks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from limner.request import Lane

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
    #: most MB that its inline pictures may take; None: the gateway's ``inline_quota_mb``
    inline_quota_mb: int | None = None
    #: requests a second; None: unlimited
    rate_per_s: float | None = None
    #: private receivers that this client's callbacks may reach, beside ``callback_allow``
    callback_allow: str = ""
    #: its token opens nothing; its jobs and callbacks go on
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """How many requests a client may send in a window, and how many are left of them."""

    most: int
    window_s: int
    left: int
    #: until all are there again
    back_s: int

    @classmethod
    def of(cls, rate_per_s: float, left: int, back_s: float) -> Pace:
        """Return the pace of a rate: a second's worth of requests at once, at least one."""
        return cls(
            max(1, int(rate_per_s)), math.ceil(1 / min(rate_per_s, 1)), left, math.ceil(back_s)
        )


@dataclass(frozen=True, slots=True)
class Admission:
    """A client who sends a request, and how its rate stands; no pace: it has no rate."""

    client: Client
    pace: Pace | None = None
    #: above 0: the request comes too early by so much
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Wrong:
    """A token that opens nothing, and how its address stands (``lib_wrong.lua``)."""

    #: above 0: too many came from there, and the next that is told so may come after so long
    wait_s: float
    #: the next one will have to wait
    full: bool
    #: it is that of a client who was shut out
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client just made, with the token that is shown this once."""

    client: Client
    token: str
