"""How the outbox behaves: order, leases, replacing, dead letters, resending; against a real server."""

from __future__ import annotations

import random

import pytest

from limner.callback import BUDGETS, CHANGING, Kind, Outcome, RetryIn, classify
from limner.store.outbox import Fenced, Next
from limner.store.scripts import _read
from tests.callback_doubles import a_job, a_poster, done, emit, take, take_one, tell_all


def queue(store, job):
    return [(e.seq, e.kind.value) for e in store.outbox.told(job).pending]


def test_the_python_and_the_lua_list_of_changing_fields_are_one():
    listed = _read("lib_outbox").partition("CHANGING = {")[2].partition("}")[0]

    assert {word.strip(" \n'") for word in listed.split(",") if word.strip()} == CHANGING


def test_events_are_handed_out_one_at_a_time_in_their_order(store):
    a_job(store, "j")
    for kind in "TTX":
        emit(store, "j", kind)

    taken = take_one(store)

    assert take(store) == []
    assert taken.event.seq == 1
    result = done(store, taken, "ok", go_on=True)
    assert isinstance(result, Next)
    assert result.taken.event.seq == 2
    done(store, result.taken, "ok")
    assert take_one(store).event.seq == 3


def test_an_event_shows_the_job_as_it_was_when_it_happened(store):
    a_job(store, "j")
    emit(store, "j", "T", "submitted")
    emit(store, "j", "T", "drawing", 0)
    emit(store, "j", "P", "drawing", 40)

    assert take_one(store).event.fields["status"] == "submitted"
    assert store.redis.hget("limner:job:j", "progress") == "40"


def test_progress_that_nobody_saw_gives_way_to_newer_and_keeps_its_seq(store):
    a_job(store, "j")
    emit(store, "j", "T")
    seqs = [emit(store, "j", "P", progress=p) for p in (10, 20, 30)]

    assert seqs == [2, 2, 2]
    assert queue(store, "j") == [(1, "T"), (2, "P")]
    assert store.outbox.told("j").pending[-1].fields["progress"] == "30"


def test_progress_in_flight_is_not_replaced(store):
    a_job(store, "j")
    emit(store, "j", "P", progress=10)
    flying = take_one(store)
    emit(store, "j", "P", progress=20)

    assert queue(store, "j") == [(1, "P"), (2, "P")]
    done(store, flying)
    assert tell_all(store) == [2]


def test_progress_that_failed_is_replaced_under_a_new_seq(store):
    a_job(store, "j")
    emit(store, "j", "P", progress=10)
    done(store, take_one(store), "retry", delay_s=5)

    assert emit(store, "j", "P", progress=20) == 2
    assert queue(store, "j") == [(2, "P")]


def test_progress_that_failed_is_dropped_if_newer_waits_behind_it(store):
    a_job(store, "j")
    emit(store, "j", "P", progress=10)
    flying = take_one(store)
    emit(store, "j", "P", progress=20)
    done(store, flying, "retry", delay_s=5)

    assert queue(store, "j") == [(2, "P")]
    assert take_one(store).tried == 0


def test_nothing_follows_the_terminal_event(store):
    a_job(store, "j")
    emit(store, "j", "T")
    emit(store, "j", "X")
    emit(store, "j", "P")
    emit(store, "j", "T")

    assert queue(store, "j") == [(1, "T"), (2, "X")]
    assert store.redis.hget("limner:job:j", "seq") == "2"


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


