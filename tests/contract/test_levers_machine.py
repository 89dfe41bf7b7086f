"""The lanes under every interleaving, while operators pause, drain, resume, override and cap them at random.

Nothing starts that is halted, no engine has more drawings than the slots in force at the grant, no two starts are
closer than the gap in force, no client has more in flight than it may, and once all is resumed every job ends as
it would have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import initialize, invariant, rule

from limner.request import Lane
from limner.settings import EngineSettings
from limner.store import Policy, Store
from limner.store.levers import OVERRIDES
from tests.builders import MESSAGES
from tests.contract.lanes_drawings import check_drawings
from tests.contract.lanes_hands import PRICES, SETTINGS
from tests.contract.lanes_model import CLIENTS, Halted, check
from tests.contract.lanes_view import everything
from tests.contract.machines import Turns, by_weight, needs, run_machine
from tests.contract.test_lanes_machine import ABSENT_S, LANE, TURNS, LanesMachine

WHO = "cli:olga"
SUBJECTS = [
    *(("lane", lane.value) for lane in Lane),
    *(("engine", name) for name in SETTINGS),
    *(("client", name) for name in CLIENTS),
]


#: what an operator does, as ``TURNS`` says it
STEERED: Turns = {
    "is_halted": (
        6,
        {"subject": st.sampled_from(SUBJECTS), "how": st.sampled_from(["paused", "draining"])},
    ),
    "is_resumed": (9, {"subject": st.sampled_from(SUBJECTS)}),
    "is_overridden": (
        9,
        {
            "engine": st.sampled_from(list(SETTINGS)),
            "lane": LANE,
            "what": st.sampled_from(
                [
                    *(("slots", slots) for slots in (None, 0, 1, 2, 3)),
                    *(("gap_ms", gap) for gap in (None, 0, 1500, 6000)),
                    *(("weight", weight) for weight in (None, 0.5, 4)),
                ]
            ),
        },
    ),
    "is_capped": (
        3,
        {"client": st.sampled_from(CLIENTS), "in_flight": st.sampled_from([None, 1, 2])},
    ),
}
EVERY = {**TURNS, **STEERED}


class SteeredMachine(LanesMachine):
    """The same, with an operator."""

    @initialize(lanes=st.lists(LANE, min_size=3, max_size=4))
    def start(self, lanes: list[Lane]) -> None:
        super().start(lanes)
        for client in CLIENTS:
            self.store.clients.add(client)
        self.limits: dict[str, dict[Lane, dict[str, int]]] = {
            name: {lane: {} for lane in Lane} for name in SETTINGS
        }

    @rule(data=st.data(), turn=by_weight(EVERY))
    def something_happens(self, data: st.DataObject, turn: str) -> None:
        if turn not in STEERED:
            LanesMachine.something_happens(self, data, turn)
            return
        getattr(self, turn)(**needs(data, STEERED, turn))

    def is_halted(self, subject: tuple[str, str], how: str) -> None:
        if subject[0] != "engine" or subject[1] in self.known():
            self.said_twice(
                lambda: self.store.levers.halt(
                    WHO, *subject, how if subject[0] == "engine" else "paused"
                )
            )

    def is_resumed(self, subject: tuple[str, str]) -> None:
        if subject[0] != "engine" or subject[1] in self.known():
            self.said_twice(lambda: self.store.levers.resume(WHO, *subject))

    def is_overridden(self, engine: str, lane: Lane, what: tuple[str, float | None]) -> None:
        if engine not in self.known():
            return
        name, value = what
        lever = name if name == "weight" else f"{lane.value}_{name}"
        self.said_twice(lambda: self.store.levers.override(WHO, engine, {lever: value}))
        self.limits[engine][lane][name] = value

    def is_capped(self, client: str, in_flight: int | None) -> None:
        self.store.clients.change(client, in_flight=in_flight)

    def said_twice(self, steer: Callable[[], object]) -> None:
        """Steer, and once more, as when the answer was lost: that changes nothing."""
        steer()
        whole = everything(self.store)
        assert not steer()
        assert everything(self.store) == whole

    def known(self) -> set[str]:
        return self.store.redis.smembers("limner:engines")

    def halted(self) -> Halted:
        found = self.store.levers.halted()
        caps = {client: self.store.clients.get(client).in_flight for client in CLIENTS}
        return Halted(
            frozenset(found.lanes), frozenset(found.engines), frozenset(found.clients), caps
        )

    def in_force(self, engine: EngineSettings) -> EngineSettings:
        for lane, set_ in self.limits[engine.name].items():
            limits = getattr(engine, lane.value)
            if (slots := set_.get("slots")) is not None:
                limits = replace(limits, slots=slots)
            if (gap_ms := set_.get("gap_ms")) is not None:
                limits = replace(limits, gap_s=gap_ms / 1000)
            engine = replace(engine, **{lane.value: limits})
        return engine

    def sweep(self) -> None:
        """Without the base's look for idle engines: they may be idle because an operator wants it."""
        self.store.lanes.sweep(MESSAGES)

    @invariant()
    def every_rule_holds(self) -> None:
        if not hasattr(self, "before"):
            return
        view = self.view()
        now = {name: self.in_force(engine) for name, engine in self.engines.items()}
        halted = self.halted()
        check(view, self.before, self.jobs, now, halted)
        check_drawings(view, self.before, self.jobs, PRICES)
        for asked in self.jobs[:2]:
            job = self.store.jobs.get(asked.id)
            waits = asked.id in view.waiting[asked.lane]
            assert waits == bool(job.position or job.waits_for)
            assert not (job.position and job.waits_for)
            assert not waits or not halted.holds_up(asked) or job.waits_for
            assert job.reason_code != "waited_too_long"
        self.before = view

    def teardown(self) -> None:
        """What was halted is resumed, what was set is cleared; then everything ends."""
        if not hasattr(self, "before"):
            return
        for subject in SUBJECTS:
            if subject[0] != "engine" or subject[1] in self.known():
                self.store.levers.resume(WHO, *subject)
        for name in self.limits:
            if name in self.known():
                self.store.levers.override(WHO, name, dict.fromkeys(OVERRIDES))
        for client in CLIENTS:
            self.store.clients.change(client, in_flight=None)
        self.store.redis.delete("limner:levers")
        self.limits = {name: {lane: {} for lane in Lane} for name in SETTINGS}
        super().teardown()


@pytest.mark.timeout(900)  # a model's thousands of steps, on a busy machine, too
def test_whatever_operators_halt_and_set_no_job_is_lost_failed_or_drawn_beyond_it(redis_url, clock):
    store = Store(redis_url, policy=Policy(engine_absent_s=ABSENT_S), clock=clock)
    run_machine(SteeredMachine, store, clock, most=90, steps=50)
    store.close()
