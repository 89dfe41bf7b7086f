"""A poster's lease, its turn and its end, and what it makes of an outcome."""

from __future__ import annotations

import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest

from limner.errors import StoreDown
from limner.settings import Settings
from tests.callback_doubles import (
    Receiver,
    a_job,
    a_poster,
    done,
    emit,
    let_time_pass,
    logged,
    peer,
    take,
    take_one,
)
from workers.posting import dispatcher as callbacks
from workers.posting.dispatcher import LEASE_SPARE_S, YIELD_EVENTS, Dispatcher

SETTINGS = Settings(callback_threads=4, callback_allow="127.0.0.1:*", callback_url=None)
#: so long that nothing here depends on how busy the machine is
LEASE_S, TOTAL_S = 1000.0, 100.0
OLDEST_S = LEASE_S - TOTAL_S - LEASE_SPARE_S


class Times:
    """The clock of leases and turns; who sleeps only says so."""

    def __init__(self) -> None:
        self.now_s = 5000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


@pytest.fixture
def times(monkeypatch):
    times = Times()
    monkeypatch.setattr(callbacks, "time", times)
    return times


@pytest.fixture
def dispatcher(store, times):
    """A dispatcher that is not started: the test moves it."""
    store.clients.add("ann")
    made = Dispatcher(store, SETTINGS, lease_s=LEASE_S, total_s=TOTAL_S, random=lambda: 0.5)
    yield made
    made._letters.close()


def in_hand(store, dispatcher, url, kinds="X", job="j", client="ann"):
    a_job(store, job, url, client)
    for kind in kinds:
        emit(store, job, kind)
    return take_one(store, dispatcher._poster)


# -- leases -----------------------------------------------------------------------------------


def test_a_job_too_old_for_its_lease_is_given_back_untried(store, dispatcher, times):
    """An attempt that began now could outlive the lease, and somebody else could post beside it."""
    with Receiver() as receiver:
        taken = in_hand(store, dispatcher, receiver.url)
        dispatcher._serve(taken, times.now_s - OLDEST_S - 0.1)

        assert receiver.heard == []
        assert store.outbox.told("j").attempts == ()
        store.outbox.tick(dispatcher._poster)
        again = take_one(store, dispatcher._poster)
        assert (again.event.seq, again.tried) == (1, 0)


def test_a_job_just_young_enough_for_its_lease_is_posted(store, dispatcher, times):
    with Receiver() as receiver:
        taken = in_hand(store, dispatcher, receiver.url)
        dispatcher._serve(taken, times.now_s - OLDEST_S + 0.1)

    assert [heard.seq for heard in receiver.heard] == [1]


def test_each_event_of_a_job_has_a_lease_of_its_own(store, dispatcher, times, monkeypatch):
    monkeypatch.setattr(callbacks, "YIELD_S", 2 * LEASE_S)

    def slow(heard, before):
        times.now_s += OLDEST_S / 2 + 1
        return 200, {}

    with Receiver(slow) as receiver:
        dispatcher._serve(in_hand(store, dispatcher, receiver.url, "TTX"), times.now_s)

    assert [heard.seq for heard in receiver.heard] == [1, 2, 3]


@pytest.mark.parametrize("limit_s", [0.5, 5.0, 20.0, 300.0])
def test_a_lease_always_outlives_an_attempt(store, limit_s):
    made = Dispatcher(store, replace(SETTINGS, callback_limit_s=limit_s))

    assert made._poster.lease_ms / 1000 > limit_s + LEASE_SPARE_S
    # And what a killed poster held is not waited for much longer than an attempt may take.
    assert made._poster.lease_ms / 1000 <= max(1.5 * limit_s, limit_s + 5)


def test_what_a_killed_poster_held_is_free_again_once_its_lease_is_over(
    store, dispatcher, times, clock
):
    in_hand(store, dispatcher, "http://receiver/")

    let_time_pass(store, clock, LEASE_S - 0.001)
    assert take(store) == []
    let_time_pass(store, clock, 0.001)
    store.outbox.tick(a_poster("another"))

    assert [taken.event.seq for taken in take(store)] == [1]


def test_a_ticker_reports_its_hosts_clock_at_once_and_then_every_five_seconds(
    dispatcher, times, monkeypatch
):
    told_s: list[float] = []
    monkeypatch.setattr(callbacks, "tell_clock", lambda _store: told_s.append(times.now_s - 5000))
    monkeypatch.setattr(dispatcher, "_stopping", SimpleNamespace(wait=lambda _s: None))

    for _ in range(12):
        dispatcher._tick()
        times.now_s += 1

    assert told_s == [0, 5, 10]


def test_what_a_poster_keeps_and_how_much_it_posts_at_a_time_are_the_settings(store):
    settings = replace(SETTINGS, callback_threads=32, keep_days=7)
    poster = Dispatcher(store, settings)._poster

    assert (poster.cap, poster.places, poster.kept_ms) == (8, 8, 7 * 86_400_000)
    assert Dispatcher(store, settings)._poster.name != poster.name


