"""The engine over any ``Host``: submits once, stores how to find it, watches, cancels.

What was submitted is paid for. So failed polls never give a drawing up, a lost answer is asked for at the
host before anything is sent again, and what cannot be found is ``JobLost(charged=True)``: the operator's
``on_lost`` decides.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

from engines.hosted.account import SubmissionLost
from engines.hosted.host import Host, HostedCall, Ticket
from engines.hosted.polls import Polls
from engines.hosted.setup import HostedManner
from engines.hosted.watching import HostedWatch
from engines.remote.health import health_of
from engines.remote.levels import notes
from engines.remote.spent import lost_in_part, pause_of
from limner.engine import Brief, Capabilities, Event, Handle, Health, Stop
from limner.errors import EngineBusy, EngineDown, EngineError, JobLost, Rejected


class HostedEngine:
    """One account at a host."""

    def __init__(self, host: Host, manner: HostedManner) -> None:
        self._host, self._manner = host, manner
        self._pace = Polls(manner.poll_s, manner.polls_most)

    def capabilities(self) -> Capabilities:
        """Return what the host, and the model there, can do."""
        return self._host.capabilities()

    def health(self) -> Health:
        """Make one request that needs the account."""
        return health_of(self._host.ask)

    def submit(self, brief: Brief) -> Handle:
        """Send a drawing's requests, and return how to find them."""
        plan = self._host.plan(brief)
        tickets = self._submitted(plan.calls, again=brief.attempt > 0)
        return {
            "engine": self._manner.name,
            "tickets": [dict(ticket) for ticket in tickets],
            "pictures": [call.pictures for call in plan.calls],
            "seeds": list(plan.seeds),
            "applied": dict(plan.applied),
            "notes": notes(brief, self._host.capabilities(), **plan.notes),
        }

    def watch(self, handle: Handle, brief: Brief, stop: Stop) -> Iterator[Event]:
        """Poll the requests until all have their pictures, which are fetched at once."""
        with self._pace.counted(len(handle["tickets"])):
            watch = HostedWatch(self._host, handle, brief, self._manner.silent_s)
            while not stop.is_set():
                yield from watch.round(stop)
                if watch.over or stop.wait(self._pace.pause_s(watch.asked_s)):
                    break
            if watch.over and not stop.is_set():
                yield watch.finished()

    def cancel(self, handle: Handle) -> None:
        """Cancel every request that still runs, if the host can."""
        failed: EngineError | None = None
        for ticket in handle.get("tickets", ()):
            try:
                self._host.cancel(ticket)
            except EngineError as error:
                # One that was not reached is told later: that matters most.
                failed = error if isinstance(error, EngineDown) or failed is None else failed
        if failed:
            raise failed

    def close(self) -> None:
        """Close the connections."""
        self._host.close()

    # -- submitting ------------------------------------------------------------------------------

    def _submitted(self, calls: Sequence[HostedCall], *, again: bool) -> list[Ticket]:
        """Send the requests in order; ``again``: an earlier submission may have left some at the host."""
        tickets: list[Ticket] = []
        until_s = time.monotonic() + self._manner.submit_s
        try:
            for call in calls:
                found = self._host.find(call) if again else None
                tickets.append(found or self._sent(call, until_s if tickets else None))
        except EngineError as error:
            failure = self._given_up(tickets, error)
            raise failure from failure.__cause__
        return tickets

    def _sent(self, call: HostedCall, until_s: float | None) -> Ticket:
        """Send one request; ``until_s``: until when to wait for one that turns it away, because others are sent."""
        while True:
            try:
                return self._host.submit(call)
            except (EngineBusy, EngineDown) as error:
                pause_s = pause_of(error)
                if until_s is None or time.monotonic() + pause_s > until_s:
                    raise
                time.sleep(pause_s)
            except SubmissionLost:
                found = None
                with contextlib.suppress(EngineError):
                    found = self._host.find(call)
                if found is None:
                    raise
                return found

    def _given_up(self, tickets: Sequence[Ticket], error: EngineError) -> EngineError:
        """Stop what was started before a later request was refused, and return what that amounts to."""
        stopped = not tickets or self._host.capabilities().cancel
        for ticket in tickets:
            try:
                self._host.cancel(ticket)
            except EngineError:
                stopped = False
        error.partly = not stopped
        if stopped or isinstance(error, Rejected | JobLost):
            return error
        return lost_in_part(error, "started")
