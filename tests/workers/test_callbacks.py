"""The dispatcher against real receivers on loopback: order, retries, refusals, outages."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import replace

import pytest

from limner.callback.signature import verify
from limner.errors import StoreDown
from limner.settings import Settings
from limner.store import Store
from limner.store.outbox import AttemptReport
from tests.callback_doubles import Receiver, a_job, a_poster, emit, take
from tests.conftest import wait_until
from workers.posting.dispatcher import Dispatcher
from workers.posting.letters import BODY_MAX_BYTES, event_body

SETTINGS = Settings(callback_threads=16, callback_allow="127.0.0.1:*")


@pytest.fixture
def live(redis_url):
    """A store on the server's own clock."""
    store = Store(redis_url)
    store.redis.flushall()
    store.clients.add("ann")
    yield store
    store.close()


@pytest.fixture
def dispatch(live):
    """Start dispatchers; pauses between tries are a thousandth of the real ones."""
    started = []

    def start(settings=SETTINGS, **options):
        dispatcher = Dispatcher(live, settings, random=lambda: 0.5, **options)
        started.append(dispatcher)
        done = live.outbox.done

        def done_sooner(poster, taken, report: AttemptReport, *, go_on):
            sooner = replace(report, delay_s=min(report.delay_s / 1000, 0.05))
            return done(poster, taken, sooner, go_on=go_on)

        live.outbox.done = done_sooner
        dispatcher.start()
        return dispatcher

    yield start
    for dispatcher in started:
        dispatcher.stop(5)


def test_a_callback_is_the_signed_job_with_its_events_seq(live, dispatch):
    secret = live.clients.get("ann").secrets[0]
    dispatch()
    with Receiver() as receiver:
        emit(live, a_job(live, "j", receiver.url), "T")
        wait_until(lambda: receiver.heard, what="a callback")
    heard = receiver.heard[0]

    assert verify(heard.headers, heard.body, secret, time.time())
    assert heard.headers["webhook-id"].startswith("msg_j_1_")
    assert heard.headers["content-type"] == "application/json"
    assert "x-limner-replay" not in heard.headers
    told = json.loads(heard.body)
    assert (told["id"], told["status"], told["seq"]) == ("j", -1, 1)


