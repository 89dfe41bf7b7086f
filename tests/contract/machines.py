"""How a state machine of the store is run: one rule, whose turns come as often as they are given weight.

One rule: of several, hypothesis would switch some off in each example, and a model needs most of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from limner.store import Store
from tests.conftest import MovingClock, examples

#: what may happen → out of how many it happens, and what it needs to know
Turns = Mapping[str, tuple[int, Mapping[str, st.SearchStrategy[Any]]]]


def by_weight(turns: Turns) -> st.SearchStrategy[str]:
    """Return what draws the name of a turn."""
    return st.sampled_from([turn for turn, (often, _) in turns.items() for _ in range(often)])


def needs(data: st.DataObject, turns: Turns, turn: str) -> dict[str, Any]:
    """Draw what a turn needs to know."""
    return {name: data.draw(needed, name) for name, needed in turns[turn][1].items()}


def run_machine(
    machine: type[RuleBasedStateMachine], store: Store, clock: MovingClock, most: int, steps: int
) -> None:
    """Run a machine on a store, with so many examples of so many steps at most."""
    run_state_machine_as_test(
        type(machine.__name__, (machine,), {"store": store, "clock": clock}),
        settings=settings(
            max_examples=examples(most),
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