def test_a_poster_that_lost_its_lease_changes_nothing(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    old = take_one(store)
    for _ in range(4):
        clock.pass_s(10)
        store.outbox.tick(a_poster())
    new = take_one(store)

    assert isinstance(done(store, old, "dead"), Fenced)
    assert new.event == old.event
    done(store, new)
    assert queue(store, "j") == []


def test_a_hint_that_was_lost_is_found_again(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    assert store.outbox.wait(1) == "j"

    clock.pass_s(2)
    store.outbox.tick(a_poster())

    assert take_one(store).event.seq == 1


def test_more_jobs_than_hints_are_kept_are_all_found(store, clock):
    for n in range(1100):
        emit(store, a_job(store, f"j{n}", f"http://r{n}/"), "X")
    found = 0
    for _ in range(300):
        clock.pass_s(0.1)
        store.outbox.tick(a_poster())
        found += len(tell_all(store))

    assert found == 1100


def test_a_job_that_returns_to_its_lane_again_and_again_keeps_a_short_queue(store):
    a_job(store, "j")
    for _ in range(20):
        for kind, status in (("T", "submitted"), ("T", "drawing"), ("P", ""), ("T", "waiting")):
            emit(store, "j", kind, status)
            assert len(queue(store, "j")) <= 6
    emit(store, "j", "P")
    emit(store, "j", "X")

    told = store.outbox.told("j")
    assert len(told.pending) <= 6
    assert {letter.why for letter in told.dead} == {"superseded"}
    # Nothing is gone: what is not in the queue is listed, in order.
    seqs = [letter.event.seq for letter in told.dead] + [e.seq for e in told.pending]
    assert seqs == sorted(seqs)
    assert len(seqs) == 61


def test_an_event_given_up_is_a_dead_letter_and_the_next_one_goes_on(store):
    a_job(store, "j")
    emit(store, "j", "T")
    emit(store, "j", "X")
    done(store, take_one(store), "dead", why="rejected")

    assert [(d.event.seq, d.why) for d in store.outbox.dead()] == [(1, "rejected")]
    assert tell_all(store) == [2]


def test_a_gone_receiver_gets_nothing_more_and_all_of_it_is_listed(store):
    a_job(store, "j")
    for kind in "TTP":
        emit(store, "j", kind)
    done(store, take_one(store), "gone", why="gone")

    assert queue(store, "j") == []
    assert [d.event.seq for d in store.outbox.told("j").dead] == [1, 2]


def test_what_happens_after_a_410_is_a_dead_letter_at_once(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    done(store, take_one(store), "gone", why="gone")
    for kind in "TPX":
        emit(store, "j", kind)

    assert take(store) == []
    letters = [(d.event.seq, d.event.kind.value, d.why) for d in store.outbox.told("j").dead]
    assert letters == [(1, "T", "gone"), (2, "T", "gone"), (4, "X", "gone")]
    # The outbox of the ended job is closed all the same.
    assert store.redis.pttl("limner:out:j") > 0
    assert store.redis.pttl("limner:dead:j") > 0
    assert not store.redis.exists("limner:due")
    assert store.outbox.resend("j") == 3
    assert tell_all(store) == [1, 2, 4]
    assert store.outbox.dead() == []


def test_a_410_to_what_is_resent_ends_the_live_events_too(store):
    a_job(store, "j")
    emit(store, "j", "T")
    done(store, take_one(store), "dead", why="exhausted")
    store.outbox.resend("j")
    again = take_one(store)
    emit(store, "j", "T")
    done(store, again, "gone", why="gone")
    emit(store, "j", "T")

    assert take(store) == []
    letters = [(d.event.seq, d.why) for d in store.outbox.told("j").dead]
    assert letters == [(1, "exhausted"), (2, "gone"), (3, "gone")]


def test_a_resent_event_that_fails_after_a_410_changes_nothing(store):
    a_job(store, "j")
    emit(store, "j", "T")
    done(store, take_one(store), "gone", why="gone")
    store.outbox.resend("j")
    done(store, take_one(store), "dead", why="exhausted", health="none")
    emit(store, "j", "X")

    assert take(store) == []
    letters = [(d.event.seq, d.why) for d in store.outbox.told("j").dead]
    assert letters == [(1, "gone"), (2, "gone")]


def test_a_receiver_that_takes_a_resent_event_after_a_410_hears_of_the_job_again(store):
    a_job(store, "j")
    emit(store, "j", "T")
    done(store, take_one(store), "gone", why="gone")
    store.outbox.resend("j")
    assert tell_all(store) == [1]
    emit(store, "j", "X")

    assert tell_all(store) == [2]


def test_dead_letters_are_resent_behind_live_events_with_the_same_id(store):
    a_job(store, "j")
    emit(store, "j", "T")
    emit(store, "j", "T")
    first = take_one(store)
    done(store, first, "dead", why="exhausted")

    assert store.outbox.resend("j") == 1
    assert store.outbox.resend("j") == 0

    live = take_one(store)
    assert live.event.seq == 2
    assert not live.event.resent
    again = done(store, live, go_on=True).taken
    assert again.event.resent
    assert (again.event.id, again.event.fields) == (first.event.id, first.event.fields)
    done(store, again)
    assert store.outbox.dead() == []


def test_a_resent_event_that_fails_again_stays_a_dead_letter(store):
    a_job(store, "j")
    emit(store, "j", "X")
    done(store, take_one(store), "dead", why="exhausted")
    store.outbox.resend("j")
    done(store, take_one(store), "dead", why="exhausted")

    assert [d.event.seq for d in store.outbox.dead()] == [1]
    assert store.outbox.resend("j") == 1


def test_without_dead_letters_the_terminal_event_is_resent(store):
    a_job(store, "j")
    emit(store, "j", "T")
    emit(store, "j", "X")
    assert store.outbox.resend("j", seq=1) == 0
    tell_all(store)

    assert store.outbox.resend("j") == 1
    taken = take_one(store)
    assert taken.event.seq == 2
    assert taken.event.id.startswith("msg_j_2_")
    assert taken.event.resent


def test_everything_of_an_ended_job_has_an_end(store):
    a_job(store, "j")
    emit(store, "j", "T")
    emit(store, "j", "X")
    done(store, take_one(store), "dead", why="exhausted", attempt={"status": 500})
    tell_all(store)

    for key in store.redis.scan_iter("limner:*:j"):
        if key != "limner:job:j":
            assert store.redis.pttl(key) > 0, key


def test_a_hundred_attempts_of_a_job_are_kept(store, clock):
    a_job(store, "j")
    emit(store, "j", "X")
    for n in range(120):
        done(store, take_one(store), "retry", attempt={"n": n}, health="none")
        store.outbox.tick(a_poster())

    attempts = store.outbox.told("j").attempts
    assert [attempt["n"] for attempt in attempts] == list(range(20, 120))
    assert attempts[0]["next"] == clock.now_ms


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


def test_an_event_older_than_92_hours_is_given_up_untried(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    clock.pass_s(92 * 3600 + 1)
    emit(store, "j", "X")

    assert take_one(store).event.seq == 2
    assert [(d.event.seq, d.why) for d in store.outbox.dead()] == [(1, "expired")]


def test_a_default_url_that_fails_for_five_days_is_switched_off_and_said_so(store, clock):
    notes = {}
    for hour in range(0, 150, 5):
        emit(store, a_job(store, f"j{hour}"), "X")
        taken = take_one(store)
        result = done(store, taken, "dead", why="x", default_of="ann", health="none")
        notes |= dict.fromkeys(result.notes, hour)
        clock.pass_s(5 * 3600)

    assert notes == {"failing24": 25, "failing72": 75, "disabled": 120}
    assert store.outbox.endpoint("ann").disabled_ms is not None
    store.outbox.enable("ann")
    assert store.outbox.endpoint("ann").disabled_ms is None
