"""The connections to Redis: an end to waiting for it, and calls that outlive a server."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from importlib.metadata import version

import pytest

from limner.errors import StoreDown
from limner.store import Store
from limner.store.waits import IMPATIENT, PATIENT, Waits
from tests.builders import MESSAGES, a_request

pytestmark = pytest.mark.seam


@pytest.fixture
def silent():
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture(params=[PATIENT, IMPATIENT], ids=["patient", "impatient"])
def any_store(request, redis_url, clock):
    """A store of a worker, or of the API."""
    store = Store(redis_url, clock=clock, waits=request.param)
    store.redis.flushall()
    yield store
    store.close()


def accept(store):
    return store.jobs.accept(
        uuid.uuid4().hex, "ann", a_request(), (1, 2, 3, 4), MESSAGES, waiting_cap=9
    ).job


@pytest.mark.parametrize("probe_s", [None, 0.05], ids=["patient", "impatient"])
def test_a_server_that_says_nothing_is_down(silent, probe_s):
    store = Store(silent, waits=Waits(connect_s=0.1, answer_s=0.1, probe_s=probe_s))

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


def test_a_forked_process_speaks_on_connections_of_its_own(any_store):
    accept(any_store)
    ours = any_store.redis.execute_command("CLIENT", "LIST").count("cmd=evalsha")

    child = os.fork()
    if not child:
        accept(any_store)
        theirs = any_store.redis.execute_command("CLIENT", "LIST").count("cmd=evalsha")
        os._exit(theirs - ours)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    accept(any_store)
    assert any_store.jobs.waiting_count("ann") == 3


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


def test_every_connection_names_the_library_and_looks_its_version_up_no_second_time(
    store, redis_url, monkeypatch
):
    store.ping()
    monkeypatch.setattr("redis.utils.get_lib_version", lambda: pytest.fail("looked up again"))

    another = Store(redis_url)
    told = another.redis.client_info()
    another.close()

    assert (told["lib-name"], told["lib-ver"]) == ("redis-py", version("redis"))
