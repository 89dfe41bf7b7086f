"""What a driver of a hosted engine says about its host; ``engines.hosted.engine`` does the rest.

Hosts that push (webhooks) are polled all the same: a poll is the truth, needs no port that the world can
reach, and a lost, doubled or late push would have to be checked by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from limner.engine import Brief, Capabilities, Level
from limner.errors import EngineError

#: what finds a submitted request again: the host's id, and its URLs if the host gave any. Plain JSON, part of
#: the job's handle: whoever re-attaches has nothing else
Ticket = Mapping[str, Any]

#: ``gone``: the host does not know it (any more)
HostedState = Literal["waiting", "drawing", "done", "failed", "gone"]


@dataclass(frozen=True, slots=True)
class HostedCall:
    """One request that costs money, and how many pictures it draws.

    ``path`` is added to the account's base URL; ``body`` is sent as JSON.
    """

    path: str
    body: Mapping[str, Any] = field(repr=False)
    pictures: int = 1
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class HostedPlan:
    """The requests that draw a brief's cells, in order.

    ``seeds``: one a cell, if the host heeds them so; ``applied``: levels that turned out otherwise than the
    abilities say; ``notes``: more for the caller. All of it is stored in the handle.
    """

    calls: Sequence[HostedCall]
    seeds: tuple[int, ...] = ()
    applied: Mapping[str, Level] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HostedLook:
    """What one poll of one request saw.

    ``position``: 1 is next, None if the host does not say. ``fraction``: 0-1, None likewise. ``previews``:
    unfinished pictures by cell of this request, as URLs, data URLs or bytes; ``pictures``: the finished ones.
    ``seeds``: one a picture, if the host tells them. ``cost``: what the host says that it charged, in the
    operator's currency: what hosts tell in units of their own is multiplied by an option of the driver.
    ``error``: of ``failed``, what that means: ``Rejected`` (the caller's matter), ``Refused`` (the operator's)
    or another (tried again).
    """

    state: HostedState
    position: int | None = None
    fraction: float | None = None
    previews: Mapping[int, str | bytes] = field(default_factory=dict, repr=False)
    pictures: Sequence[str | bytes] = field(default=(), repr=False)
    seeds: tuple[int, ...] = ()
    cost: float | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    error: EngineError | None = None


class Host(Protocol):
    """One account at a host. Its methods are called from many threads at once."""

    def capabilities(self) -> Capabilities:
        """Return what it can do; ``attach`` and ``charged`` are true. May ask the host once."""

    def ask(self) -> None:
        """Make one cheap request that needs the account, within 3 s.

        Raises:
            EngineError: what the health is to say.
        """

    def plan(self, brief: Brief) -> HostedPlan:
        """Return the requests that draw a brief; they draw one picture for each of its seeds.

        Raises:
            Rejected: it cannot be drawn here, or a picture to start from cannot be read.
        """

    def submit(self, call: HostedCall) -> Ticket:
        """Send one request, by ``Account.submit``, and return how to find it.

        Raises:
            SubmissionLost: it may have been started.
            EngineError: it was not.
        """

    def find(self, call: HostedCall) -> Ticket | None:
        """Return the running or finished request that this call started when nobody heard the answer.

        None: there is none, or the host has no way to tell. Never one that failed.

        Raises:
            EngineError: the host could not be asked.
        """

    def look(self, ticket: Ticket, read_s: float) -> HostedLook:
        """Poll one request; ``read_s``: how long the answer may take.

        Raises:
            EngineError: the poll failed, which says nothing about the drawing.
        """

    def cancel(self, ticket: Ticket) -> None:
        """Stop one request if it still runs; if it is over, that is no error.

        Raises:
            EngineDown: the host was not reached.
        """

    def picture(self, where: str) -> bytes:
        """Return the picture at a URL that the host gave, by ``Account.picture``.

        Raises:
            BadResult: it is not there (any more).
            EngineDown: the host was not reached.
        """

    def close(self) -> None:
        """Close the connections."""
