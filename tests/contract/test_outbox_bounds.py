"""Bounds in time and number: all that the outbox keeps has an end, however its job ended."""

from __future__ import annotations

import pytest

from limner.callback.policy import Wait
from tests.callback_doubles import (
    KEPT_MS,
    a_job,
    a_poster,
    done,
    emit,
    let_time_pass,
    take,
    take_one,
    tell_all,
)

DEST = "http://receiver:80"
HOURS_92_S = 92 * 3600


def told(store, clock):
    emit(store, "j", "T")
    emit(store, "j", "X")
    tell_all(store)


def exhausted(store, clock):
    emit(store, "j", "X")
    done(store, take_one(store), "dead", why="exhausted")


def told_one_event_at_a_time(store, clock):
    emit(store, "j", "T")
    emit(store, "j", "X")
    tell_all(store, a_poster(cap=1, places=1))


def without_an_answer_for_92_hours(store, clock):
    emit(store, "j", "X")
    clock.pass_s(HOURS_92_S)
    store.outbox.tick(a_poster())
    assert take(store) == []


def by_410(store, clock):
    emit(store, "j", "T")
    emit(store, "j", "X")
    done(store, take_one(store), "gone", why="gone")


def after_a_410(store, clock):
    emit(store, "j", "T")
    done(store, take_one(store), "gone", why="gone")
    emit(store, "j", "X")
    assert take(store) == []


def during_a_410(store, clock):
    emit(store, "j", "T")
    taken = take_one(store)
    emit(store, "j", "X")
    done(store, taken, "gone", why="gone")


def with_superseded_transitions(store, clock):
    for _ in range(8):
        emit(store, "j", "T")
    emit(store, "j", "X")
    tell_all(store)


def after_dropped_progress(store, clock):
    emit(store, "j", "P")
    taken = take_one(store)
    emit(store, "j", "X")
    done(store, taken, "retry", delay_s=5, health="none")
    tell_all(store)


def after_a_lost_lease(store, clock):
    emit(store, "j", "X")
    take_one(store)
    let_time_pass(store, clock, 31)
    store.outbox.tick(a_poster())
    tell_all(store)


def after_parking(store, clock):
    emit(store, a_job(store, "k"), "X")
    first = take_one(store)
    emit(store, "j", "X")
    assert take(store) == []
    assert store.outbox.told("j").parked
    done(store, first)
    tell_all(store)


def parked_for_92_hours(store, clock):
    emit(store, a_job(store, "k"), "X")
    emit(store, "j", "X")
    take(store)
    assert store.outbox.told("j").parked
    clock.pass_s(HOURS_92_S + 1)
    store.outbox.tick(a_poster())
    assert take(store) == []


def resent_and_taken(store, clock):
    exhausted(store, clock)
    store.outbox.resend("j")
    tell_all(store)


def resent_and_given_up(store, clock):
    exhausted(store, clock)
    store.outbox.resend("j")
    done(store, take_one(store), "dead", why="exhausted")


@pytest.mark.parametrize(
    "end",
    [
        *(told, exhausted, told_one_event_at_a_time, without_an_answer_for_92_hours, by_410),
        *(after_a_410, during_a_410, with_superseded_transitions, after_dropped_progress),
        *(after_a_lost_lease, after_parking, parked_for_92_hours, resent_and_taken),
        *(resent_and_given_up,),
    ],
)
def test_nothing_of_an_ended_job_is_kept_for_ever_however_it_ended(store, clock, end):
    a_job(store, "j")
    # Beside what is under test: attempts are kept, too. Nothing is learnt of the receiver from this.
    emit(store, "j", "T")
    done(store, take_one(store), "ok", attempt={"status": 200}, health="none")
    clock.pass_s(1)
    end(store, clock)

    kept = [f"limner:{name}:j" for name in ("out", "log", "dead")]
    ends = {key: store.redis.pttl(key) for key in kept if store.redis.exists(key)}
    assert {"limner:out:j", "limner:log:j"} <= set(ends)
    for key, left_ms in ends.items():
        assert KEPT_MS - 60_000 < left_ms <= KEPT_MS, key
    assert not store.redis.exists("limner:outq:j", "limner:resend:j")
    assert store.redis.zscore("limner:due", "j") is None
    assert not store.redis.exists("limner:parked", "limner:parkedat", f"limner:parked:ann {DEST}")
    assert (store.redis.zscore("limner:dead", "j") is None) is ("limner:dead:j" not in ends)


