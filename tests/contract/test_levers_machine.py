"""The lanes under every interleaving, while operators pause, drain, resume and re-slot them at random.

Nothing starts that is halted, no engine has more drawings than the slots in force at the grant, and once all is
resumed every job ends as it would have.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from limner.request import Lane
from limner.settings import EngineSettings
from limner.store import Policy, Store
from tests.builders import MESSAGES
from tests.conftest import examples
from tests.contract.lanes_hands import SETTINGS
from tests.contract.lanes_model import CLIENTS, Halted, check
from tests.contract.test_lanes_machine import ABSENT_S, LANE, TURNS, LanesMachine

WHO = "cli:olga"
SUBJECTS = [
    *(("lane", lane.value) for lane in Lane),
    *(("engine", name) for name in SETTINGS),
    *(("client", name) for name in CLIENTS),
]


#: what an operator does, as ``TURNS`` says it
STEERED: dict[str, tuple[int, dict[str, Any]]] = {
    "is_halted": (
        6,
        {"subject": st.sampled_from(SUBJECTS), "how": st.sampled_from(["paused", "draining"])},
    ),
    "is_resumed": (9, {"subject": st.sampled_from(SUBJECTS)}),
    "is_given_slots": (
        6,
        {
            "engine": st.sampled_from(list(SETTINGS)),
            "lane": LANE,
            "slots": st.sampled_from([None, 0, 1, 2, 3]),
        },
    ),
}
EVERY = TURNS | STEERED


class SteeredMachine(LanesMachine):
    """The same, with an operator."""

    turns: ClassVar = [turn for turn, (often, _) in EVERY.items() for _ in range(often)]

    @initialize(lanes=st.lists(LANE, min_size=3, max_size=4))
    def start(self, lanes: list[Lane]) -> None:
        super().start(lanes)
        for client in CLIENTS:
            self.store.clients.add(client)
        self.slots: dict[str, dict[Lane, int]] = {name: {} for name in SETTINGS}

    @rule(data=st.data(), turn=st.sampled_from(turns))
    def something_happens(self, data: st.DataObject, turn: str) -> None:
        if turn not in STEERED:
            LanesMachine.something_happens(self, data, turn)
            return
        getattr(self, turn)(**{k: data.draw(v, k) for k, v in STEERED[turn][1].items()})

    def is_halted(self, subject: tuple[str, str], how: str) -> None:
        if subject[0] != "engine" or subject[1] in self.known():
            self.store.levers.halt(WHO, *subject, how if subject[0] == "engine" else "paused")

    def is_resumed(self, subject: tuple[str, str]) -> None:
        if subject[0] != "engine" or subject[1] in self.known():
            self.store.levers.resume(WHO, *subject)

    def is_given_slots(self, engine: str, lane: Lane, slots: int | None) -> None:
        if engine in self.known():
            self.store.levers.override(WHO, engine, {f"{lane.value}_slots": slots})
            self.slots[engine][lane] = slots

    def known(self) -> set[str]:
        return self.store.redis.smembers("limner:engines")

    def halted(self) -> Halted:
        found = self.store.levers.halted()
        return Halted(frozenset(found.lanes), frozenset(found.engines), frozenset(found.clients))

    def in_force(self, engine: EngineSettings) -> EngineSettings:
        for lane, slots in self.slots[engine.name].items():
            if slots is not None:
                limits = replace(getattr(engine, lane.value), slots=slots)
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
        for name in self.slots:
            if name in self.known():
                self.store.levers.override(WHO, name, {"fast_slots": None, "relaxed_slots": None})
        self.store.redis.delete("limner:levers")
        self.slots = {name: {} for name in SETTINGS}
        super().teardown()


@pytest.mark.timeout(900)  # a model's thousands of steps, on a busy machine, too
def test_whatever_operators_halt_and_set_no_job_is_lost_failed_or_drawn_beyond_it(redis_url, clock):
    class Machine(SteeredMachine):
        pass

    store = Store(redis_url, policy=Policy(engine_absent_s=ABSENT_S), clock=clock)
    Machine.store, Machine.clock = store, clock
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples(120),
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    store.close()
