"""When a failed event is tried again: its pauses, what cuts one short, and what the receiver asks for."""

from __future__ import annotations

import random

import pytest

from limner.callback.policy import BUDGETS, Kind, Outcome, RetryIn, classify
from tests.callback_doubles import a_job, a_poster, done, emit, take, take_one


def test_a_failed_event_waits_for_its_time_and_what_is_behind_it_waits_too(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    emit(store, "j", "P")
    done(store, take_one(store), "retry", delay_s=5)

    store.outbox.tick(a_poster())
    assert take(store) == []
    clock.pass_s(5)
    store.outbox.tick(a_poster())
    taken = take_one(store)
    assert (taken.event.seq, taken.tried) == (1, 1)


def test_a_transition_makes_a_waiting_queue_try_again_at_once_and_progress_does_not(store):
    a_job(store, "j")
    emit(store, "j", "T")
    done(store, take_one(store), "retry", delay_s=300)

    emit(store, "j", "P")
    assert take(store) == []
    emit(store, "j", "X")
    assert take_one(store).event.seq == 1


def test_a_chatty_job_cuts_the_rest_of_a_failing_head_short_only_once(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    start, times = clock.now_ms, []
    for second in range(400):
        if second < 4:
            emit(store, "j", "T")
        store.outbox.tick(a_poster())
        for taken in take(store):
            if taken.event.seq > 1:
                continue
            times.append((clock.now_ms - start) / 1000)
            verdict = classify(taken.event, Outcome(status=500), taken.tried, lambda: 0.5, 0)
            if isinstance(verdict, RetryIn):
                done(store, taken, "retry", delay_s=verdict.delay_s, health="none")
            else:
                done(store, taken, "dead", why=verdict.why, health="none")
        clock.pass_s(1)

    # The transition of the next second is the kick; the pauses after it are whole.
    assert times == [0, 1, 31, 331]


def test_the_next_head_may_be_kicked_again(store):
    a_job(store, "j")
    emit(store, "j", "T")
    emit(store, "j", "T")
    for seq in (1, 2):
        done(store, take_one(store), "retry", delay_s=300, health="none")
        emit(store, "j", "T")
        taken = take_one(store)
        assert (taken.event.seq, taken.tried) == (seq, 1)
        taken = done(store, taken, "dead", why="exhausted", health="none", go_on=True).taken
        assert (taken.event.seq, taken.tried) == (seq + 1, 0)
        done(store, taken, "later")
        store.outbox.tick(a_poster())


def test_hints_from_before_a_try_do_not_spend_the_next_one(store, clock):
    a_job(store, "j")
    for _ in range(3):
        emit(store, "j", "T")
    done(store, take_one(store), "retry", delay_s=5, health="none")

    assert take(store) == []
    assert store.outbox.told("j").due_ms == clock.now_ms + 5000


@pytest.mark.parametrize("kind", ["T", "X"])
def test_nothing_is_posted_while_the_receiver_wants_quiet(store, clock, kind):
    a_job(store, "j")
    emit(store, "j", "T")
    done(store, take_one(store), "retry", delay_s=300, quiet_s=60, health="none")

    clock.pass_s(59)
    emit(store, "j", "T")
    store.outbox.tick(a_poster())
    assert take(store) == []
    # After that, news may cut the rest of the pause short.
    clock.pass_s(1)
    emit(store, "j", kind)
    assert take_one(store).event.seq == 1


def test_what_replaces_progress_waits_too_while_the_receiver_wants_quiet(store, clock):
    a_job(store, "j")
    emit(store, "j", "P", progress=10)
    flying = take_one(store)
    emit(store, "j", "X")
    done(store, flying, "retry", delay_s=60, quiet_s=60, health="none", go_on=True)

    assert take(store) == []
    clock.pass_s(60)
    store.outbox.tick(a_poster())
    taken = take_one(store)
    assert (taken.event.seq, taken.tried) == (2, 0)


def test_what_is_resent_waits_too_while_the_receiver_wants_quiet(store, clock):
    a_job(store, "j")
    emit(store, "j", "X")
    done(store, take_one(store), "dead", why="exhausted", health="none")
    store.outbox.resend("j")
    done(store, take_one(store), "retry", delay_s=60, quiet_s=60, health="none")
    store.redis.delete("limner:resend:j")

    assert store.outbox.resend("j") == 1
    assert take(store) == []
    clock.pass_s(60)
    store.outbox.tick(a_poster())
    assert take_one(store).event.resent


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("kind", list(Kind))
def test_the_whole_budget_is_tried_at_its_times_and_then_given_up(store, clock, kind, chance):
    a_job(store, "j")
    emit(store, "j", kind.value)
    start, times = clock.now_ms, []
    while store.outbox.told("j").pending:
        found = store.outbox.tick(a_poster())
        for taken in take(store):
            times.append((clock.now_ms - start) / 1000)
            # 500 says nothing of the receiver as such, so no breaker opens.
            outcome = Outcome(status=500)
            verdict = classify(taken.event, outcome, taken.tried, lambda: chance, 0)
            clock.pass_s(20)
            if isinstance(verdict, RetryIn):
                done(store, taken, "retry", delay_s=verdict.delay_s, health="none")
            else:
                word = "drop" if kind is Kind.PROGRESS else "dead"
                done(store, taken, word, why=verdict.why, health="none")
        else:
            clock.pass_s(found.next_due_s or 0)

    # Each attempt takes as long as one may.
    pauses = BUDGETS[kind]
    expected = [sum(pauses[: n + 1]) * (0.8 + 0.4 * chance) + 20 * n for n in range(len(pauses))]
    assert times == pytest.approx(expected, abs=0.2)
    whys = [letter.why for letter in store.outbox.dead()]
    assert whys == ([] if kind is Kind.PROGRESS else ["exhausted"])


def test_jitter_stays_within_a_fifth(store):
    a_job(store, "j")
    emit(store, "j", "X")
    event = take_one(store).event
    chance = random.Random(7)
    delays = [classify(event, Outcome(status=500), 1, chance.random, 0).delay_s for _ in range(500)]

    assert 24 <= min(delays) < 25
    assert 35 < max(delays) <= 36
