"""A test event to where a job's callbacks go: who may send one, who posts it, and what is told of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from limner.errors import StoreDown
from limner.store.trials import Trial
from tests.api.asking import a_caller, refused
from tests.console.receiving import Receiver
from workers.posting.trial_poster import TrialPoster


@pytest.fixture
def settings(settings):
    return replace(settings, callback_allow="127.0.0.1:*")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as here:
        yield here


@pytest.fixture
def tester(store, settings) -> Iterator[None]:
    """A worker's part that posts test events."""
    here = TrialPoster(store, settings)
    here.start()
    yield
    ended(here)


def ended(poster: TrialPoster) -> None:
    poster.stop()
    poster._thread.join(15)
    assert not poster._thread.is_alive()


def tried(caller, job):
    return caller("POST", f"/draw/midjourney/jobs/{job['id']}/callbacks/test")


def test_a_test_event_reaches_the_receiver_signed_and_its_answer_comes_back(
    tester, caller, receiver
):
    receiver.answers = [(200, "thanks"), (500, "<b>no</b>")]
    job = caller.drawn(callBackUrl=receiver.url)

    good, bad = tried(caller, job).json, tried(caller, job).json

    assert (good["delivered"], good["status"], good["error"], good["answer"]) == (
        *(True, 200, None, "thanks"),
    )
    assert (bad["delivered"], bad["status"], bad["answer"]) == (False, 500, "<b>no</b>"), bad
    assert isinstance(bad["ms"], int)
    told = receiver.told[0]
    assert told["test"] is True
    # As any callback, but of no job that there is: who keeps the order of a job's misses none.
    assert set(told) - {"test"} == set(job)
    assert (told["seq"], told["status"], told["messageId"]) == (1, -1, told["id"])
    assert told["id"] != job["id"]
    assert caller("GET", f"/draw/midjourney/jobs/{job['id']}/callbacks").json["data"] == []


def test_a_test_event_goes_to_the_clients_default_url_if_the_job_names_none(
    tester, app, store, receiver
):
    caller = a_caller(app, store, "cat", callback_url=receiver.url)

    assert tried(caller, caller.drawn()).json["delivered"]


def test_addresses_that_callbacks_may_not_reach_test_events_do_not_reach_either(
    store, settings, caller, receiver
):
    tester = TrialPoster(store, replace(settings, callback_allow=""))
    tester.start()

    outcome = tried(caller, caller.drawn(callBackUrl=receiver.url)).json
    ended(tester)

    assert (outcome["delivered"], outcome["error"]) == (False, "not_allowed")
    assert "127.0.0.1" not in str(outcome)
    assert receiver.told == []


def test_nobody_can_be_told_of_a_job_without_a_url_nor_of_another_clients(caller, other):
    refused(tried(caller, caller.drawn()), 409, "no_callback_url")
    refused(tried(caller, other.drawn(callBackUrl="https://receiver.example/")), 404)


def test_without_a_worker_the_answer_says_so_and_later_nobody_is_surprised(
    monkeypatch, caller, store, receiver
):
    monkeypatch.setattr("api.trying.WAIT_S", 0.2)
    job = caller.drawn(callBackUrl=receiver.url)

    assert tried(caller, job).json["error"] == "no_worker"

    # One at a time; and what nobody waits for any more is not posted.
    refused(tried(caller, job), 429)
    store.redis.delete(f"limner:trying:{caller.name}")
    assert not store.trials.awaited(store.trials.take(0.1))
    assert receiver.told == []


def test_a_client_has_one_test_event_on_its_way_and_others_have_theirs(store):
    assert store.trials.ask(Trial("1", "ann", "https://receiver.example/"))
    assert not store.trials.ask(Trial("2", "ann", "https://receiver.example/"))
    assert store.trials.ask(Trial("3", "bob", "https://receiver.example/"))

    taken = store.trials.take(1)
    assert taken is not None
    assert taken.id == "1"
    store.trials.answer(taken, {"delivered": True})

    assert store.trials.answered("1") == {"delivered": True}
    assert store.trials.answered("2") is None
    assert store.trials.ask(Trial("4", "ann", "https://receiver.example/"))
    assert 0 < store.redis.pttl("limner:trial:1") <= 60_000
    assert 0 < store.redis.pttl("limner:trying:ann") <= 30_000


def test_of_too_many_test_events_the_oldest_are_forgotten(monkeypatch, store):
    monkeypatch.setattr("limner.store.trials.TRIALS_MOST", 3)
    for number in range(5):
        assert store.trials.ask(Trial(str(number), f"c{number}", "https://receiver.example/"))

    assert store.redis.llen("limner:trials") == 3
    assert [store.trials.take(1).id for _ in range(3)] == ["2", "3", "4"]


def test_a_bug_in_one_test_event_ends_no_other(monkeypatch, store, tester, caller, receiver):
    broken = threading.Event()

    def once(*_):
        if not broken.is_set():
            broken.set()
            raise RuntimeError
        return {"delivered": True}

    monkeypatch.setattr("workers.posting.trial_poster.WAIT_S", 0.05)
    monkeypatch.setattr(TrialPoster, "_tried", once)
    store.trials.ask(Trial("1", "cat", receiver.url))

    assert tried(caller, caller.drawn(callBackUrl=receiver.url)).json["delivered"]
    assert broken.is_set()


def test_what_a_stopping_worker_took_is_left_to_another(store, settings):
    stopped = TrialPoster(store, settings)
    stopped.start()
    stopped.stop()
    store.trials.ask(Trial("1", "ann", "https://receiver.example/"))
    ended(stopped)

    assert store.trials.take(0.1) == Trial("1", "ann", "https://receiver.example/")


@pytest.mark.parametrize("method", ["awaited", "answer"])
def test_a_test_event_outlives_a_moment_without_redis_and_is_posted_once(
    monkeypatch, store, tester, caller, receiver, method
):
    away = [StoreDown(), StoreDown()]
    real = getattr(store.trials, method)

    def at_first_away(*arguments):
        if away:
            raise away.pop()
        return real(*arguments)

    monkeypatch.setattr("workers.posting.trial_poster.WAIT_S", 0.05)
    monkeypatch.setattr(store.trials, method, at_first_away)

    assert tried(caller, caller.drawn(callBackUrl=receiver.url)).json["delivered"]
    assert len(receiver.told) == 1
