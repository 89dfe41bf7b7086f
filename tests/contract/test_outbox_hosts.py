"""Clients behind one host: each has its own fate there, and the host is not flooded by all together."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from limner.callback.policy import Wait
from tests.callback_doubles import a_job, a_poster, done, emit, take, take_one, tell_all

HOST = "http://shared:80"


def jobs_of(store, client, count, *, path="", name="", host=HOST):
    for n in range(count):
        job = f"{name or client}{n}"
        emit(store, a_job(store, job, f"{host}/{path or client}", client), "X")


def prove(store, client, poster=None):
    jobs_of(store, client, 1, name=f"proof-{client}-")
    tell_all(store, poster)


def tell_everything(store):
    """Deliver until nothing is handed out any more; how many events that were."""
    count = 0
    while told := tell_all(store):
        count += len(told)
    return count


def clients_of(rows):
    return Counter(taken.record["client"] for taken in rows)


def test_a_broken_path_of_one_client_stops_no_other_client(store):
    jobs_of(store, "ann", 12)
    for _ in range(5):
        done(store, take_one(store), "retry", delay_s=3600)
    assert take(store) == []

    jobs_of(store, "bob", 3)

    assert tell_everything(store) == 3


def test_a_receiver_that_hangs_for_one_client_leaves_room_for_the_others(store):
    poster = a_poster(cap=4)
    for client in ("ann", "bob"):
        prove(store, client, poster)
    jobs_of(store, "ann", 50)
    hanging = take(store, poster)
    jobs_of(store, "bob", 2)

    assert clients_of(hanging) == {"ann": 4}
    assert len(tell_all(store, poster)) == 2


def test_a_host_gets_twice_as_many_at_a_time_as_one_client_may_send_and_clients_take_turns(store):
    poster, clients = a_poster(cap=2), [f"c{n}" for n in range(8)]
    for client in clients:
        prove(store, client, poster)
    for client in clients:
        jobs_of(store, client, 10)

    held, order = take(store, poster), []
    while held:
        assert len(held) <= 4
        assert max(clients_of(held).values()) <= 2
        taken = held.pop(0)
        order.append(taken.record["client"])
        done(store, taken, "ok", poster, took_ms=5)
        held += take(store, poster)

    assert Counter(order) == dict.fromkeys(clients, 10)
    # Nobody is told a second thing long before everybody is told a first one.
    assert set(order[:20]) == set(clients)


def test_jobs_that_come_later_do_not_take_the_turn_of_a_client_that_waits(store):
    poster = a_poster(cap=1)
    for client in ("ann", "bob", "eve"):
        prove(store, client, poster)
    jobs_of(store, "ann", 20)
    jobs_of(store, "bob", 20)
    held = take(store, poster)
    assert clients_of(held) == {"ann": 1, "bob": 1}
    jobs_of(store, "eve", 1)
    assert take(store, poster) == []
    # What ann has to tell besides was never parked: it comes fresh, before eve's place is taken.
    done(store, held[0], "ok", poster, took_ms=5)
    jobs_of(store, "ann", 5, name="late")

    assert clients_of(take(store, poster)) == {"eve": 1}


def test_strangers_behind_one_host_leave_half_of_the_probation_to_others(store):
    poster = a_poster(places=8)
    for n in range(20):
        jobs_of(store, f"c{n}", 1)
    jobs_of(store, "modest", 1, host="http://other:80")
    held = take(store, poster)

    assert Counter(taken.record["dest"] for taken in held) == {HOST: 4, "http://other:80": 1}


def test_strangers_leave_the_last_place_of_a_host_to_who_is_known_there(store):
    poster = a_poster(cap=2, places=2)
    for client in ("ann", "bob"):
        prove(store, client, poster)
    jobs_of(store, "ann", 2)
    jobs_of(store, "eve", 1)
    assert clients_of(take(store, poster)) == {"ann": 2, "eve": 1}

    jobs_of(store, "joe", 1)
    assert take(store, poster) == []
    jobs_of(store, "bob", 1)
    assert clients_of(take(store, poster)) == {"bob": 1}


def test_a_host_that_answers_nobody_is_tried_once_a_second_and_each_client_gets_its_turn(
    store, clock
):
    clients = [f"c{n}" for n in range(30)]
    for client in clients:
        jobs_of(store, client, 3)
    tries: list[tuple[int, str]] = []
    for _ in range(700):
        store.outbox.tick(a_poster())
        for taken in take(store):
            tries.append((clock.now_ms, taken.record["client"]))
            done(store, taken, "retry", delay_s=1)
        clock.pass_s(0.25)

    # Until five had failed nobody knew, and four more may have been under way.
    times = [at for at, _ in tries[9:]]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert min(gaps) >= 1000
    # Later on every client has its own breaker, whose pauses are longer.
    assert max(gaps[:100]) <= 2000
    assert {client for _, client in tries[:40]} == set(clients)


def test_a_host_that_answers_one_client_is_not_sick(store, clock):
    jobs_of(store, "ann", 12)
    for _ in range(5):
        done(store, take_one(store), "retry", delay_s=3600)
    prove(store, "bob")
    jobs_of(store, "eve", 1)
    jobs_of(store, "joe", 1)

    assert clients_of(take(store)) == {"eve": 1, "joe": 1}


def test_all_clients_of_a_host_that_comes_back_are_told_everything(store, clock):
    clients = [f"c{n}" for n in range(12)]
    for client in clients:
        jobs_of(store, client, 8)
    told: Counter[str] = Counter()
    for step in range(6000):
        store.outbox.tick(a_poster())
        for taken in take(store):
            if step < 400:
                done(store, taken, "retry", delay_s=2)
            else:
                done(store, taken, took_ms=5)
                told[taken.record["client"]] += 1
        clock.pass_s(0.25)
        if sum(told.values()) == 96:
            break

    assert told == dict.fromkeys(clients, 8)
    left = ("parked", "parkedat", "due", "lobby", f"line:{HOST}", f"strangers:{HOST}")
    assert not store.redis.exists(*(f"limner:{name}" for name in left))


def test_the_probe_goes_round_so_that_one_broken_path_does_not_hide_the_others(store, clock):
    jobs_of(store, "ann", 5, path="broken", name="broken")
    jobs_of(store, "ann", 3, path="good", name="good")
    for _ in range(5):
        done(store, take_one(store), "retry", delay_s=1)
    take(store)
    told = []
    for _ in range(2000):
        store.outbox.tick(a_poster())
        for taken in take(store):
            if taken.event.job.startswith("broken"):
                done(store, taken, "retry", delay_s=1)
            else:
                told.append(taken.event.job)
                done(store, taken, took_ms=5)
        clock.pass_s(0.5)
        if len(told) == 3:
            break

    assert sorted(told) == ["good0", "good1", "good2"]


def test_what_is_known_of_receivers_is_bounded_by_client(store, clock):
    prove(store, "bob")
    for n in range(1100):
        jobs_of(store, "greedy", 1, name=f"g{n}-", host=f"http://h{n}:80")
        for taken in take(store):
            done(store, taken, "dead", why="exhausted")
        clock.pass_s(0.01)

    assert store.redis.zcard("limner:fates:greedy") == 1000
    assert len(list(store.redis.scan_iter("limner:fate:greedy *"))) == 1000
    # And nobody else's is forgotten for it.
    assert store.redis.hget(f"limner:fate:bob {HOST}", "ok")


def test_what_is_known_of_a_receiver_is_forgotten_in_the_end(store):
    jobs_of(store, "ann", 1)
    done(store, take_one(store), "dead", why="exhausted")

    for name in (f"fate:ann {HOST}", f"host:{HOST}", "fates", "fates:ann"):
        assert 0 < store.redis.pttl(f"limner:{name}") <= 86_400_000
    assert store.redis.pttl(f"limner:host:{HOST}") <= 3_600_000


def test_jobs_that_an_earlier_release_parked_by_host_are_told(store, clock):
    """Then a whole host had one fate, and one breaker, for all clients."""
    jobs_of(store, "ann", 3)
    store.redis.delete("limner:wake", "limner:due")
    for n in range(3):
        store.redis.zadd(f"limner:parked:{HOST}", {f"ann{n}": clock.now_ms})
        store.redis.zadd("limner:parked", {f"ann{n}": clock.now_ms})
        store.redis.hset(f"limner:out:ann{n}", "parked", HOST)
    store.redis.sadd("limner:parkedat", HOST)
    store.redis.hset(f"limner:dest:{HOST}", mapping={"fails": 9, "open_until": clock.now_ms + 9000})
    store.redis.zadd("limner:opens", {HOST: clock.now_ms - 1})
    store.redis.zadd("limner:lobby", {"ann": 1})
    store.redis.zadd("limner:lobby:ann", {HOST: 1})
    store.outbox.tick(a_poster())

    assert tell_everything(store) == 3
    assert not store.redis.exists("limner:parked", "limner:parkedat")


@pytest.mark.parametrize("count", [1, 2])
def test_a_place_kept_for_a_job_that_is_not_taken_comes_back(store, clock, count):
    poster = a_poster(cap=1, places=1)
    jobs_of(store, "ann", 2)
    held = take(store, poster)
    done(store, held[0], "ok", poster, took_ms=9000)
    # Its hint goes to a poster that dies before it looks.
    store.redis.delete("limner:wake")
    clock.pass_s(2.5)
    for _ in range(count):
        store.outbox.tick(poster)

    assert len(take(store, poster)) == 1


def test_the_listing_says_what_a_callback_waits_for_and_until_when(store, clock):
    jobs_of(store, "ann", 7)
    told = store.outbox.told
    assert (told("ann0").waits_for, told("ann0").parked) == (Wait.TURN, False)
    first = take_one(store)
    assert (told("ann0").waits_for, told("ann0").due_ms) == (Wait.SENDING, None)
    take(store)
    assert (told("ann1").waits_for, told("ann1").due_ms) == (Wait.TURN, None)
    assert told("ann1").parked

    done(store, first, "retry", delay_s=30, health="none")
    assert (told("ann0").waits_for, told("ann0").due_ms) == (Wait.RETRY, clock.now_ms + 30_000)
    for _ in range(5):
        done(store, take_one(store), "retry", delay_s=5)
    take(store)
    opened = clock.now_ms + 10_000
    for job in ("ann1", "ann6"):
        assert (told(job).waits_for, told(job).due_ms) == (Wait.BREAKER, opened)
    # Its own pause is longer than that.
    assert (told("ann0").waits_for, told("ann0").due_ms) == (Wait.RETRY, clock.now_ms + 30_000)
    clock.pass_s(10)
    # A host that failed so often is tried by turns; nobody else tries it now.
    assert (told("ann6").waits_for, told("ann6").due_ms) == (Wait.HOST, None)


def a_sick_host(store):
    """Have a host answer none of five clients, one after the other."""
    for n in range(5):
        jobs_of(store, f"c{n}", 1)
        done(store, take_one(store), "retry", delay_s=3600)


def test_the_listing_says_that_the_host_is_sick_and_when_it_is_tried_again(store, clock):
    a_sick_host(store)
    jobs_of(store, "ann", 1)
    (trial,) = take(store)
    jobs_of(store, "bob", 1)
    assert take(store) == []
    told = store.outbox.told

    assert trial.event.job == "ann0"
    assert (told("bob0").waits_for, told("bob0").due_ms) == (Wait.HOST, clock.now_ms + 1000)
    assert told("bob0").parked
    done(store, trial, "ok", took_ms=5)
    assert told("bob0").waits_for is Wait.TURN


def test_a_client_that_the_sick_host_answers_waits_for_a_place_as_ever(store, clock):
    poster = a_poster(cap=1)
    prove(store, "ann", poster)
    a_sick_host(store)
    jobs_of(store, "ann", 2)
    assert len(take(store, poster)) == 1

    assert (store.outbox.told("ann1").waits_for, store.outbox.told("ann1").due_ms) == (
        Wait.TURN,
        None,
    )


def test_what_is_forgotten_of_one_client_leaves_what_all_know_of_the_host(store, clock):
    a_sick_host(store)
    kept = store.redis.hgetall(f"limner:host:{HOST}")
    assert kept["fails"] == "5"
    for n in range(1001):
        jobs_of(store, "c0", 1, name=f"g{n}-", host=f"http://h{n}:80")
        for taken in take(store):
            done(store, taken, "dead", why="exhausted")
        clock.pass_s(0.01)

    assert not store.redis.exists(f"limner:fate:c0 {HOST}")
    assert store.redis.hgetall(f"limner:host:{HOST}") == kept


def test_the_listing_says_that_the_receiver_asked_for_quiet(store, clock):
    jobs_of(store, "ann", 1)
    done(store, take_one(store), "retry", delay_s=60, quiet_s=60)

    assert store.outbox.told("ann0").waits_for is Wait.QUIET
    assert store.outbox.told("ann0").due_ms == clock.now_ms + 60_000


def test_nothing_waits_when_everything_is_told(store):
    jobs_of(store, "ann", 1)
    tell_all(store)

    assert store.outbox.told("ann0").waits_for is None
