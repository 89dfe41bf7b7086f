"""One watch of a hosted drawing: polls its requests in rounds, fetches pictures at once, reports.

Used by ``engines.hosted.engine``. A poll that fails says nothing about the drawing; only silence for long
makes the engine down, and then the handle is kept. URLs of pictures expire within minutes at some hosts, so
a finished request's pictures are fetched in the round that sees them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engines.hosted.ending import HostedEnding, finished_of
from engines.hosted.host import Host, HostedLook, HostedState, Ticket
from engines.remote.cells import looks_whole
from engines.remote.spent import amounting_to, tell_cost
from limner.engine import (
    Brief,
    Event,
    Finished,
    Handle,
    Preview,
    Progress,
    Queued,
    Stop,
)
from limner.errors import BadResult, EngineBusy, EngineDown, EngineError, JobLost

#: how often an unchanged drawing is reported again: its host has limits of its own
ALIVE_S = 10.0
#: how long a poll may take: a stop must not wait for it. Longer after polls that had no answer in time
READ_S, READ_MAX_S = 1.4, 10.0
#: how many polls in a row must miss a request before it counts as forgotten
MISSING_MAX = 3
#: how often pictures that are not there are looked for again: another poll may give fresh URLs
FETCHES_MAX = 3
#: the longest that a host may keep us from polling
ASKED_MAX_S = 30.0
#: how long to wait after a host took a request, and was then too busy for it
OVERLOADED_S = 5.0


@dataclass
class _WatchedRequest:
    """One request of a drawing, and what is known of it."""

    ticket: Ticket
    #: its cells: the first one's number, and how many
    first: int
    count: int
    look: HostedLook | None = None
    images: list[bytes] | None = None
    missing: int = 0
    fetches: int = 0
    #: since when the host of its pictures is away; 0: it is not known to be
    unfetched_s: float = 0.0
    #: previews that were shown, by cell
    shown: dict[int, Any] = field(default_factory=dict)


class HostedWatch:
    """One watch; ``over`` once every request has its pictures."""

    def __init__(self, host: Host, handle: Handle, brief: Brief, silent_s: float) -> None:
        self._host, self._handle, self._brief = host, handle, brief
        self._silent_s = silent_s
        self._parts: list[_WatchedRequest] = []
        first = 0
        for ticket, count in zip(handle["tickets"], handle["pictures"], strict=True):
            self._parts.append(_WatchedRequest(ticket, first, count))
            first += count
        self._heard_s = time.monotonic()
        self._told: Event | None = None
        self._told_s = float("-inf")
        self._reached = 0.0
        #: how long the next poll may take
        self._read_s = READ_S
        #: how long the host asks not to be polled
        self.asked_s = 0.0

    @property
    def over(self) -> bool:
        """Whether every request has its pictures."""
        return all(part.images is not None for part in self._parts)

    def round(self, stop: Stop) -> Iterator[Event]:
        """Poll each request that is not over, once, and yield what is new.

        Raises:
            EngineError: the drawing failed; what is left of it at the host was cancelled.
            EngineDown: the host was silent for too long; the drawing may well go on.
        """
        self.asked_s = 0.0
        for part in self._parts:
            if part.images is not None:
                continue
            if stop.is_set():
                return
            try:
                yield from self._polled(part)
            except _PollFailed as failed:
                self._check_silence(failed.error)
            except EngineDown:
                raise
            except EngineError as error:
                self._settle(part)
                spent = self._is_spent(part)
                failure = amounting_to(error, spent=spent)
                tell_cost(failure, HostedEnding(self._looks()).cost, drawn=spent)
                raise failure from failure.__cause__
        yield from self._news()

    def finished(self) -> Finished:
        """Return what the drawing ends in.

        Raises:
            BadResult: the host gave too few pictures, or what is none.
        """
        ending = HostedEnding(
            self._looks(),
            [image for part in self._parts for image in part.images or ()],
            self._handle["seeds"],
            self._handle["applied"],
            self._handle["notes"],
            sum(part.count for part in self._parts),
        )
        return finished_of(ending, self._brief, self._host.capabilities())

    def _looks(self) -> list[HostedLook]:
        return [part.look for part in self._parts if part.look]

    # -- polling ---------------------------------------------------------------------------------

    def _polled(self, part: _WatchedRequest) -> Iterator[Event]:
        look = self._looked(part)
        if look is None:
            return
        part.look = look
        if look.state == "failed":
            raise _failure_of(look)
        if look.state == "gone":
            part.missing += 1
            if part.missing >= MISSING_MAX:
                raise JobLost("The engine has forgotten this drawing.", charged=True)
            return
        part.missing = 0
        if look.state == "done":
            part.images = self._fetched(part, look)
        yield from self._previews(part, look)

    def _looked(self, part: _WatchedRequest) -> HostedLook | None:
        """Return what a poll sees; None if the host does not want to be asked now."""
        try:
            look = self._host.look(part.ticket, self._read_s)
        except EngineBusy as error:
            self.asked_s = min(max(self.asked_s, error.retry_after_s), ASKED_MAX_S)
            look = None
        except EngineError as error:
            self._read_s = min(2 * self._read_s, READ_MAX_S)
            raise _PollFailed(error) from None
        self._heard_s, self._read_s = time.monotonic(), READ_S
        return look

    def _check_silence(self, error: EngineError) -> None:
        # Whatever the error is, the drawing may well go on: only EngineDown keeps its handle.
        if time.monotonic() - self._heard_s > self._silent_s:
            raise EngineDown(f"silent for {self._silent_s:g} s: {error.message}")

    def _fetched(self, part: _WatchedRequest, look: HostedLook) -> list[bytes] | None:
        """Return a finished request's pictures; None if the next poll is to try again."""
        try:
            return [
                one if isinstance(one, bytes) else self._host.picture(one)
                for one in look.pictures[: part.count]
            ]
        except EngineDown as error:
            # Polls that go well say nothing about where the pictures are.
            part.unfetched_s = part.unfetched_s or time.monotonic()
            if time.monotonic() - part.unfetched_s > self._silent_s:
                raise EngineDown(f"its pictures cannot be fetched: {error.message}") from None
            return None
        except BadResult:
            part.fetches += 1
            if part.fetches >= FETCHES_MAX:
                raise JobLost("The engine's pictures are gone.", charged=True) from None
            return None

    def _settle(self, failed: _WatchedRequest) -> None:
        """Stop the other requests, which nobody will pick up, and learn what they cost."""
        for part in self._parts:
            if part is not failed and part.images is None:
                with contextlib.suppress(EngineError):
                    self._host.cancel(part.ticket)
                    part.look = self._host.look(part.ticket, READ_S)

    def _is_spent(self, failed: _WatchedRequest) -> bool:
        """Return whether requests besides a failed one have drawn, or will, though they were cancelled."""
        unpaid: list[HostedState | None] = ["failed", "gone"]
        if self._host.capabilities().cancel:
            unpaid += ["waiting", None]
        states = [
            part.look.state if part.look else None for part in self._parts if part is not failed
        ]
        return any(state not in unpaid for state in states)

    # -- reporting -------------------------------------------------------------------------------

    def _previews(self, part: _WatchedRequest, look: HostedLook) -> Iterator[Preview]:
        if part.images is not None:
            # One picture of several requests: the others are still being drawn.
            if len(self._parts) > 1:
                for number, image in enumerate(part.images):
                    if looks_whole(image):
                        yield Preview(part.first + number, image)
            return
        for number, where in look.previews.items():
            if part.shown.get(number) == where or not 0 <= number < part.count:
                continue
            part.shown[number] = where
            # A preview must not fail a drawing.
            with contextlib.suppress(EngineError):
                image = where if isinstance(where, bytes) else self._host.picture(where)
                if looks_whole(image):
                    yield Preview(part.first + number, image)

    def _news(self) -> Iterator[Event]:
        event = self._state()
        now_s = time.monotonic()
        if event == self._told and now_s - self._told_s < ALIVE_S:
            return
        self._told, self._told_s = event, now_s
        yield event

    def _state(self) -> Event:
        looks = [part.look for part in self._parts]
        if all(look is None or look.state in ("waiting", "gone") for look in looks):
            known = [look.position for look in looks if look and look.position is not None]
            return Queued(min(known) if known else None)
        share = [self._fraction(part) for part in self._parts]
        # Never less than before, whatever the host says.
        self._reached = max(self._reached, sum(share) / len(share))
        return Progress(self._reached)

    def _fraction(self, part: _WatchedRequest) -> float:
        if part.images is not None:
            return 1.0
        return min(max((part.look and part.look.fraction) or 0.0, 0.0), 1.0)


def _failure_of(look: HostedLook) -> EngineError:
    error = look.error or EngineError("The engine failed to draw this.")
    if isinstance(error, EngineDown):
        # What is away may go on with a drawing, and keeps its handle: this one is over.
        return EngineBusy(OVERLOADED_S, error.message)
    return error


class _PollFailed(Exception):
    """A poll had no answer that says anything about the drawing."""

    def __init__(self, error: EngineError) -> None:
        super().__init__(error.message)
        self.error = error
