"""How receivers are kept from holding each other up: cap, breaker, probation, parking."""

from __future__ import annotations

from tests.callback_doubles import a_job, a_poster, done, emit, take, take_one, tell_all

BAD, GOOD = "http://bad:80/", "http://good:80/"


def jobs_for(store, url, count, *, name="j", client="ann"):
    for n in range(count):
        emit(store, a_job(store, f"{name}{n}", url, client), "X")


def prove(store, url, poster=None):
    emit(store, a_job(store, "proof-" + url, url), "X")
    tell_all(store, poster)


def test_a_stranger_gets_one_callback_at_a_time_until_it_has_answered(store):
    jobs_for(store, GOOD, 30)

    (first,) = take(store)
    done(store, first, took_ms=5)

    assert len(take(store)) == 8


def test_a_proven_receiver_gets_as_many_at_a_time_as_the_cap_and_all_in_the_end(store):
    poster = a_poster(cap=4)
    prove(store, GOOD, poster)
    jobs_for(store, GOOD, 50)

    held, told = take(store, poster), 0
    assert len(held) == 4
    while held:
        told += 1
        done(store, held.pop(0), "ok", poster)
        held += take(store, poster)
        assert len(held) <= 4
    assert told == 50


def test_parked_jobs_keep_their_turn(store, clock):
    poster = a_poster(cap=1)
    for n in range(5):
        emit(store, a_job(store, f"j{n}", GOOD), "X")
        clock.pass_s(0.01)
    order = []
    while taken := take(store, poster):
        order += [t.event.job for t in taken]
        done(store, taken[0], "ok", poster)

    assert order == [f"j{n}" for n in range(5)]


def test_five_failures_in_a_row_open_the_breaker_and_one_probe_goes_at_its_time(store, clock):
    jobs_for(store, BAD, 20)
    notes = []
    for _ in range(5):
        notes += done(store, take_one(store), "retry", delay_s=3600).notes

    assert notes == ["opened"]
    assert take(store) == []
    store.outbox.tick(a_poster())
    assert take(store) == []
    # Who waits for the breaker spends no attempts.
    assert all(not store.outbox.told(f"j{n}").attempts for n in range(5, 20))
    clock.pass_s(10)
    store.outbox.tick(a_poster())
    (probe,) = take(store)
    assert done(store, probe, "retry", delay_s=3600).notes == ("opened",)
    clock.pass_s(19)
    store.outbox.tick(a_poster())
    assert take(store) == []


def test_a_probe_that_is_answered_lets_everybody_in(store, clock):
    jobs_for(store, BAD, 20)
    for _ in range(5):
        done(store, take_one(store), "retry", delay_s=1)
    clock.pass_s(10)
    told = set()
    for _ in range(60):
        store.outbox.tick(a_poster())
        for taken in take(store):
            told.add(taken.event.job)
            done(store, taken, took_ms=5)
        clock.pass_s(0.1)

    assert len(told) == 20
    assert not store.redis.exists("limner:parked", "limner:parkedat")


def test_dead_receivers_never_take_the_places_of_a_proven_one(store, clock):
    poster = a_poster(cap=8, places=8)
    prove(store, GOOD, poster)
    for host in range(16):
        jobs_for(store, f"http://dead{host}:80/", 50, name=f"d{host}-", client=f"c{host}")

    # One call looks at no more than 200 jobs.
    hanging = [taken for _ in range(4) for taken in take(store, poster)]
    assert len(hanging) == 8
    jobs_for(store, GOOD, 8)

    assert {t.record["dest"] for t in take(store, poster)} == {"http://good:80"}


def test_strangers_of_one_client_leave_half_of_the_probation_to_others(store):
    poster = a_poster(places=8)
    for host in range(40):
        jobs_for(store, f"http://wild{host}:80/", 1, name=f"w{host}-", client="greedy")

    assert len(take(store, poster)) == 4
    jobs_for(store, GOOD, 1, client="modest")
    assert [t.record["client"] for t in take(store, poster)] == ["modest"]


def test_clients_take_turns_in_the_lobby(store, clock):
    poster = a_poster(places=2)
    for host in range(10):
        jobs_for(store, f"http://g{host}:80/", 1, name=f"g{host}-", client="greedy")
    for host in range(3):
        jobs_for(store, f"http://m{host}:80/", 1, name=f"m{host}-", client="modest")
    held, order = take(store, poster), []
    while held:
        taken = held.pop(0)
        order.append(taken.record["client"])
        done(store, taken, "dead", poster, why="exhausted")
        held += take(store, poster)

    assert len(order) == 13
    assert order[:6].count("modest") == 3


def test_places_of_a_killed_poster_come_back_when_its_leases_end(store, clock):
    dead_poster = a_poster("killed")
    jobs_for(store, BAD, 3)
    take(store, dead_poster)
    told = []
    for _ in range(40):
        clock.pass_s(1)
        store.outbox.tick(a_poster())
        told += tell_all(store)

    assert len(told) == 3


def test_a_slow_receiver_shares_the_probation_places(store):
    poster = a_poster(places=2)
    prove(store, GOOD, poster)
    jobs_for(store, GOOD, 30)
    for _ in range(2):
        for taken in take(store, poster):
            done(store, taken, "ok", poster, took_ms=9000)

    assert len(take(store, poster)) == 1


def test_a_wave_of_failures_and_a_recovery_lose_no_job(store, clock):
    """Every job of many receivers that come and go ends, told or listed."""
    hosts = [f"http://h{n}:80/" for n in range(12)]
    for n, host in enumerate(hosts):
        jobs_for(store, host, 10, name=f"h{n}-", client=f"c{n % 3}")
    ended = set()
    for step in range(3000):
        store.outbox.tick(a_poster())
        for taken in take(store):
            sick = step < 600 and int(taken.event.job[1:].split("-")[0]) % 2
            if sick:
                done(store, taken, "retry", delay_s=2)
            else:
                done(store, taken, took_ms=5)
                ended.add(taken.event.job)
        clock.pass_s(0.3)
        if len(ended) == 120:
            break

    assert len(ended) == 120
    assert not store.redis.exists("limner:parked", "limner:parkedat", "limner:due")