def test_places_have_an_end_while_they_are_held(store):
    for n in range(3):
        emit(store, a_job(store, f"j{n}"), "X")
    take(store)

    names = [f"flights:ann {DEST}", f"flights:{DEST}", f"trials:{DEST}"]
    for name in [*names, "probation:p1", "probation:p1:ann"]:
        assert store.redis.zrange(f"limner:{name}", 0, -1, withscores=True), name
        assert 60_000 < store.redis.pttl(f"limner:{name}") <= 90_000, name


def test_a_job_that_lives_keeps_its_outbox(store):
    a_job(store, "j")
    emit(store, "j", "T")
    tell_all(store)

    assert store.redis.pttl("limner:out:j") == -1


def test_a_hint_at_a_job_whose_record_is_gone_clears_its_outbox(store):
    a_job(store, "j")
    emit(store, "j", "X")
    done(store, take_one(store), "dead", why="exhausted")
    store.outbox.resend("j")
    store.redis.delete("limner:job:j")

    assert take(store) == []
    assert not store.redis.exists("limner:outq:j", "limner:resend:j", "limner:out:j", "limner:due")


@pytest.mark.parametrize(("seconds", "given_up"), [(HOURS_92_S - 1, False), (HOURS_92_S, True)])
def test_an_event_lives_for_92_hours_and_not_a_second_longer(store, clock, seconds, given_up):
    a_job(store, "j")
    emit(store, "j", "X")
    done(store, take_one(store), "retry", delay_s=5, health="none")
    clock.pass_s(seconds)
    store.outbox.tick(a_poster())

    assert (take(store) == []) is given_up
    assert [letter.why for letter in store.outbox.dead()] == (["expired"] if given_up else [])


def test_what_follows_an_expired_event_has_all_its_tries(store, clock):
    a_job(store, "j")
    emit(store, "j", "T")
    done(store, take_one(store), "retry", delay_s=5, health="none")
    clock.pass_s(HOURS_92_S - 10)
    emit(store, "j", "T")
    clock.pass_s(10)
    store.outbox.tick(a_poster())

    taken = take_one(store)
    assert (taken.event.seq, taken.tried) == (2, 0)


@pytest.mark.parametrize(("seconds", "let_in"), [(HOURS_92_S - 1, False), (HOURS_92_S + 1, True)])
def test_no_job_is_parked_for_longer_than_its_events_live(store, clock, seconds, let_in):
    for n in range(6):
        emit(store, a_job(store, f"j{n}"), "X")
    (held,) = take(store)
    clock.pass_s(seconds)
    # The breaker opens again and again, and whoever waits for it stays parked.
    store.redis.hset(f"limner:fate:ann {DEST}", mapping={"fails": 5, "open_until": 2**52})
    store.outbox.tick(a_poster())
    take(store)

    parked = [job for job in ("j1", "j2", "j3", "j4", "j5") if store.outbox.told(job).parked]
    assert (parked == []) is let_in
    assert held.event.job == "j0"


def test_a_hundred_dead_letters_of_a_job_are_kept_the_newest(store):
    a_job(store, "j")
    for _ in range(120):
        emit(store, "j", "T")
        done(store, take_one(store), "dead", why="rejected", health="none")

    assert [d.event.seq for d in store.outbox.told("j").dead] == list(range(21, 121))


@pytest.mark.parametrize(("ms", "listed"), [(KEPT_MS - 1, True), (KEPT_MS, False)])
def test_dead_letters_are_listed_for_as_long_as_they_are_kept(store, clock, ms, listed):
    a_job(store, "j")
    emit(store, "j", "X")
    done(store, take_one(store), "dead", why="exhausted")
    clock.now_ms += ms
    store.outbox.tick(a_poster())

    assert bool(store.outbox.dead()) is listed