def test_an_attempt_has_as_long_as_the_settings_say(store):
    store.clients.add("ann")
    made = Dispatcher(store, replace(SETTINGS, callback_limit_s=0.3))
    with peer(lambda connection, ended: ended.wait(30)) as url:
        made._serve(in_hand(store, made, url), callbacks.time.monotonic())

    (attempt,) = store.outbox.told("j").attempts
    assert attempt["error"] == "timeout"
    assert attempt["ms"] >= 300


# -- turns ------------------------------------------------------------------------------------


def with_dead_letters(store, dispatcher, url, count):
    a_job(store, "j", url)
    for _ in range(count):
        emit(store, "j", "T")
        done(store, take_one(store, dispatcher._poster), "dead", dispatcher._poster, health="none")
    assert store.outbox.resend("j") == count
    return take_one(store, dispatcher._poster)


def test_a_chatty_job_gives_its_thread_back_after_eight_events(store, dispatcher, times):
    with Receiver() as receiver:
        taken = with_dead_letters(store, dispatcher, receiver.url, 10)
        dispatcher._serve(taken, times.now_s)
        assert len(receiver.heard) == YIELD_EVENTS == 8
        # Whoever is next goes on at once, in order.
        dispatcher._serve(take_one(store, dispatcher._poster), times.now_s)

    assert [heard.seq for heard in receiver.heard] == list(range(1, 11))


@pytest.mark.parametrize(("each_s", "posted"), [(2.4, 3), (2.6, 2)])
def test_a_slow_job_gives_its_thread_back_after_five_seconds(
    store, dispatcher, times, each_s, posted
):
    def slow(heard, before):
        times.now_s += each_s
        return 200, {}

    with Receiver(slow) as receiver:
        taken = with_dead_letters(store, dispatcher, receiver.url, 5)
        dispatcher._serve(taken, times.now_s)

    assert len(receiver.heard) == posted


def test_a_dispatcher_takes_no_more_jobs_than_it_has_threads(store, times, clock):
    made = Dispatcher(store, replace(SETTINGS, callback_threads=12))
    for n in range(15):
        store.redis.hset(f"limner:fate:ann http://r{n}:80", "ok", clock.now_ms)
        emit(store, a_job(store, f"j{n}", f"http://r{n}/"), "X")
    made._feed()

    # Whoever has a thread to spare gets the others.
    assert made._jobs.qsize() == 12
    assert len(take(store)) == 3


def test_a_dispatcher_that_stops_posts_nothing_more(store, dispatcher, times):
    with Receiver() as receiver:
        taken = in_hand(store, dispatcher, receiver.url)
        dispatcher._stopping.set()
        dispatcher._serve(taken, times.now_s)

        assert receiver.heard == []
    store.outbox.tick(dispatcher._poster)
    assert take_one(store, dispatcher._poster).tried == 0


# -- outcomes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "word", "why", "fails"),
    [
        (204, "X", "ok", None, 0),
        (500, "X", "retry", None, None),
        (503, "X", "retry", None, 1),
        (404, "T", "dead", "rejected", None),
        (404, "P", "drop", None, None),
        (410, "T", "gone", "gone", None),
    ],
)
def test_each_outcome_is_recorded_and_said(
    store, dispatcher, times, caplog, status, kind, word, why, fails
):
    with Receiver(lambda heard, before: (status, {})) as receiver, caplog.at_level(logging.INFO):
        dispatcher._serve(in_hand(store, dispatcher, receiver.url, kind), times.now_s)
        dest = receiver.url.removesuffix("/hook")

    (line,) = logged(caplog, "callback.attempted")
    assert line["ms"] >= 0
    assert line["destination"] == dest
    said = {name: line[name] for name in ("job", "seq", "kind", "attempt", "status", "outcome")}
    assert said == {
        "job": "j",
        "seq": 1,
        "kind": kind,
        "attempt": 1,
        "status": status,
        "outcome": word,
    }
    assert line["retry_in_s"] == (5.0 if word == "retry" else None)
    dead = logged(caplog, "callback.dead")
    whose = {"job": "j", "seq": 1, "kind": kind, "client": "ann", "destination": dest}
    assert dead == ([whose | {"why": why}] if why else [])
    assert [letter.why for letter in store.outbox.dead()] == ([why] if why else [])
    assert store.outbox.told("j").attempts[0].get("status") == status
    learnt = store.redis.hget(f"limner:fate:ann {dest}", "fails")
    assert (None if learnt is None else int(learnt)) == fails


def test_a_last_try_without_an_answer_speaks_of_the_receiver_as_any_other(store, dispatcher, times):
    with Receiver() as receiver:
        url = receiver.url
    taken = replace(in_hand(store, dispatcher, url), tried=10)
    dispatcher._serve(taken, times.now_s)

    assert [letter.why for letter in store.outbox.dead()] == ["exhausted"]
    assert store.redis.hget(f"limner:fate:ann {url.removesuffix('/hook')}", "fails") == "1"


