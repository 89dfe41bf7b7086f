"""Clients' default URLs that fail and recover in any order, against a model that reckons beside the outbox.

Attempts are in flight while days pass, while the clock is set, and while operators enable a URL, remove its
client or make it again.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from limner.store import Store
from limner.store.outbox import Claim, Endpoint, Fenced
from tests.callback_doubles import a_job, done, emit, take_one
from tests.conftest import MovingClock
from tests.contract.machines import Turns, by_weight, needs, run_machine
from tests.contract.outbox_model import HOUR_MS
from tests.contract.outbox_view import everything

CLIENTS = ("ann", "bob")
CLIENT = st.sampled_from(CLIENTS)
#: what an attempt says, and whether it counts for the default URL
VERDICT = st.sampled_from(["ok", "retry", "dead", "dead", "gone", "later"])
#: what may happen → out of how many it happens, and what it needs to know
TURNS: Turns = {
    "begins": (6, {"client": CLIENT}),
    "ends": (
        8,
        {
            "attempt": st.integers(0, 5),
            "verdict": VERDICT,
            "why": st.sampled_from(["exhausted", "exhausted", "disabled"]),
            "elsewhere": st.sampled_from([False, False, True]),
            "lost": st.sampled_from([False, False, True]),
        },
    ),
    "fails": (12, {"client": CLIENT, "times": st.sampled_from([1, 2, 7, 18])}),
    "hours_pass": (8, {"hours": st.sampled_from([1, 23, 24, 48, 71, 119, 119])}),
    "clock_is_set_back": (1, {}),
    "is_enabled": (2, {"client": CLIENT}),
    "is_removed": (1, {"client": CLIENT}),
    "is_made_again": (3, {"client": CLIENT}),
}


#: of one client; there is a place for one more
FLYING_MOST = 3


@dataclass
class EndpointModel:
    """What is known of one client's default URL."""

    since: int | None = None
    fails: int = 0
    warned: set[int] = field(default_factory=set)
    disabled: int | None = None

    def fail(self, now: int) -> list[str]:
        """One more attempt failed; returns what the operator is told."""
        self.since = now if self.since is None else min(self.since, now)
        self.fails += 1
        failing_ms = now - self.since
        if failing_ms >= 120 * HOUR_MS:
            if self.fails < 20 or self.disabled is not None:
                return []
            self.disabled = now
            return ["disabled"]
        new = {hours for hours in (24, 72) if failing_ms >= hours * HOUR_MS} - self.warned
        self.warned |= new
        return [f"failing{hours}" for hours in sorted(new)]


class EndpointMachine(RuleBasedStateMachine):
    """Two clients, whose every callback goes to a receiver of its own."""

    store: Store
    clock: MovingClock

    @initialize()
    def start(self) -> None:
        self.store.redis.flushall()
        self.numbers = itertools.count(1)
        self.flying: list[Claim] = []
        self.known: dict[str, EndpointModel] = {}
        for client in CLIENTS:
            self.is_made_again(client)

    # One rule: of several, hypothesis would switch some off in each run, and no URL would fail for five days.
    @rule(data=st.data(), turn=by_weight(TURNS))
    def something_happens(self, data: st.DataObject, turn: str) -> None:
        getattr(self, turn)(**needs(data, TURNS, turn))

    def begins(self, client: str) -> None:
        if sum(taken.record["client"] == client for taken in self.flying) < FLYING_MOST:
            self.begin(client)

    def begin(self, client: str) -> None:
        number = next(self.numbers)
        emit(self.store, a_job(self.store, f"j{number}", f"http://r{number}/", client), "X")
        self.flying.append(take_one(self.store))

    def ends(self, attempt: int, verdict, why: str, elsewhere: bool, lost: bool) -> None:
        if self.flying:
            self.end(attempt % len(self.flying), verdict, why, elsewhere, lost)

    def end(self, attempt: int, verdict, why="exhausted", elsewhere=False, lost=False) -> None:
        taken = self.flying.pop(attempt)
        client = taken.record["client"]
        report = {"why": why, "health": "none", "default_of": "" if elsewhere else client}
        result = done(self.store, taken, verdict, **report)
        expected: list[str] = []
        # What was not tried there says nothing of it, nor does what was tried for a client that is gone.
        if client in self.known and not elsewhere and verdict != "later" and why != "disabled":
            if verdict == "ok":
                self.known[client] = EndpointModel()
            else:
                expected = self.known[client].fail(self.clock.now_ms)
        assert list(result.notes) == expected
        if lost:
            # The caller saw an error and says it again: that counts once.
            before = everything(self.store)
            assert isinstance(done(self.store, taken, verdict, **report), Fenced)
            assert everything(self.store) == before

    def fails(self, client: str, times: int) -> None:
        for _ in range(times):
            self.begin(client)
            self.end(-1, "dead")

    def hours_pass(self, hours: int) -> None:
        self.clock.pass_s(hours * 3600)

    def clock_is_set_back(self) -> None:
        self.clock.pass_s(-30 * 3600)

    def is_enabled(self, client: str) -> None:
        if client in self.known:
            self.known[client] = EndpointModel()
        self.store.outbox.enable(client)
        before = everything(self.store)
        self.store.outbox.enable(client)
        assert everything(self.store) == before

    def is_removed(self, client: str) -> None:
        if client in self.known:
            self.store.clients.remove(client)
            del self.known[client]

    def is_made_again(self, client: str) -> None:
        if client not in self.known:
            self.store.clients.add(client)
            self.known[client] = EndpointModel()

    @invariant()
    def each_url_is_known_as_it_did(self) -> None:
        for client in CLIENTS if hasattr(self, "known") else ():
            model = self.known.get(client, EndpointModel())
            expected = Endpoint(model.since, model.fails, model.disabled)
            assert self.store.outbox.endpoint(client) == expected
            # Of a client that is gone, and of a URL that works, nothing is kept.
            if model.since is None:
                assert not self.store.redis.exists(f"limner:endpoint:{client}")


@pytest.mark.timeout(900)  # a model's thousands of steps, on a busy machine, too
def test_a_default_url_is_switched_off_after_five_days_whatever_happens_meanwhile(store, clock):
    run_machine(EndpointMachine, store, clock, most=60, steps=40)