def test_dead_letters_are_listed_by_job_the_newest_first_and_no_more_than_asked_for(store, clock):
    for job in ("a", "b"):
        a_job(store, job)
        for _ in range(3):
            emit(store, job, "T")
            done(store, take_one(store), "dead", why="rejected", health="none")
        clock.pass_s(1)

    letters = [(d.event.job, d.event.seq) for d in store.outbox.dead(5)]
    assert letters == [("b", 1), ("b", 2), ("b", 3), ("a", 1), ("a", 2)]
    assert {d.dead_ms for d in store.outbox.dead(3)} == {clock.now_ms - 1000}


def test_no_more_than_a_thousand_hints_are_kept(store):
    for n in range(1003):
        emit(store, a_job(store, f"j{n}", f"http://r{n}/"), "X")

    assert store.redis.llen("limner:wake") == 1000
    # The rest is found by the next tick that has room, for it is due already.
    for _ in range(2):
        store.redis.lpop("limner:wake")
    assert store.outbox.tick(a_poster()).hinted == 2
    assert store.redis.llen("limner:wake") == 1000
    assert store.outbox.tick(a_poster()).hinted == 0


def test_a_tick_hints_at_no_more_than_two_hundred_jobs(store, clock):
    for n in range(250):
        emit(store, a_job(store, f"j{n}", f"http://r{n}/"), "X")
    store.redis.delete("limner:wake")
    clock.pass_s(2)

    assert [store.outbox.tick(a_poster()).hinted for _ in range(3)] == [200, 50, 0]


def test_a_tick_says_when_the_next_job_is_due(store, clock):
    assert store.outbox.tick(a_poster()).next_due_s is None
    a_job(store, "j")
    emit(store, "j", "X")
    done(store, take_one(store), "retry", delay_s=30, health="none")
    assert store.outbox.tick(a_poster()).next_due_s == 30
    clock.pass_s(29)
    assert store.outbox.tick(a_poster()).next_due_s == 1
    clock.pass_s(31)
    # A hint holds for 2 s.
    found = store.outbox.tick(a_poster())
    assert (found.hinted, found.next_due_s) == (1, 2)


def test_a_tick_says_how_many_jobs_are_parked(store):
    for n in range(4):
        emit(store, a_job(store, f"j{n}"), "X")
    take(store)

    assert store.outbox.tick(a_poster()).parked == 3
    assert store.outbox.told("j3").waits_for is Wait.TURN


def test_one_call_looks_at_no_more_than_two_hundred_jobs(store):
    for n in range(210):
        emit(store, a_job(store, f"j{n}"), "X")
        # The hint is from before the last try.
        store.redis.hset(f"limner:out:j{n}", "rests", 2**52)
    take(store)

    assert store.redis.llen("limner:wake") == 10


# -- stories ----------------------------------------------------------------------------------


def test_a_story_lasts_for_a_month_while_the_job_lives_and_an_hour_after_its_end(store):
    a_job(store, "j")
    emit(store, "j", "T")
    emit(store, "j", "P")
    assert 30 * 86_400_000 - 60_000 < store.redis.pttl("limner:story:j") <= 30 * 86_400_000
    emit(store, "j", "X")

    assert 3_600_000 - 60_000 < store.redis.pttl("limner:story:j") <= 3_600_000


@pytest.mark.parametrize("receiver", ["told", "untold", "gone"])
def test_a_story_keeps_transitions_and_only_the_newest_progress(store, receiver):
    a_job(store, "j")
    if receiver == "untold":
        store.redis.hdel("limner:job:j", "dest")
    if receiver == "gone":
        store.redis.hset("limner:out:j", "gone", 1)
    for percent, kind in enumerate("TTPPPTPPX"):
        emit(store, "j", kind, progress=percent)

    events = store.stories.after("j", 0).events
    assert [job.progress for job in events] == [0, 1, 5, 8]


def test_a_hundred_events_of_a_story_are_kept(store):
    a_job(store, "j")
    for percent in range(110):
        emit(store, "j", "T", progress=percent)

    events = store.stories.after("j", 0).events
    assert [job.progress for job in events] == list(range(10, 110))
