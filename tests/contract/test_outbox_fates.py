"""What is learnt of a receiver: proven, slow, failing, behind a breaker; and for how long."""

from __future__ import annotations

import itertools

import pytest

from tests.callback_doubles import a_job, a_poster, done, emit, take, take_one

HOST = "http://receiver:80"
FATE = f"limner:fate:ann {HOST}"
_names = itertools.count()


def one_more(store, *, client="ann", host=HOST):
    return emit(store, a_job(store, f"j{next(_names)}", host + "/", client), "X")


def ends(store, verdict, *, client="ann", host=HOST, **report):
    """One more callback there, that ends so; returns what was said."""
    one_more(store, client=client, host=host)
    return done(store, take_one(store), verdict, **{"why": "exhausted"} | report).notes


def at_a_time(store, poster=None):
    """How many callbacks are posted there at a time."""
    for _ in range(12):
        one_more(store)
    return sum(taken.record["client"] == "ann" for taken in take(store, poster))


def opens_for(store, clock):
    """How long nothing is posted after the breaker has just opened, s, to the second."""
    for seconds in range(400):
        store.outbox.tick(a_poster())
        if probes := take(store):
            assert len(probes) == 1
            return seconds, probes[0]
        clock.pass_s(1)
    return None


# -- proven -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("ms", "proven"), [(600_000, True), (600_001, False)])
def test_a_receiver_is_proven_for_ten_minutes_after_a_2xx(store, clock, ms, proven):
    ends(store, "ok")
    clock.now_ms += ms

    assert at_a_time(store) == (8 if proven else 1)


@pytest.mark.parametrize(("took_ms", "at_once"), [(2000, 8), (2001, 2)])
def test_a_receiver_that_needs_more_than_two_seconds_gets_two_at_a_time(store, took_ms, at_once):
    ends(store, "ok", took_ms=took_ms)

    assert at_a_time(store) == at_once


@pytest.mark.parametrize(("failures", "at_once"), [(1, 8), (2, 1)])
def test_two_failures_in_a_row_make_a_stranger_of_a_proven_receiver(store, failures, at_once):
    ends(store, "ok")
    for _ in range(failures):
        ends(store, "dead")

    assert at_a_time(store) == at_once


def test_failures_that_are_not_in_a_row_do_not(store, clock):
    for verdict in ("ok", "dead", "ok", "dead"):
        ends(store, verdict)
        clock.pass_s(2)

    assert at_a_time(store) == 8


def test_a_slow_answer_among_quick_ones_counts_a_third(store, clock):
    ends(store, "ok", took_ms=100)
    clock.pass_s(2)
    # 0.7 · 100 + 0.3 · 6000 = 1870
    ends(store, "ok", took_ms=6000)
    assert store.redis.hget(FATE, "pace") == "1870"
    clock.pass_s(2)
    ends(store, "ok", took_ms=6000)
    assert store.redis.hget(FATE, "pace") == "3109"

    assert at_a_time(store) == 2


def test_a_slow_answer_within_a_second_of_a_quick_one_is_noted_too(store):
    ends(store, "ok", took_ms=5)
    ends(store, "ok", took_ms=9000)

    assert at_a_time(store) == 2


def test_a_receiver_that_does_well_is_noted_once_a_second(store, clock):
    ends(store, "ok", took_ms=5)
    first = clock.now_ms
    clock.now_ms += 999
    ends(store, "ok", took_ms=1000)
    assert store.redis.hget(FATE, "ok") == str(first)
    clock.now_ms += 1
    ends(store, "ok", took_ms=1000)
    assert store.redis.hget(FATE, "ok") == str(clock.now_ms)


def test_a_2xx_after_a_failure_is_noted_at_once(store):
    ends(store, "ok")
    ends(store, "dead")
    ends(store, "ok")
    ends(store, "dead")

    assert at_a_time(store) == 8


def test_what_says_nothing_of_the_receiver_changes_nothing(store):
    ends(store, "ok")
    for _ in range(10):
        ends(store, "dead", health="none")

    assert at_a_time(store) == 8
    assert not store.redis.exists("limner:opens")


# -- breakers ---------------------------------------------------------------------------------


def test_a_breaker_stays_open_twice_as_long_each_time_and_never_over_five_minutes(store, clock):
    """A probe that fails opens it again; a receiver that is never there is probed for ever."""
    for _ in range(5):
        ends(store, "dead")
    for _ in range(9):
        one_more(store)
    pauses = []
    for _ in range(8):
        seconds, probe = opens_for(store, clock)
        pauses.append(seconds)
        assert done(store, probe, "dead", why="exhausted").notes == ("opened",)

    assert pauses == [10, 20, 40, 80, 160, 300, 300, 300]


def test_four_failures_open_no_breaker(store):
    assert [ends(store, "dead") for _ in range(5)] == [(), (), (), (), ("opened",)]


def test_a_2xx_closes_the_breaker_and_its_next_pause_is_the_shortest(store, clock):
    for _ in range(5):
        ends(store, "dead")
    one_more(store)
    for _ in range(2):
        _, probe = opens_for(store, clock)
        done(store, probe, "dead", why="exhausted")
        one_more(store)
    _, probe = opens_for(store, clock)
    done(store, probe)
    assert not store.redis.exists("limner:opens")
    for _ in range(5):
        ends(store, "dead")
    one_more(store)

    assert opens_for(store, clock)[0] == 10


def test_a_failure_that_is_reported_late_does_not_open_an_open_breaker_again(store, clock):
    ends(store, "ok")
    for _ in range(8):
        one_more(store)
    notes = [done(store, taken, "dead", why="exhausted").notes for taken in take(store)]

    assert notes == [()] * 4 + [("opened",)] + [()] * 3
    one_more(store)
    assert opens_for(store, clock)[0] == 10


