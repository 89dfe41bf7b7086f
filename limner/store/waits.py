"""How long a process waits for Redis; chosen where its store is made.

A worker has time: its calls are repeated until Redis is back. A caller of the API has not: one request
waits no longer than ``request_s`` for Redis, however many calls it makes, and does not wait at all while
Redis is known to be away (``limner/store/watch.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waits:
    """How long one process waits, seconds."""

    #: for a connection, to each of the host's addresses
    connect_s: float = 3.0
    #: for an answer; longer than any of our blocking commands
    answer_s: float = 10.0
    #: for all the answers that one request needs; None: for each of them
    request_s: float | None = None
    #: between two questions whether Redis is back; None: nobody asks, and every call waits for itself
    probe_s: float | None = None


PATIENT = Waits()
#: of the API. A script that blocks Redis for a second must not look like an outage.
IMPATIENT = Waits(connect_s=1.0, answer_s=2.0, request_s=2.5, probe_s=0.5)


@dataclass(slots=True)
class Allowance:
    """How long calls may still wait, all of them together."""

    left_s: float


_allowance: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


def allowed_s(most_s: float) -> float:
    """Return how long the calling thread may wait now, at most ``most_s``; 0 or less: no more."""
    allowed = _allowance.get()
    return most_s if allowed is None else min(most_s, allowed.left_s)


def count_waited(seconds: float) -> None:
    """Take what was waited from what the calling thread may wait."""
    if (allowed := _allowance.get()) is not None:
        allowed.left_s -= seconds


@contextmanager
def waiting_at_most(seconds: float | None) -> Iterator[None]:
    """Limit how long the calls made within wait for Redis, all of them together; None: do not.

    Only waiting counts, not the time between calls: a body may arrive slowly, and a long poll is long.
    The limit is the calling thread's, and holds for stores with ``Waits.probe_s``.
    """
    if seconds is None:
        yield
        return
    outer = _allowance.get()
    token = _allowance.set(Allowance(min(seconds, outer.left_s) if outer else seconds))
    try:
        yield
    finally:
        _allowance.reset(token)
