"""Turns at the image store: one process has it, what was done rests, and no clock stops it for good."""

from __future__ import annotations

import pytest

from limner.store.prune_turns import TURN_MS, Due, PruneTurns

ALL, NONE = Due(sweep=True, fit=True), Due(sweep=False, fit=False)


@pytest.fixture
def turns(store):
    """Two processes."""
    return [PruneTurns(store.prune_turns._scripts) for _ in range(2)]


def test_one_has_it_until_it_leaves_or_nothing_is_heard_of_it(turns, clock):
    one, other = turns
    assert one.take(3600, 60) == ALL
    assert other.take(3600, 60) == NONE
    clock.pass_s(TURN_MS / 1000 - 1)
    assert one.keep()
    clock.pass_s(2)
    assert other.take(3600, 60) == NONE
    clock.pass_s(TURN_MS / 1000)

    assert other.take(3600, 60) == ALL
    assert not one.keep()
    # Nor does it end what is another's by now.
    one.leave(0, 0)
    assert one.take(3600, 60) == NONE
    assert other.keep()


def test_a_turn_that_was_late_goes_on_if_nobody_has_taken_it(turns, clock):
    turns[0].take(3600, 60)
    clock.pass_s(TURN_MS / 1000 + 1)

    assert turns[0].keep()
    assert turns[1].take(3600, 60) == NONE


def test_what_was_done_is_due_as_often_as_who_asks_has_it_and_not_before_it_has_rested(
    turns, clock
):
    one, other = turns
    one.take(3600, 3600)
    one.leave(0, 500)
    clock.pass_s(61)
    assert other.take(3600, 60) == NONE
    clock.pass_s(440)
    # Whose settings have a bound by now.
    assert other.take(3600, 60) == Due(sweep=False, fit=True)
    other.leave(None, None)

    assert one.take(3600, 3600) == NONE
    assert one.take(3600, 60) == Due(sweep=False, fit=True)


def test_a_clock_that_is_put_back_stops_nothing(turns, clock):
    one, other = turns
    one.take(3600, 60)
    clock.pass_s(-86_400)
    assert other.take(3600, 60) == ALL
    other.leave(0, 0)
    clock.pass_s(-86_400)

    assert one.take(3600, 60) == ALL
