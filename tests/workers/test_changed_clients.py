"""A client is changed while its callbacks go out: a running poster heeds it within a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from limner.callback.signature import verify
from limner.settings import Settings
from limner.store import Store
from net.outgoing import FetchFailed
from tests.callback_doubles import Receiver, a_job, emit
from tests.conftest import wait_until
from workers.posting import letters
from workers.runtime import CallbackRuntime, Fetchers

#: the documented bound (docs/operations.md)
SECOND = 1.0
LOOPBACK = "127.0.0.1:*"


class Gateway:
    """A running callbacks worker without Celery, whose knowledge of clients ages as the test says."""

    def __init__(self, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = store
        self._now_s = 1000.0
        monkeypatch.setattr(letters, "time", SimpleNamespace(monotonic=lambda: self._now_s))
        self.runtime = CallbackRuntime(settings, app=None)
        self.runtime.start()
        self._jobs = 0

    def tell(self, url: str, client: str = "ann") -> str:
        """Let something happen that ``client`` is told of at ``url``; return the job once it was tried."""
        self._jobs += 1
        job = a_job(self.store, f"j{self._jobs}", url, client)
        emit(self.store, job, "X")
        wait_until(lambda: self.tried(job), what="an attempt")
        return job

    def tried(self, job: str) -> bool:
        told = self.store.outbox.told(job)
        return bool(told.attempts or told.dead)

    def error(self, job: str) -> str | None:
        """How the job's first attempt failed, None if it did not."""
        (attempt, *_) = self.store.outbox.told(job).attempts
        return attempt.get("error")

    def pass_a_second(self) -> None:
        self._now_s += SECOND


def switch_off(store: Store) -> None:
    """Let ann's default URL be as it is after five days without a 2xx."""
    store.redis.hset("limner:endpoint:ann", mapping={"since": 1, "fails": 99, "disabled": 2})


def why_dead(store: Store, job: str) -> list[str]:
    return [letter.why for letter in store.outbox.told(job).dead]


@pytest.fixture
def live(redis_url) -> Iterator[Store]:
    store = Store(redis_url)
    store.redis.flushall()
    yield store
    store.close()


@pytest.fixture
def gateway(live, redis_url, tmp_path, monkeypatch) -> Iterator[Gateway]:
    settings = Settings(redis_url=redis_url, data_dir=tmp_path, callback_threads=4)
    made = Gateway(live, settings, monkeypatch)
    yield made
    made.runtime.drain()
    made.runtime.end()


def test_a_rotated_secret_signs_within_a_second_and_the_old_one_beside_it(live, gateway):
    (old,) = live.clients.add("ann", callback_allow=LOOPBACK).client.secrets
    with Receiver() as receiver:
        gateway.tell(receiver.url)
        new = live.clients.rotate_secret("ann")
        gateway.pass_a_second()
        gateway.tell(receiver.url)
    before, after = receiver.heard

    def signed(heard, secret):
        return verify(heard.headers, heard.body, secret, time.time())

    assert [signed(before, old), signed(before, new)] == [True, False]
    assert [signed(after, old), signed(after, new)] == [True, True]


def test_a_narrowed_allow_list_shuts_receivers_out_within_a_second(live, gateway):
    live.clients.add("ann", callback_allow=LOOPBACK)
    with Receiver() as receiver:
        assert gateway.error(gateway.tell(receiver.url)) is None
        live.clients.change("ann", callback_allow="")
        gateway.pass_a_second()

        # Not over the connection that was kept either.
        assert gateway.error(gateway.tell(receiver.url)) == "not_allowed"
        assert len(receiver.heard) == 1


def test_a_widened_allow_list_opens_receivers_within_a_second(live, gateway):
    live.clients.add("ann")
    with Receiver() as receiver:
        assert gateway.error(gateway.tell(receiver.url)) == "not_allowed"
        live.clients.change("ann", callback_allow=LOOPBACK)
        gateway.pass_a_second()

        assert gateway.error(gateway.tell(receiver.url)) is None


def test_a_default_url_that_another_poster_switched_off_is_left_alone_within_a_second(
    live, gateway
):
    with Receiver() as receiver:
        live.clients.add("ann", callback_url=receiver.url, callback_allow=LOOPBACK)
        assert gateway.error(gateway.tell(receiver.url)) is None
        switch_off(live)
        gateway.pass_a_second()

        assert why_dead(live, gateway.tell(receiver.url)) == ["disabled"]
        assert len(receiver.heard) == 1


def test_a_url_that_is_the_default_no_longer_is_called_again_at_once(live, gateway):
    with Receiver() as old, Receiver() as new:
        live.clients.add("ann", callback_url=old.url, callback_allow=LOOPBACK)
        switch_off(live)
        assert why_dead(live, gateway.tell(old.url)) == ["disabled"]
        live.clients.change("ann", callback_url=new.url)

        assert gateway.error(gateway.tell(old.url)) is None


def test_a_default_url_that_is_switched_on_again_is_called_at_once(live, gateway):
    """No event may become a dead letter for what was so a moment ago."""
    with Receiver() as receiver:
        live.clients.add("ann", callback_url=receiver.url, callback_allow=LOOPBACK)
        switch_off(live)
        assert why_dead(live, gateway.tell(receiver.url)) == ["disabled"]
        live.outbox.enable("ann")

        assert why_dead(live, gateway.tell(receiver.url)) == []
        assert len(receiver.heard) == 1


def test_a_client_that_is_made_again_is_told_at_once(live, gateway):
    with Receiver() as receiver:
        gateway.tell(receiver.url)
        live.clients.add("ann", callback_allow=LOOPBACK)

        assert gateway.error(gateway.tell(receiver.url)) is None


def test_what_is_known_of_a_client_is_not_asked_for_again_within_the_second(live, gateway):
    live.clients.add("ann", callback_allow=LOOPBACK)
    asked = []
    get = gateway.runtime.store.clients.get
    gateway.runtime.store.clients.get = lambda name: asked.append(name) or get(name)
    with Receiver() as receiver:
        for _ in range(3):
            gateway.tell(receiver.url)

    assert asked == ["ann"]


def test_callbacks_of_a_disabled_client_go_on(live, gateway):
    live.clients.add("ann", callback_allow=LOOPBACK)
    live.clients.change("ann", disabled=True)
    with Receiver() as receiver:
        assert gateway.error(gateway.tell(receiver.url)) is None


def test_a_narrowed_allow_list_counts_for_the_next_reference_image(live):
    live.clients.add("ann", callback_allow=LOOPBACK)
    fetchers = Fetchers(live, Settings())
    with Receiver() as receiver:
        assert fetchers("ann")(receiver.url, 100) == b"ok"
        live.clients.change("ann", callback_allow="")

        with pytest.raises(FetchFailed) as failure:
            fetchers("ann")(receiver.url, 100)
        assert failure.value.why == "not_allowed"
        assert len(receiver.heard) == 1
    fetchers.close()