@pytest.mark.parametrize("trouble", ["no client", "switched off"])
def test_what_was_never_tried_says_nothing_of_the_receiver(store, dispatcher, times, trouble):
    url = "http://192.0.2.1:80/"
    client = "nobody" if trouble == "no client" else "ann"
    store.clients.change("ann", callback_url=url)
    if trouble == "switched off":
        store.redis.hset("limner:endpoint:ann", mapping={"since": 1, "fails": 7, "disabled": 2})
    dispatcher._serve(in_hand(store, dispatcher, url, client=client), times.now_s)

    assert len(store.outbox.dead()) == 1
    assert list(store.redis.scan_iter("limner:fate:*")) == []
    assert store.outbox.endpoint("ann").fails == (7 if trouble == "switched off" else 0)


def test_a_failure_at_the_default_url_is_counted_against_it(store, dispatcher, times):
    with Receiver(lambda heard, before: (500, {})) as receiver:
        store.clients.change("ann", callback_url=receiver.url)
        dispatcher._serve(in_hand(store, dispatcher, receiver.url), times.now_s)

    assert store.outbox.endpoint("ann").fails == 1


def test_retry_after_is_handed_on_as_asked(store, dispatcher, times, clock):
    with Receiver(lambda heard, before: (429, {"Retry-After": "600"})) as receiver:
        dispatcher._serve(in_hand(store, dispatcher, receiver.url), times.now_s)

    told = store.outbox.told("j")
    assert (told.waits_for, told.due_ms) == ("quiet", clock.now_ms + 600_000)


def test_a_date_to_retry_after_is_reckoned_by_the_clock_on_the_wall(store, times, clock):
    store.clients.add("ann")
    now_s = clock.now_ms / 1000
    made = Dispatcher(
        *(store, SETTINGS), lease_s=LEASE_S, total_s=TOTAL_S, random=lambda: 0, clock=lambda: now_s
    )
    # Ten minutes after the clock's 15 January 2027, 08:00.
    later = {"Retry-After": "Fri, 15 Jan 2027 08:10:00 GMT"}
    with Receiver(lambda heard, before: (503, later)) as receiver:
        made._serve(in_hand(store, made, receiver.url), times.now_s)

    assert store.outbox.told("j").due_ms == clock.now_ms + 600_000


def test_operators_are_told_of_breakers_and_of_default_urls_that_fail(
    store, dispatcher, times, clock, caplog
):
    with Receiver(lambda heard, before: (503, {})) as receiver, caplog.at_level(logging.WARNING):
        dest = receiver.url.removesuffix("/hook")
        store.clients.change("ann", callback_url=receiver.url)
        for n in range(25):
            # Hours apart: the breaker is closed whenever one is posted.
            dispatcher._serve(in_hand(store, dispatcher, receiver.url, job=f"j{n}"), times.now_s)
            clock.pass_s(6 * 3600)
        # Without waiting for the client to be looked up anew.
        dispatcher._serve(in_hand(store, dispatcher, receiver.url, job="late"), times.now_s)

    whose = {"client": "ann", "destination": dest}
    assert logged(caplog, "breaker.opened")[0] == whose
    assert logged(caplog, "callback.failing") == [whose | {"hours": h} for h in ("24", "72")]
    assert logged(caplog, "callback.disabled") == [whose]
    heard = {heard.job for heard in receiver.heard}
    assert "j20" in heard
    assert not {"j21", "late"} & heard


# -- Redis away ------------------------------------------------------------------------------


def test_an_outcome_that_cannot_be_recorded_within_its_lease_is_let_go_of(
    store, dispatcher, times, monkeypatch
):
    def away(*args, **kwargs):
        raise StoreDown

    with Receiver() as receiver:
        taken = in_hand(store, dispatcher, receiver.url)
        monkeypatch.setattr(store.outbox, "done", away)
        began = times.now_s
        dispatcher._serve(taken, began)

    assert len(receiver.heard) == 1
    assert times.slept[:6] == [0.1, 0.2, 0.5, 1.0, 2.0, 2.0]
    assert LEASE_S < times.now_s - began <= LEASE_S + 2.0


def test_a_client_that_cannot_be_looked_up_puts_the_attempt_off_for_a_second(
    store, dispatcher, times, clock, monkeypatch
):
    taken = in_hand(store, dispatcher, "http://192.0.2.1/")

    def away(name):
        raise StoreDown

    monkeypatch.setattr(store.clients, "get", away)
    dispatcher._serve(taken, times.now_s)

    told = store.outbox.told("j")
    assert (told.attempts, [event.seq for event in told.pending]) == ((), [1])
    assert store.redis.zscore("limner:due", "j") == clock.now_ms + 1000