def test_a_job_does_not_go_on_with_its_next_event_when_the_breaker_opens(store):
    for _ in range(4):
        ends(store, "dead")
    job = a_job(store, "j", HOST + "/")
    emit(store, job, "T")
    emit(store, job, "X")
    result = done(store, take_one(store), "dead", why="exhausted", go_on=True)

    assert result.notes == ("opened",)
    assert take(store) == []


def test_who_waits_for_a_breaker_is_probed_at_its_time_and_the_longest_wait_goes_first(
    store, clock
):
    for _ in range(5):
        ends(store, "dead")
    waiting = []
    for _ in range(3):
        one_more(store)
        take(store)
        clock.pass_s(1)
        waiting.append(f"j{next(_names) - 1}")
    _, probe = opens_for(store, clock)

    assert probe.event.job == waiting[0]
    assert take(store) == []


def parked_and_not_drawn(store):
    """One tick looks after twenty receivers with parked jobs, drawn by lot: none of ours is among them."""
    assert store.redis.delete("limner:parkedat")


def test_a_breaker_whose_time_is_over_lets_a_probe_in_whoever_is_drawn(store, clock):
    for _ in range(5):
        ends(store, "dead")
    for _ in range(3):
        one_more(store)
    take(store)
    parked_and_not_drawn(store)
    clock.pass_s(9.999)
    store.outbox.tick(a_poster())
    assert take(store) == []
    clock.pass_s(0.001)
    store.outbox.tick(a_poster())

    assert len(take(store)) == 1


# -- sick hosts -------------------------------------------------------------------------------


def test_a_host_is_sick_after_five_failures_of_whomever_and_tried_once_a_second(store, clock):
    for n in range(4):
        ends(store, "dead", client=f"c{n}")
    for n in range(10, 13):
        one_more(store, client=f"c{n}")
    # Four: nothing is known of it yet.
    held = take(store)
    assert len(held) == 3
    for taken in held:
        done(store, taken, "dead", why="exhausted")
    for n in range(20, 23):
        one_more(store, client=f"c{n}")
    tries = []
    for tenth in range(50):
        store.outbox.tick(a_poster())
        for taken in take(store):
            tries.append(tenth)
            done(store, taken, "dead", why="exhausted")
        clock.pass_s(0.1)

    assert len(tries) == 3
    assert all(after - before >= 10 for before, after in itertools.pairwise(tries))
    assert tries[-1] <= 22


def test_a_sick_host_is_tried_a_second_after_its_last_try_whoever_is_drawn(store, clock):
    for n in range(5):
        ends(store, "dead", client=f"c{n}")
    clock.pass_s(5)
    for n in range(5, 8):
        one_more(store, client=f"c{n}")
    tries = take(store)
    assert len(tries) == 1
    parked_and_not_drawn(store)
    # Each hangs. The others wait for the second to be over, not for an answer.
    for count in (2, 3):
        clock.pass_s(0.999)
        store.outbox.tick(a_poster())
        assert take(store) == []
        clock.pass_s(0.001)
        store.outbox.tick(a_poster())
        tries += take(store)
        assert len(tries) == count

    assert [taken.record["client"] for taken in tries] == ["c5", "c6", "c7"]
    for taken in tries:
        done(store, taken)
    clock.pass_s(1)
    store.outbox.tick(a_poster())
    assert not store.redis.exists("limner:rests")


def test_a_proven_receiver_is_not_held_up_by_a_sick_host(store, clock):
    ends(store, "ok")
    for n in range(8):
        one_more(store, client=f"c{n}")
    for taken in take(store):
        done(store, taken, "dead", why="exhausted")

    assert at_a_time(store) == 8


# -- bounds -----------------------------------------------------------------------------------


def test_what_is_known_of_all_receivers_is_bounded_and_the_oldest_is_forgotten_first(store, clock):
    old = {f"c{n} http://h{n}:80": clock.now_ms - 60_000 + n for n in range(50_000)}
    for start in range(0, 50_000, 10_000):
        some = dict(itertools.islice(old.items(), start, start + 10_000))
        store.redis.zadd("limner:fates", some)
    for n in (0, 1):
        name = f"c{n} http://h{n}:80"
        store.redis.hset(f"limner:fate:{name}", "fails", 9)
        store.redis.hset(f"limner:host:http://h{n}:80", "fails", 9)
        store.redis.zadd("limner:opens", {name: clock.now_ms + 9000})
        store.redis.zadd(f"limner:fates:c{n}", {name: clock.now_ms})
    ends(store, "ok")

    assert store.redis.zcard("limner:fates") == 50_000
    assert not store.redis.exists("limner:fate:c0 http://h0:80", "limner:fates:c0")
    assert store.redis.exists("limner:fate:c1 http://h1:80")
    # What is known of a host is all clients' together.
    assert store.redis.exists("limner:host:http://h0:80", "limner:host:http://h1:80") == 2
    assert store.redis.zrange("limner:opens", 0, -1) == ["c1 http://h1:80"]


@pytest.mark.parametrize(("ms", "forgotten"), [(86_400_000 - 1, False), (86_400_000, True)])
def test_what_was_learnt_a_day_ago_is_no_longer_listed(store, clock, ms, forgotten):
    ends(store, "ok", host="http://old:80")
    clock.now_ms += ms
    ends(store, "ok")

    for name in ("fates", "fates:ann"):
        listed = store.redis.zrange(f"limner:{name}", 0, -1)
        assert ("ann http://old:80" not in listed) is forgotten