def test_flaky_receivers_get_every_transition_in_order_and_nothing_after_the_end(live, dispatch):
    chance = random.Random(5)
    dispatch()
    # 500 and 408 say nothing of the receiver as such: a breaker would make this test long.
    with Receiver(lambda heard, before: (chance.choice([200, 200, 500, 408]), {})) as receiver:
        jobs = [a_job(live, f"j{n}", receiver.url) for n in range(30)]

        def live_a_life(job):
            for kind in "TTPPPPX":
                emit(live, job, kind)
                time.sleep(0.01)

        threads = [threading.Thread(target=live_a_life, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: not any(live.outbox.told(job).pending for job in jobs), 60, "the end")

    for job in jobs:
        heard = [h for h in receiver.heard if h.job == job]
        seqs = [h.seq for h in heard]
        assert seqs == sorted(seqs)
        by_seq = {h.seq: (h.headers["webhook-id"], h.body) for h in heard}
        # The same event: the same id and the same bytes on every attempt.
        assert {(h.headers["webhook-id"], h.body) for h in heard} == set(by_seq.values())
        dead = {letter.event.seq for letter in live.outbox.told(job).dead}
        ends = [h for h in heard if json.loads(h.body)["status"] == 1]
        assert ends or dead
        assert not ends or seqs[-1] == ends[-1].seq


def test_a_slow_receiver_gets_fewer_previews_and_the_end_at_once(live, dispatch):
    answers = threading.Semaphore(0)

    def slow(heard, before):
        answers.acquire(timeout=30)
        return 200, {}

    dispatch()
    with Receiver(slow) as receiver:
        job = a_job(live, "j", receiver.url)
        emit(live, job, "T")
        wait_until(lambda: receiver.heard, what="the first callback")
        for percent in range(50):
            emit(live, job, "P", progress=percent)
        answers.release()
        wait_until(lambda: len(receiver.heard) == 2, what="the newest preview")
        emit(live, job, "P", progress=50)
        emit(live, job, "X")
        answers.release(2)
        wait_until(lambda: not live.outbox.told(job).pending)

    assert [h.seq for h in receiver.heard] == [1, 2, 3], "a healthy receiver sees no gaps"
    assert [json.loads(h.body)["status"] for h in receiver.heard] == [-1, 0, 1]
    assert json.loads(receiver.heard[1].body)["progress"] == 49


def test_a_rejecting_receiver_gets_the_end_all_the_same(live, dispatch):
    def rejecting(heard, before):
        return (400 if heard.seq < 3 else 200), {}

    dispatch()
    with Receiver(rejecting) as receiver:
        job = a_job(live, "j", receiver.url)
        for kind in "TTX":
            emit(live, job, kind)
        wait_until(lambda: len(receiver.heard) == 3)
        wait_until(lambda: not live.outbox.told(job).pending)

    assert [letter.why for letter in live.outbox.told(job).dead] == ["rejected", "rejected"]


def test_every_attempt_is_kept_with_what_the_receiver_said(live, dispatch):
    answers = [(500, {}), (302, {"Location": "http://elsewhere/?token=s3cret"}), (200, {})]
    dispatch()
    with Receiver(lambda heard, before: answers[before]) as receiver:
        emit(live, a_job(live, "j", receiver.url), "X")
        wait_until(lambda: len(live.outbox.told("j").attempts) == 3)
    first, second, third = live.outbox.told("j").attempts

    assert (first["status"], first["error"], first["attempt"]) == (500, "http_5xx", 1)
    assert first["answer"] == "ok"
    assert first["next"] >= first["at"] > 0
    assert (second["error"], second["location"]) == ("redirect", "http://elsewhere/")
    assert third["next"] is None
    assert "error" not in third


def test_a_private_receiver_is_refused_and_the_attempt_says_no_more(live, dispatch):
    dispatch(replace(SETTINGS, callback_allow=""))
    with Receiver() as receiver:
        emit(live, a_job(live, "j", receiver.url), "T")
        wait_until(lambda: live.outbox.told("j").attempts)

    assert receiver.heard == []
    assert live.outbox.told("j").attempts[0]["error"] == "not_allowed"
    assert "address" not in live.outbox.told("j").attempts[0]


def test_a_clients_own_allow_list_opens_its_receivers_to_it_alone(live, dispatch):
    live.clients.add("local", callback_allow="127.0.0.1:*")
    dispatch(replace(SETTINGS, callback_allow=""))
    with Receiver() as receiver:
        emit(live, a_job(live, "mine", receiver.url, "local"), "X")
        emit(live, a_job(live, "theirs", receiver.url, "ann"), "X")
        wait_until(lambda: receiver.heard and live.outbox.told("theirs").attempts)

    assert {h.job for h in receiver.heard} == {"mine"}


def test_a_resent_event_says_so_and_has_its_old_id(live, dispatch):
    answers = iter([400, 200, 200])
    dispatch()
    with Receiver(lambda heard, before: (next(answers), {})) as receiver:
        job = a_job(live, "j", receiver.url)
        emit(live, job, "T")
        wait_until(lambda: live.outbox.told(job).dead)
        emit(live, job, "X")
        wait_until(lambda: not live.outbox.told(job).pending)
        live.outbox.resend(job)
        wait_until(lambda: len(receiver.heard) == 3)
    first, _, again = receiver.heard

    assert again.headers["x-limner-replay"] == "1"
    assert (again.headers["webhook-id"], again.body) == (first.headers["webhook-id"], first.body)
    wait_until(lambda: not live.outbox.dead())


def test_a_disabled_default_url_gets_nothing_and_its_events_are_listed(live, dispatch):
    with Receiver() as receiver:
        live.clients.add("bob", callback_url=receiver.url)
        live.redis.hset("limner:endpoint:bob", mapping={"since": 1, "fails": 99, "disabled": 2})
        dispatch()
        emit(live, a_job(live, "j", receiver.url, "bob"), "X")
        wait_until(lambda: live.outbox.dead())

        assert [letter.why for letter in live.outbox.dead()] == ["disabled"]
        assert receiver.heard == []


def test_events_of_a_client_that_is_gone_become_dead_letters(live, dispatch):
    dispatch()
    emit(live, a_job(live, "j", "http://192.0.2.1/", "nobody"), "X")
    wait_until(lambda: live.outbox.dead())

    assert [letter.why for letter in live.outbox.dead()] == ["gone"]


def test_posting_goes_on_after_redis_was_away(live, dispatch):
    away, refused = threading.Event(), []
    for name in ("wait", "take", "tick"):
        real = getattr(live.outbox, name)

        def broken(*args, real=real, **kwargs):
            if away.is_set():
                refused.append(args)
                raise StoreDown
            return real(*args, **kwargs)

        setattr(live.outbox, name, broken)
    dispatch()
    away.set()
    wait_until(lambda: len(refused) > 3, what="an outage")
    with Receiver() as receiver:
        emit(live, a_job(live, "j", receiver.url), "X")
        away.clear()
        wait_until(lambda: receiver.heard)


def test_an_outcome_is_recorded_after_redis_came_back(live, dispatch):
    dispatch()
    real, failures = live.outbox.done, iter([True] * 3)

    def broken(*args, **kwargs):
        if next(failures, False):
            raise StoreDown
        return real(*args, **kwargs)

    live.outbox.done = broken
    with Receiver() as receiver:
        emit(live, a_job(live, "j", receiver.url), "X")
        wait_until(lambda: receiver.heard and not live.outbox.told("j").pending)
    assert len(receiver.heard) == 1


def test_stopping_lets_the_attempt_in_flight_end_and_leaves_the_rest(live, dispatch):
    arrived = threading.Event()
    dispatcher = dispatch()

    def slow(heard, before):
        arrived.set()
        dispatcher._stopping.wait(30)
        return 200, {}

    with Receiver(slow) as receiver:
        job = a_job(live, "j", receiver.url)
        for kind in "TTX":
            emit(live, job, kind)
        assert arrived.wait(30)
        dispatcher.stop(30)

        assert [h.seq for h in receiver.heard] == [1]
        assert [e.seq for e in live.outbox.told(job).pending] == [2, 3]
        # Nobody waits for a lease: another dispatcher goes on at once.
        dispatch()
        wait_until(lambda: len(receiver.heard) == 3)


def test_a_body_stays_within_its_bound(live):
    job = a_job(live, "j")
    request = json.loads(live.redis.hget("limner:job:j", "request"))
    request["prompt"] = "x" * 100_000
    live.redis.hset("limner:job:j", "request", json.dumps(request))
    emit(live, job, "T")
    (taken,) = take(live, a_poster())
    body = event_body(taken.record, taken.event, "http://gateway")

    assert len(body) <= BODY_MAX_BYTES
    assert json.loads(body)["prompt"] is None
    assert json.loads(body)["promptEn"] == "a cat"
