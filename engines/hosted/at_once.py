"""The engine over a host whose answer to a request is the drawing itself: no id, no queue, no polls.

So ``submit`` sends nothing that costs money, ``watch`` makes the requests, stopping means hanging up, and an
answer that is lost may have been paid for: ``JobLost(charged=True)``. No other process can go on with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Protocol

from engines.hosted.ending import HostedEnding, finished_of
from engines.hosted.host import HostedCall, HostedLook, HostedPlan
from engines.hosted.requests_at_once import RequestsAtOnce
from engines.hosted.setup import HostedManner
from engines.remote.cells import looks_whole
from engines.remote.health import health_of
from engines.remote.levels import notes
from engines.remote.spent import fetched, tell_cost
from limner.engine import (
    Brief,
    Capabilities,
    Event,
    Handle,
    Health,
    Preview,
    Progress,
    Stop,
)
from limner.errors import EngineError
from net.cut import Cut

#: how often a drawing without news reports that it is alive
ALIVE_S = 5.0


class AtOnceHost(Protocol):
    """One account at such a host. Its methods are called from many threads at once."""

    def capabilities(self) -> Capabilities:
        """Return what it can do; ``attach`` and ``cancel`` are false, ``charged`` is true."""

    def ask(self) -> None:
        """As ``Host.ask``."""

    def plan(self, brief: Brief) -> HostedPlan:
        """As ``Host.plan``."""

    def draw(self, call: HostedCall, cut: Cut) -> HostedLook:
        """Make one request, by ``Account.draw``, and return its pictures, or what its failure means.

        Raises:
            EngineError: it was turned away; ``NoAnswer``: it may have been drawn.
        """

    def picture(self, where: str) -> bytes:
        """As ``Host.picture``."""

    def close(self) -> None:
        """Close the connections."""


class AtOnceEngine:
    """One account at a host that draws while it is waited for."""

    def __init__(self, host: AtOnceHost, manner: HostedManner, at_once: int = 4) -> None:
        """Make it; ``at_once``: how many requests of one drawing run together."""
        self._host, self._manner, self._at_once = host, manner, at_once

    def capabilities(self) -> Capabilities:
        """Return what the host, and the model there, can do."""
        return self._host.capabilities()

    def health(self) -> Health:
        """Make one request that needs the account."""
        return health_of(self._host.ask)

    def submit(self, brief: Brief) -> Handle:
        """Check that the host is there; nothing is started before the drawing is watched."""
        self._host.ask()
        return {"engine": self._manner.name, "job": brief.job_id, "attempt": brief.attempt}

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Make the requests, and report each one's pictures when they are there."""
        plan = self._host.plan(brief)
        work = RequestsAtOnce(
            lambda number, cut: self._host.draw(plan.calls[number], cut),
            len(plan.calls),
            self._at_once,
        )
        images: dict[int, list[bytes]] = {}
        told_s = time.monotonic()
        try:
            while not work.over:
                if stop.is_set():
                    return
                number = work.next_done()
                if number is not None:
                    images[number] = self._fetched(work.done[number], plan.calls[number], stop)
                    yield from _previews(images, number, plan)
                if number is not None or time.monotonic() - told_s > ALIVE_S:
                    told_s = time.monotonic()
                    yield Progress(len(images) / len(plan.calls))
        except EngineError as error:
            told = HostedEnding(list(work.done.values())).cost
            tell_cost(error, told, drawn=bool(work.done))
            raise
        finally:
            work.hang_up()
        able = self._host.capabilities()
        ending = HostedEnding(
            [work.done[number] for number in range(work.count)],
            [image for number in range(work.count) for image in images[number]],
            plan.seeds,
            plan.applied,
            notes(brief, able, **plan.notes),
        )
        yield finished_of(ending, brief, able)

    def cancel(self, handle: Handle) -> None:
        """Nothing to do: the watch has hung up, and these hosts know no other way."""

    def close(self) -> None:
        """Close the connections."""
        self._host.close()

    def _fetched(self, look: HostedLook, call: HostedCall, stop: Stop) -> list[bytes]:
        return [
            one if isinstance(one, bytes) else fetched(partial(self._host.picture, one), stop.wait)
            for one in look.pictures[: call.pictures]
        ]


def _previews(images: dict[int, list[bytes]], number: int, plan: HostedPlan) -> Iterator[Preview]:
    """Yield the pictures of one request among several: the others are still being drawn."""
    if len(plan.calls) > 1:
        first = sum(call.pictures for call in plan.calls[:number])
        for offset, image in enumerate(images[number]):
            if looks_whole(image):
                yield Preview(first + offset, image)
