"""A client's budgets: so many drawings a day and a month, by the calendar in UTC."""

from __future__ import annotations

import calendar
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from limner.client import Budgets
from limner.errors import BudgetSpent, WaitingFull
from limner.followup import FollowUp
from limner.job import Picture
from limner.store.jobs import Idempotency
from limner.store.lanes import Result
from tests.builders import MESSAGES, WORKER, a_request, a_worker

PICTURE = Picture("http://limner/a.png", 8, 8)


def ask(store, per_day=None, per_month=None, client="ann", **more):
    return store.jobs.accept(
        uuid.uuid4().hex,
        client,
        a_request(),
        (1, 2, 3, 4),
        MESSAGES,
        waiting_cap=1000,
        budgets=Budgets(per_day, per_month),
        **more,
    )


def refusal(store, *budgets, **more) -> BudgetSpent:
    with pytest.raises(BudgetSpent) as refused:
        ask(store, *budgets, **more)
    return refused.value


def set_to(clock, moment: datetime) -> None:
    clock.now_ms = round(moment.timestamp() * 1000)


def test_a_spent_day_ends_at_midnight(store, clock):
    set_to(clock, datetime(2026, 11, 26, 21, 30, tzinfo=UTC))
    ask(store, 2)
    ask(store, 2)

    refused = refusal(store, 2)
    assert refused.retry_after_s == 2.5 * 3600
    assert "budget of 2 drawings a day is spent" in refused.message
    assert "2026-11-27T00:00:00Z" in refused.message
    assert store.jobs.waiting_count("ann") == 2

    clock.pass_s(2.5 * 3600 - 1)
    refusal(store, 2)
    clock.pass_s(1)
    ask(store, 2)
    assert store.jobs.budgets_used("ann") == Budgets(1, 3)


def test_a_spent_month_ends_with_the_month_whatever_the_day_allows(store, clock):
    set_to(clock, datetime(2028, 2, 28, 12, tzinfo=UTC))
    ask(store, 5, 1)
    clock.pass_s(86_400)
    refused = refusal(store, 5, 1)
    assert refused.retry_after_s == 12 * 3600
    assert "1 drawing a month" in refused.message
    assert "2028-03-01T00:00:00Z" in refused.message
    clock.pass_s(12 * 3600)
    ask(store, 5, 1)


@pytest.mark.parametrize("year", [1999, 2000, 2023, 2024, 2026, 2100])
def test_every_day_belongs_to_its_month(store, clock, year):
    day = datetime(year, 1, 1, 23, 59, 59, tzinfo=UTC)
    while day.year == year:
        set_to(clock, day)
        store.redis.delete("limner:budget:ann")
        ask(store, None, 1)
        last = calendar.monthrange(day.year, day.month)[1]
        assert refusal(store, None, 1).retry_after_s == (last - day.day) * 86_400 + 1
        day += timedelta(days=1)


def test_a_budget_is_a_clients_own_and_is_counted_only_where_there_is_one(store):
    ask(store)
    assert store.jobs.budgets_used("ann") == Budgets(0, 0)
    ask(store, 1)
    refusal(store, 1)
    ask(store, 1, client="bob")
    assert store.jobs.budgets_used("ann") == Budgets(1, 1)


def test_a_larger_budget_counts_at_once(store):
    ask(store, 1)
    refusal(store, 1)
    ask(store, 2)
    refusal(store, 2)
    ask(store, None, 3)


def test_a_repeated_request_costs_nothing_and_is_answered_with_a_spent_budget(store):
    key = Idempotency("order-7", "hash")
    first = ask(store, 1, idempotency=key)
    again = ask(store, 1, idempotency=key)
    assert (again.again, again.job.id) == (True, first.job.id)
    assert store.jobs.budgets_used("ann").per_day == 1


def test_what_is_refused_for_another_reason_costs_nothing(store):
    with pytest.raises(WaitingFull):
        store.jobs.accept(
            uuid.uuid4().hex,
            "ann",
            a_request(),
            (1,),
            MESSAGES,
            waiting_cap=0,
            budgets=Budgets(5),
        )
    assert store.jobs.budgets_used("ann") == Budgets(0, 0)


def test_a_picked_cell_is_no_drawing(store):
    a_worker(store)
    parent = ask(store, 1).job
    store.lanes.take(parent.id, "token", WORKER, MESSAGES)
    store.lanes.done(parent.id, "token", Result(PICTURE, [PICTURE] * 4))
    ask(store, 1, follow_up=FollowUp(parent.id, "u1"), picked=PICTURE)
    refusal(store, 1, follow_up=FollowUp(parent.id, "v1"))


def test_a_clock_that_was_wrong_leaves_no_budget_spent(store, clock):
    now_ms = clock.now_ms
    clock.pass_s(400 * 86_400)
    ask(store, 1, 1)
    clock.now_ms = now_ms
    ask(store, 1, 1)
    refusal(store, 1, 1)
