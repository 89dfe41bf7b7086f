"""Connections of a store when its primary is another server: none is left where it was, and all go on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from limner.errors import StoreDown
from limner.store import Store
from limner.store.waits import IMPATIENT, PATIENT
from tests.conftest import answers, wait_until
from tests.failover import Failover, Server, a_failover
from tests.refusals import STATES, a_relayed_server

pytestmark = [pytest.mark.seam, pytest.mark.slow]


@pytest.fixture(scope="module")
def redis() -> Iterator[Failover]:
    with a_failover() as failover:
        yield failover


@pytest.fixture(params=[PATIENT, IMPATIENT], ids=["patient", "impatient"])
def store(request, redis) -> Iterator[Store]:
    redis.wait_until_whole()
    store = Store(redis.url, waits=request.param)
    yield store
    store.close()


class Waiting(threading.Thread):
    """Waits for something of Redis, as a worker or the API does: again, when it was told that Redis is down."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._call = call
        self.got: Any = None
        self.start()

    def run(self) -> None:
        while not self.got:
            with contextlib.suppress(StoreDown):
                self.got = self._call()


def a_grant(store: Store) -> Waiting:
    """Wait for a slot, with a blocked pop."""
    # An impatient store waits for no pop that is longer than its patience.
    return Waiting(lambda: store.lanes.wait_for_grant("a-job", 1.5))


def news(store: Store) -> Waiting:
    """Wait for news of a job, on a subscription."""

    def listen() -> str:
        with store.changes.subscribed() as changed:
            while not (job := changed()):
                pass
            return job

    return Waiting(listen)


def others(server: Server) -> list[str]:
    """What the clients of a server do that are neither Sentinels nor this test's own."""
    clients = server.admin.client_list()
    mine = server.admin.client_id()
    return [
        one["cmd"]
        for one in clients
        if not one["name"].startswith("sentinel-")
        and int(one["id"]) != mine
        and "S" not in one["flags"]
    ]


def test_nobody_stays_with_a_former_primary_that_lives_on(redis, store):
    store.clients.names()
    waits = [a_grant(store), news(store)]
    wait_until(lambda: redis.primary.admin.pubsub_numsub("limner:changed")[0][1], what="listener")

    former = redis.depose()

    wait_until(lambda: others(former) == [], what="that all have left")
    goes_on(redis, store, waits)


def test_whoever_waits_for_a_primary_that_vanished_without_a_word_goes_on_with_the_next(
    redis, store
):
    store.clients.names()
    waits = [a_grant(store), news(store)]
    wait_until(lambda: redis.primary.admin.pubsub_numsub("limner:changed")[0][1], what="listener")

    with redis.silenced():
        goes_on(redis, store, waits)


def goes_on(redis: Failover, store: Store, waits: list[Waiting]) -> None:
    """Assert that every kind of call works, and that who waited is woken by the new primary."""
    wait_until(lambda: answers(store), what="an answer")
    assert store.clients.names() == []

    def all_woken() -> bool:
        redis.primary.admin.publish("limner:changed", "a-job")
        if waits[0].got is None and not redis.primary.admin.exists("limner:grant:a-job"):
            redis.primary.admin.lpush("limner:grant:a-job", "2500")
        return all(one.got for one in waits)

    wait_until(all_woken, what="those who waited")
    redis.primary.admin.delete("limner:grant:a-job")


def test_a_server_that_is_demoted_and_promoted_again_is_left_and_found_again():
    with a_relayed_server() as server:
        store = Store(server.url)
        assert answers(store)
        wait = Waiting(lambda: store.lanes.wait_for_grant("a-job", 9))
        wait_until(lambda: server.admin.info("clients")["blocked_clients"], what="a blocked pop")

        with STATES["READONLY"](server):
            with pytest.raises(StoreDown, match="replica"):
                store.clients.names()
            with pytest.raises(StoreDown, match="replica"):
                store.ping()

        wait_until(lambda: server.admin.info("clients")["blocked_clients"], what="a blocked pop")
        server.admin.lpush("limner:grant:a-job", "2500")
        wait_until(lambda: wait.got, what="the grant")
        store.close()
