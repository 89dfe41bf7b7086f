"""The client: the holder of a token, and what it may do; used by the API and the callback workers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from limner.request import Lane

BOTH_LANES = frozenset(Lane)
#: least and most share; the scripts take any other for the nearest (``lib_turns.lua``)
SHARES = (0.001, 1000)


@dataclass(frozen=True, slots=True)
class Budgets:
    """How many drawings a client may ask for, or has, in a day and a month, in UTC; None: any number.

    And what they may cost, in millionths of the operator's currency.
    """

    per_day: int | None = None
    per_month: int | None = None
    cost_per_day: int | None = None
    cost_per_month: int | None = None


@dataclass(frozen=True, slots=True)
class Spending:
    """What the jobs cost that a client has asked for today and in this month, with what is reserved for those under way.

    In millionths of the operator's currency.
    """

    today: int
    this_month: int


@dataclass(frozen=True, slots=True)
class Client:
    """One client of the gateway. Only the hash of its token is stored."""

    name: str
    #: default callback URL; None: the gateway's default
    callback_url: str | None = None
    lanes: frozenset[Lane] = BOTH_LANES
    #: ``whsec_…`` secrets that sign its callbacks, newest first
    secrets: tuple[str, ...] = ()
    #: most waiting jobs; None: the gateway's ``waiting_cap``
    waiting_cap: int | None = None
    #: quota of its inline pictures, MB; None: the gateway's ``inline_quota_mb``
    inline_quota_mb: int | None = None
    #: requests a second; None: unlimited
    rate_per_s: float | None = None
    #: private receivers that this client's callbacks may reach, in addition to ``callback_allow``
    callback_allow: str = ""
    #: its part of a lane beside other clients
    share: float = 1.0
    #: most drawings under way in a lane; None: unlimited
    in_flight: int | None = None
    budgets: Budgets = Budgets()
    #: its token is refused; its jobs and callbacks continue
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """A client's rate limit: requests per window, and how many are left."""

    most: int
    window_s: int
    left: int
    #: until all are available again
    back_s: int

    @classmethod
    def of(cls, rate_per_s: float, left: int, back_s: float) -> Pace:
        """Return the pace for a rate: bursts of up to a second's worth of requests, at least one."""
        return cls(
            max(1, int(rate_per_s)), math.ceil(1 / min(rate_per_s, 1)), left, math.ceil(back_s)
        )


@dataclass(frozen=True, slots=True)
class Admission:
    """A client that sends a request, and the state of its rate; no pace: it has no rate."""

    client: Client
    pace: Pace | None = None
    #: above 0: the request comes this much too early
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Wrong:
    """A wrong token, and how many its address has sent (``lib_wrong.lua``)."""

    #: above 0: too many came from there; how long until the next one may be tried
    wait_s: float
    #: the next one will have to wait
    full: bool
    #: it belongs to a disabled client
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class NewClient:
    """A new client, with its token, which is shown only once."""

    client: Client
    token: str
