"""How those who wait are told: by one subscription a process, and in time also without it."""

from __future__ import annotations

import contextlib
import threading

import pytest

from api import create_app, watcher
from api.watcher import Watcher
from limner.errors import StoreDown
from limner.store import Store
from tests.api.asking import Caller
from tests.api.drawing import submitted
from tests.conftest import wait_until

MANY = 300


@pytest.fixture
def watching(app) -> Watcher:
    found: Watcher = app.extensions["limner"].watcher
    return found


def path(job, more: str = "") -> str:
    return f"/draw/midjourney/jobs/{job['id']}{more}"


def subscribers(store: Store) -> int:
    return int(store.redis.pubsub_numsub("limner:changed")[0][1])


def asked(caller: Caller, job, found: list[int]) -> threading.Thread:
    """Start a long poll that notes the status it is answered with."""
    thread = threading.Thread(
        target=lambda: found.append(caller("GET", path(job, "?wait=60")).json["status"])
    )
    thread.start()
    return thread


def test_however_many_wait_one_subscription_tells_them_and_ends_with_them(watching, store, caller):
    job = caller.drawn()
    with contextlib.ExitStack() as all_of_them:
        waiters = [all_of_them.enter_context(watching.following(job["id"])) for _ in range(MANY)]
        assert subscribers(store) == 1
        # All are woken together: when one was left alone for a while, none has anything more to come.
        while waiters[0].wait(0.05) or any(waiter.wait(0) for waiter in waiters):
            pass

        submitted(store, job)

        assert all(waiter.wait(10) for waiter in waiters)
    wait_until(lambda: subscribers(store) == 0, what="the end of the subscription")


def test_news_of_one_job_wake_nobody_else(watching, store, caller):
    job, other = caller.drawn(), caller.drawn()
    with watching.following(job["id"]) as waiter, watching.following(other["id"]) as bystander:
        while waiter.wait(0.05) or bystander.wait(0.05):
            pass

        submitted(store, job)

        assert waiter.wait(10)
        assert not bystander.wait(0.05)


def test_who_follows_before_reading_misses_nothing(watching, store, caller):
    job = caller.drawn()
    with watching.following(job["id"]) as waiter:
        submitted(store, job)
        assert waiter.wait(10)


def test_a_subscription_that_breaks_is_made_anew_and_all_look_for_themselves(
    watching, store, caller, monkeypatch
):
    monkeypatch.setattr(watcher, "PAUSE_S", 0.01)
    job = caller.drawn()
    with watching.following(job["id"]) as waiter:
        while waiter.wait(0.05):
            pass

        assert store.redis.client_kill_filter(_type="pubsub") == 1

        assert waiter.wait(10)
        wait_until(lambda: subscribers(store) == 1, what="another subscription")
        while waiter.wait(0.05):
            pass
        submitted(store, job)
        assert waiter.wait(10)


def test_without_the_right_to_subscribe_news_come_late_but_come(
    settings, store, messages, caller, monkeypatch
):
    monkeypatch.setattr(watcher, "PAUSE_S", 0.05)
    monkeypatch.setattr(watcher, "READY_S", 0.01)
    app = create_app(settings, store, messages)

    @contextlib.contextmanager
    def forbidden():
        raise StoreDown("no permission")
        yield

    monkeypatch.setattr(app.extensions["limner"].watcher._changes, "subscribed", forbidden)
    reader, found = Caller(app, caller.token, caller.name), []
    job = caller.drawn()
    thread = asked(reader, job, found)
    wait_until(lambda: app.extensions["limner"].watcher.waiting > 0, what="somebody who waits")

    submitted(store, job)

    thread.join(20)
    assert found == [-1]


def test_a_user_without_the_channel_draws_all_the_same(store, caller, redis_url):
    store.redis.execute_command(
        "ACL", "SETUSER", "mute", "reset", "on", ">s3cret", "~*", "resetchannels", "+@all"
    )
    try:
        mute = Store(redis_url.replace("unix://", "unix://mute:s3cret@", 1))
        job = caller.drawn()
        assert mute.lanes.cancel(job["id"])
        mute.close()
    finally:
        store.redis.execute_command("ACL", "DELUSER", "mute")

    assert caller("GET", path(job)).json["reasonCode"] == "cancelled"


def test_at_the_end_of_a_process_nobody_waits_any_more(app, watching, store, caller):
    job, found = caller.drawn(), []
    thread = asked(caller, job, found)
    wait_until(lambda: watching.waiting > 0, what="somebody who waits")

    watching.end()

    thread.join(20)
    assert found == [-2]
    assert caller("GET", path(job, "?wait=60")).json == job
    assert "retry" in caller("GET", path(job, "/events")).text
