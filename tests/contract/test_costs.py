"""What drawings cost: by their hosts' word or their engines' prices, summed by client and engine, bounded by budgets."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from limner.client import Budgets, Spending
from limner.errors import BudgetSpent
from limner.job import Picture
from limner.reasons import Reason
from limner.request import Lane
from limner.store.jobs.spending import by_client, by_engine
from limner.store.lanes import Result, Trouble
from tests.builders import MESSAGES, WORKER, a_request, a_worker, an_engine, replace
from tests.conftest import a_while_later

PICTURE = Picture("http://limner/a.png", 8, 8)
CENT = 10_000


def priced(name: str, price: int | None, **more):
    return replace(an_engine(name, **more), price=price)


def ask(store, per_day=None, per_month=None, client="ann", **request) -> str:
    return store.jobs.accept(
        uuid.uuid4().hex,
        client,
        a_request(**request),
        (1, 2, 3, 4),
        MESSAGES,
        waiting_cap=1000,
        budgets=Budgets(cost_per_day=per_day, cost_per_month=per_month),
    ).job.id


def handed_over(store, job: str, *, attach: bool = False, paid: str = "") -> str:
    assert store.lanes.take(job, "token", WORKER, MESSAGES).state == "granted"
    store.lanes.begin(job, "token")
    store.lanes.keep_handle(job, "token", {"id": job}, attach=attach, paid=paid)
    return job


def drawn(store, job: str, cost: int | None = None) -> str:
    handed_over(store, job)
    store.lanes.done(job, "token", Result(PICTURE, [PICTURE] * 4, cost=cost))
    return job


def paid(store, client="ann") -> dict[str, int]:
    return by_client(store.numbers.read().counts).get(client, {})


def today(store, client="ann") -> int:
    return store.jobs.spending(client).today


def test_a_drawing_costs_what_its_host_says_or_else_its_engines_price(store):
    a_worker(store, priced("flux", 4 * CENT))
    said, unsaid, free = (
        drawn(store, ask(store), cost=7 * CENT),
        drawn(store, ask(store)),
        drawn(store, ask(store), cost=0),
    )
    assert [store.jobs.get(job).cost for job in (said, unsaid, free)] == [7 * CENT, 4 * CENT, 0]
    assert paid(store) == {"flux": 11 * CENT}
    assert store.jobs.spending("ann") == Spending(11 * CENT, 11 * CENT)


def test_what_costs_nothing_that_is_known_is_not_counted(store):
    a_worker(store)
    job = drawn(store, ask(store))
    assert store.jobs.get(job).cost is None
    assert paid(store) == {}
    assert not store.redis.exists("limner:budget:ann")


def test_costs_are_summed_by_client_and_by_engine(store):
    a_worker(store, priced("flux", 4 * CENT), priced("gpt", 9 * CENT))
    for client, engine in (("ann", "flux"), ("ann", "gpt"), ("bob", "gpt"), ("bob", "gpt")):
        drawn(store, ask(store, client=client, engine=engine))
    assert paid(store, "ann") == {"flux": 4 * CENT, "gpt": 9 * CENT}
    assert paid(store, "bob") == {"gpt": 18 * CENT}
    assert by_engine(store.numbers.read().counts) == {"flux": 4 * CENT, "gpt": 27 * CENT}


def test_a_budget_of_money_is_refused_before_it_could_be_passed(store, clock):
    clock.now_ms = round(datetime(2026, 11, 26, 21, 30, tzinfo=UTC).timestamp() * 1000)
    a_worker(store, priced("flux", 4 * CENT))
    # Two are reserved at their price: a third one could pass the ten cents.
    first, _ = ask(store, 10 * CENT), ask(store, 10 * CENT)
    assert today(store) == 8 * CENT
    with pytest.raises(BudgetSpent) as refused:
        ask(store, 10 * CENT)
    assert "budget of 0.10 a day is spent" in refused.value.message
    assert refused.value.retry_after_s == 2.5 * 3600
    assert store.jobs.waiting_count("ann") == 2
    # The truth is less than was reserved, and leaves room again.
    drawn(store, first, cost=2 * CENT)
    assert today(store) == 6 * CENT
    ask(store, 10 * CENT)


def test_the_dearest_engine_that_may_draw_it_is_reserved_until_one_is_chosen(store):
    a_worker(
        store,
        priced("cheap", CENT),
        priced("dear", 9 * CENT),
        priced("others", 50 * CENT, clients=("bob",)),
        priced("slow", 80 * CENT, fast=0),
    )
    job = ask(store, 1000 * CENT, engine="cheap")
    assert today(store) == CENT
    store.lanes.cancel(job)
    job = ask(store, 1000 * CENT)
    assert today(store) == 9 * CENT
    engine = store.lanes.take(job, "token", WORKER, MESSAGES).engine
    assert today(store) == {"cheap": 1, "dear": 9}[engine] * CENT


def test_a_host_may_take_more_than_the_price_and_the_next_one_is_refused(store):
    a_worker(store, priced("flux", CENT))
    drawn(store, ask(store, 10 * CENT), cost=12 * CENT)
    assert today(store) == 12 * CENT
    with pytest.raises(BudgetSpent):
        ask(store, 10 * CENT)
    ask(store, 20 * CENT)


def test_without_a_price_a_budget_is_spent_by_what_hosts_say(store):
    a_worker(store)
    drawn(store, ask(store, 10 * CENT), cost=10 * CENT)
    with pytest.raises(BudgetSpent):
        ask(store, 10 * CENT)


def test_a_month_of_money_ends_with_the_month(store, clock):
    clock.now_ms = round(datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp() * 1000)
    a_worker(store, priced("flux", 6 * CENT))
    drawn(store, ask(store, None, 10 * CENT))
    clock.pass_s(86_400)
    store.lanes.renew(WORKER, Lane.FAST, ["flux"], {})
    assert store.jobs.spending("ann") == Spending(0, 6 * CENT)
    with pytest.raises(BudgetSpent, match="a month is spent"):
        ask(store, None, 10 * CENT)
    clock.pass_s(43_200)
    ask(store, None, 10 * CENT)


def test_what_ends_before_it_was_drawn_costs_nothing(store):
    a_worker(store, priced("flux", 4 * CENT))
    waits, granted = ask(store, 100 * CENT), ask(store, 100 * CENT)
    assert store.lanes.take(granted, "token", WORKER, MESSAGES).state == "granted"
    for job in (waits, granted):
        store.lanes.cancel(job)
    assert today(store) == 0
    assert paid(store) == {}


def test_a_drawing_that_is_given_up_costs_its_price_and_one_that_failed_what_its_host_says(store):
    a_worker(store, priced("flux", 4 * CENT, fast=5))
    cancelled, told, unknown = (handed_over(store, ask(store, 100 * CENT)) for _ in range(3))
    store.lanes.cancel(cancelled)
    store.lanes.failed(told, "token", "No.", Reason.MODERATED, answered=True, cost=0)
    store.lanes.failed(unknown, "token", "Late.", Reason.TIMED_OUT)
    costs = [store.jobs.get(job).cost for job in (cancelled, told, unknown)]
    assert costs == [4 * CENT, 0, 4 * CENT]
    assert today(store) == 8 * CENT


def test_a_drawing_that_is_drawn_again_costs_twice_and_one_that_goes_on_once(store):
    a_worker(store, priced("flux", 4 * CENT))
    job = handed_over(store, ask(store, 100 * CENT))
    store.lanes.give_back(job, "token", Trouble(), MESSAGES)
    # What was lost is spent, and what is to come is reserved.
    assert today(store) == 8 * CENT
    drawn(store, job)
    assert store.jobs.get(job).cost == today(store) == 8 * CENT

    goes_on = handed_over(store, ask(store, 100 * CENT), attach=True)
    store.lanes.give_back(goes_on, "token", Trouble(), MESSAGES, keep=True)
    drawn(store, goes_on)
    assert store.jobs.get(goes_on).cost == 4 * CENT


def test_a_drawing_that_another_engine_takes_over_costs_at_both(store):
    a_worker(store, priced("flux", 4 * CENT))
    job = handed_over(store, ask(store, 100 * CENT), attach=True)
    store.lanes.give_back(job, "token", Trouble(), MESSAGES, keep=True)
    a_worker(store, priced("gpt", 9 * CENT), worker="lacks-it")

    assert store.lanes.take(job, "t2", "lacks-it", MESSAGES).engine == "gpt"

    # Nobody will hear of the first one's end.
    assert store.jobs.get(job).cost == 4 * CENT
    assert paid(store) == {"flux": 4 * CENT}
    assert today(store) == 13 * CENT


def test_what_is_cancelled_while_it_is_handed_over_counts_and_nothing_is_asked_of_its_host(store):
    a_worker(store, priced("flux", 4 * CENT))
    job = ask(store, 100 * CENT)
    assert store.lanes.take(job, "token", WORKER, MESSAGES).state == "granted"
    store.lanes.keep_handle(job, "token", {}, attach=False, paid="retry")
    assert store.lanes.cancel(job)
    assert store.jobs.get(job).cost == today(store) == 4 * CENT
    assert store.engines.cancelled_on("flux") is None


def test_a_drawing_that_was_paid_for_and_lost_with_its_worker_is_counted(store, clock):
    a_worker(store, priced("flux", 4 * CENT))
    job = handed_over(store, ask(store, 100 * CENT), paid="fail")
    store.lanes.sweep(MESSAGES)
    for _ in range(5):
        clock.pass_s(7)
        store.lanes.sweep(MESSAGES)
    assert store.jobs.get(job).reason_code == Reason.DRAWING_LOST
    assert store.jobs.get(job).cost == today(store) == 4 * CENT


def three_workers_die(store, clock, job: str) -> None:
    """One after another falls silent while it draws the job."""
    for worker in range(3):
        if worker:
            a_worker(store, priced("flux", 4 * CENT))
            handed_over(store, job, attach=store.jobs.get(job).handle is not None)
        a_while_later(store, clock, 16, MESSAGES)


def waits_too_long(store, clock, job: str) -> None:
    clock.pass_s(86_401)
    store.lanes.take(job, "t2", WORKER, MESSAGES)


def has_no_engine(store, clock, job: str) -> None:
    store.engines.register([priced("flux", 4 * CENT, clients=("bob",))])
    store.lanes.take(job, "t2", WORKER, MESSAGES)


def passes_its_deadline(store, clock, job: str) -> None:
    store.redis.zadd("limner:deadlines", {job: clock()})
    store.lanes.pass_deadlines()


#: what ends a job, and its reason; whether it waits by then for another worker, which could go on with its drawing;
#: how many drawings there were
ENDS = [
    (three_workers_die, Reason.WORKER_LOST, False, False, 3),
    (three_workers_die, Reason.WORKER_LOST, False, True, 1),
    (waits_too_long, Reason.WAITED_TOO_LONG, True, True, 1),
    (has_no_engine, Reason.NO_ENGINE, True, True, 1),
    (passes_its_deadline, Reason.DEADLINE_PASSED, True, True, 1),
    (passes_its_deadline, Reason.DEADLINE_PASSED, False, False, 1),
]


@pytest.mark.parametrize(("end", "reason", "waits", "attach", "drawings"), ENDS)
def test_a_drawing_that_nobody_will_hear_of_costs_its_price_whatever_ends_its_job(
    store, clock, end, reason, waits, attach, drawings
):
    a_worker(store, priced("flux", 4 * CENT))
    job = handed_over(store, ask(store, None, 100 * CENT), attach=attach)
    if waits:
        store.lanes.give_back(job, "token", Trouble(), MESSAGES, keep=True)

    end(store, clock, job)

    ended = store.jobs.get(job)
    assert (ended.reason_code, ended.cost) == (reason, drawings * 4 * CENT)
    # Nothing is reserved any more.
    assert store.jobs.spending("ann").this_month == ended.cost
    assert paid(store) == {"flux": ended.cost}


def test_a_job_that_ends_the_day_after_counts_where_it_was_accepted(store, clock):
    clock.now_ms = round(datetime(2026, 11, 26, 23, 59, tzinfo=UTC).timestamp() * 1000)
    a_worker(store, priced("flux", 4 * CENT))
    job = ask(store, 100 * CENT)
    clock.pass_s(120)
    store.lanes.renew(WORKER, Lane.FAST, ["flux"], {})
    drawn(store, job, cost=CENT)
    assert store.jobs.spending("ann") == Spending(0, CENT)
