"""The connections to Redis: an end to waiting for it, and calls that outlive a server."""

from __future__ import annotations

import socket
import threading
import uuid

import pytest

from limner.errors import StoreDown
from limner.store import Store, connection
from tests.builders import MESSAGES, a_request

pytestmark = pytest.mark.seam


@pytest.fixture
def silent():
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture(params=[False, True], ids=["pooled", "sticky"])
def any_store(request, redis_url, clock):
    """A store whose threads take connections from the pool, or keep one each."""
    store = Store(redis_url, clock=clock, sticky=request.param)
    store.redis.flushall()
    yield store
    store.close()


def accept(store):
    return store.jobs.accept(
        uuid.uuid4().hex, "ann", a_request(), (1, 2, 3, 4), MESSAGES, waiting_cap=9
    ).job


@pytest.mark.parametrize("sticky", [False, True], ids=["pooled", "sticky"])
def test_a_server_that_says_nothing_is_down(monkeypatch, silent, sticky):
    monkeypatch.setattr(connection, "SOCKET_TIMEOUT_S", 0.1)
    store = Store(silent, sticky=sticky)

    with pytest.raises(StoreDown):
        accept(store)
    with pytest.raises(StoreDown):
        store.ping()

    store.close()


def test_connections_that_the_server_closed_are_made_anew(any_store):
    accept(any_store)
    any_store.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")

    accept(any_store)
    accept(any_store)

    assert any_store.jobs.waiting_count("ann") == 3


def test_a_server_that_has_forgotten_the_scripts_is_told_again(any_store):
    accept(any_store)
    any_store.redis.script_flush()

    accept(any_store)

    assert any_store.jobs.waiting_count("ann") == 2


def test_each_thread_speaks_for_itself(any_store):
    def many():
        for _ in range(20):
            job = accept(any_store)
            assert any_store.lanes.cancel(job.id)

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert any_store.jobs.waiting_count("ann") == 0
    assert len(any_store.jobs.page("ann", limit=200).jobs) == 160
