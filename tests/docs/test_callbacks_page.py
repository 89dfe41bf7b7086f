"""The budgets that docs/callbacks.md publishes are the ones that are kept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from limner.callback.policy import BUDGETS, HOUR_S, JITTER, RESEND_BUDGET, Kind

PAGE = (Path(__file__).parents[2] / "docs/callbacks.md").read_text(encoding="utf-8")
UNITS_S = {"": 0.0, "s": 1.0, "min": 60.0, "h": HOUR_S}


def published(event: str) -> tuple[int, list[float]]:
    """Return how many tries the table gives an event, and the pause before each, s."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {event}")]
    tries, _, pauses = row.split("|")[2].strip().partition(":")
    words = [pause.split() for pause in pauses.partition("(")[0].split(",")]
    return int(tries), [float(n) * UNITS_S[unit[0] if unit else ""] for n, *unit in words]


@pytest.mark.parametrize(("event", "kind"), [("the end", "X"), ("a transition", "T")])
def test_the_published_budget_is_the_one_that_is_tried(event, kind):
    tries, pauses = published(event)

    assert tries == len(pauses)
    assert tuple(pauses) == BUDGETS[Kind(kind)]


def test_progress_has_one_more_try_after_five_seconds_and_resent_events_those_of_a_transition():
    assert "| progress | 1, and 1 more after 5 s" in PAGE
    assert BUDGETS[Kind.PROGRESS] == (0.0, 5.0)
    assert "| resent by command | as a transition |" in PAGE
    assert BUDGETS[Kind.TRANSITION] == RESEND_BUDGET


def test_the_hours_in_all_are_those_of_the_pauses():
    whole = re.search(r"\((\d+) h in all, (\d+) to (\d+) with the ± (\d+) %\)", PAGE)
    hours = sum(BUDGETS[Kind.TERMINAL]) / HOUR_S

    assert whole is not None
    assert [int(n) for n in whole.groups()] == [
        *(round(hours), round(hours * (1 - JITTER)), round(hours * (1 + JITTER))),
        round(100 * JITTER),
    ]
