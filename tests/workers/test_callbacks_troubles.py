"""Bugs and outages beside a dispatcher: none of them ends it, costs a thread or is passed over."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from limner.errors import StoreDown
from limner.settings import Settings
from limner.store import Store
from tests.callback_doubles import Receiver, a_job, emit, logged, peer
from tests.conftest import wait_until
from workers import runtime
from workers.posting.dispatcher import Dispatcher

SETTINGS = Settings(callback_threads=1, callback_allow="127.0.0.1:*")


@pytest.fixture
def one_thread(redis_url, caplog):
    """A dispatcher of one thread, on the server's clock."""
    caplog.set_level(logging.INFO)
    store = Store(redis_url)
    store.redis.flushall()
    store.clients.add("ann")
    made = Dispatcher(store, SETTINGS, lease_s=9.0, total_s=5.0)
    yield SimpleNamespace(store=store, dispatcher=made)
    made.stop(5)
    store.close()


def test_a_bug_in_an_attempt_costs_no_thread(one_thread, caplog):
    store, letters, bugs = one_thread.store, one_thread.dispatcher._letters, iter([True])
    write = letters.write

    def buggy(taken):
        if next(bugs, False):
            raise RuntimeError("a bug")
        return write(taken)

    letters.write = buggy
    one_thread.dispatcher.start()
    emit(store, a_job(store, "a", "http://192.0.2.1/"), "X")
    wait_until(lambda: logged(caplog, "callback.broken"), what="the bug")
    with Receiver() as receiver:
        # A proven receiver: it needs none of the places that the first one holds until its lease ends.
        fate = f"limner:fate:ann {receiver.url.removesuffix('/hook')}"
        store.redis.hset(fate, "ok", round(time.time() * 1000))
        emit(store, a_job(store, "b", receiver.url), "X")
        wait_until(lambda: receiver.heard, what="the second job")

    assert logged(caplog, "callback.broken") == [{"job": "a"}]
    assert "RuntimeError: a bug" in caplog.text


@pytest.mark.parametrize("part", ["take", "tick"])
def test_a_bug_beside_the_attempts_ends_no_loop_and_is_said(one_thread, caplog, part):
    outbox, bugs = one_thread.store.outbox, iter([True])
    real = getattr(outbox, part)

    def buggy(*args, **kwargs):
        if next(bugs, False):
            raise RuntimeError("a bug")
        return real(*args, **kwargs)

    setattr(outbox, part, buggy)
    one_thread.dispatcher.start()
    with Receiver() as receiver:
        emit(one_thread.store, a_job(one_thread.store, "j", receiver.url), "X")
        wait_until(lambda: receiver.heard, what="the callback")

    assert len(logged(caplog, "dispatcher.broken")) == 1
    assert "RuntimeError: a bug" in caplog.text


class Stopping:
    """Says stop once it was waited upon so often."""

    def __init__(self, most: int) -> None:
        self.waits: list[float] = []
        self._most = most

    def is_set(self) -> bool:
        return len(self.waits) >= self._most

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.mark.parametrize("error", [StoreDown(), RuntimeError("a bug")])
def test_what_fails_is_tried_again_more_and_more_seldom(one_thread, error):
    stopping = one_thread.dispatcher._stopping = Stopping(9)
    goes_well = iter([False] * 6 + [True])

    def step():
        if not next(goes_well, False):
            raise error

    one_thread.dispatcher._repeat(step)
    one_thread.dispatcher._stopping = threading.Event()

    assert stopping.waits == [0.1, 0.2, 0.5, 1.0, 2.0, 2.0, 0.1, 0.2, 0.5]


def test_an_outage_is_said_once(one_thread, caplog):
    outbox, outage = one_thread.store.outbox, iter([True] * 3)
    real = outbox.tick

    def away(*args):
        if next(outage, False):
            raise StoreDown
        return real(*args)

    outbox.tick = away
    one_thread.dispatcher.start()
    with Receiver() as receiver:
        emit(one_thread.store, a_job(one_thread.store, "j", receiver.url), "X")
        wait_until(lambda: receiver.heard and next(outage, None) is None)

    (said,) = logged(caplog, "store.lost")
    assert said == {"why": str(StoreDown())}


def test_stopping_does_not_wait_for_an_attempt_that_hangs(one_thread, caplog):
    arrived = threading.Event()

    def hangs(connection, ended):
        arrived.set()
        ended.wait(30)

    with peer(hangs) as url:
        one_thread.dispatcher.start()
        emit(one_thread.store, a_job(one_thread.store, "j", url), "X")
        assert arrived.wait(20)
        one_thread.dispatcher.stop(0.1)

    (line,) = logged(caplog, "dispatcher.stopped")
    assert line["unfinished"] >= 1
    assert [event.seq for event in one_thread.store.outbox.told("j").pending] == [1]


def test_the_ticker_shows_that_it_runs_while_redis_is_away(one_thread, monkeypatch):
    def lost(*_arguments: object) -> None:
        raise StoreDown

    for name in ("tick", "wait"):
        monkeypatch.setattr(one_thread.store.outbox, name, lost)
    rounds = []
    one_thread.dispatcher.start(lambda: rounds.append(1))

    wait_until(lambda: len(rounds) > 2, what="rounds")
    one_thread.dispatcher.stop()


def test_whoever_waits_for_attempts_waits_no_longer_once_told_to_hurry(one_thread, caplog):
    arrived = threading.Event()

    def hangs(connection, ended):
        arrived.set()
        ended.wait(30)

    with peer(hangs) as url:
        one_thread.dispatcher.start()
        emit(one_thread.store, a_job(one_thread.store, "j", url), "X")
        assert arrived.wait(20)
        patient = threading.Thread(target=one_thread.dispatcher.stop)
        patient.start()
        one_thread.dispatcher.stop(0)
        patient.join()
        # Nor does whoever comes later make it wait again.
        one_thread.dispatcher.stop()

    # The attempt itself would have ended after its five seconds.
    lines = logged(caplog, "dispatcher.stopped")
    assert len(lines) == 3
    assert all(line["unfinished"] for line in lines)


def test_a_poster_that_retires_finishes_its_posts_however_slow(redis_url, tmp_path, monkeypatch):
    """What it cut off, another poster would send again."""
    monkeypatch.setattr(runtime, "POSTS_GRACE_S", 0.05)
    arrived, go_on, order = threading.Event(), threading.Event(), []

    def slow(heard, before):
        arrived.set()
        go_on.wait(30)
        order.append("answered")
        return 200, {}

    settings = replace(SETTINGS, redis_url=redis_url, data_dir=tmp_path, callback_limit_s=60)
    store = Store(redis_url)
    store.redis.flushall()
    store.clients.add("ann")
    made = runtime.CallbackRuntime(settings, app=None)
    with Receiver(slow) as receiver:
        made.start()
        emit(store, a_job(store, "j", receiver.url), "X")
        assert arrived.wait(20)
        # In a signal's handler: it waits for nothing.
        made.retire()
        ending = threading.Thread(target=lambda: (made.end(), order.append("ended")))
        ending.start()
        ending.join(0.5)
        go_on.set()
        ending.join()

    assert order == ["answered", "ended"]
    told = store.outbox.told("j")
    assert (told.pending, len(told.attempts)) == ((), 1)
    store.close()
