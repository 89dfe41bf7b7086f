"""The API while Redis answers and refuses: each of its refusals is an outage, and ends with its cause."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from limner.store import Store
from limner.store.waits import Waits
from tests.api.asking import a_caller, refused
from tests.api.conftest import WAITS
from tests.api.mortal import Mortal
from tests.conftest import wait_until

pytestmark = pytest.mark.seam

WAITING = "/draw/midjourney/waiting"


@pytest.fixture
def admin(server: Mortal) -> Iterator[redis.Redis]:
    """A connection of the operator's, over which the server is made to refuse; a store speaks to no replica."""
    server.start()
    client = redis.Redis.from_url(server.url, decode_responses=True)
    with contextlib.closing(client), client.client() as connection:
        yield connection


def others_begin_anew(admin: redis.Redis) -> None:
    """Close all connections but this one: those that are open keep their rights."""
    admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


@contextlib.contextmanager
def a_replica(admin: redis.Redis) -> Iterator[None]:
    """READONLY: it became a replica of another server, which is away."""
    admin.execute_command("REPLICAOF", "127.0.0.1", "1")
    yield
    admin.execute_command("REPLICAOF", "NO", "ONE")


@contextlib.contextmanager
def a_stale_replica(admin: redis.Redis) -> Iterator[None]:
    """MASTERDOWN: the same, and it shows nothing that may be old."""
    admin.config_set("replica-serve-stale-data", "no")
    admin.execute_command("REPLICAOF", "127.0.0.1", "1")
    yield
    admin.execute_command("REPLICAOF", "NO", "ONE")


@contextlib.contextmanager
def without_replicas(admin: redis.Redis) -> Iterator[None]:
    """NOREPLICAS: too few of its replicas would have what it writes."""
    admin.config_set("min-replicas-to-write", "1")
    yield
    admin.config_set("min-replicas-to-write", "0")


@contextlib.contextmanager
def without_a_disk(admin: redis.Redis) -> Iterator[None]:
    """MISCONF: it could not write a snapshot."""
    # A folder stands where the snapshot would go.
    snapshot = Path(admin.config_get("dir")["dir"]) / "dump.rdb"
    snapshot.mkdir()
    admin.config_set("save", "3600 1")
    admin.bgsave()
    wait_until(lambda: admin.info("persistence")["rdb_last_bgsave_status"] == "err")
    yield
    admin.config_set("save", "")
    snapshot.rmdir()


@contextlib.contextmanager
def with_a_password(admin: redis.Redis) -> Iterator[None]:
    """NOAUTH: it was given a password that our settings lack."""
    admin.config_set("requirepass", "s3cret")
    others_begin_anew(admin)
    yield
    admin.config_set("requirepass", "")


@contextlib.contextmanager
def without_rights(admin: redis.Redis) -> Iterator[None]:
    """NOPERM: its user may not run scripts any more."""
    admin.execute_command("ACL", "SETUSER", "default", "-@scripting")
    yield
    admin.execute_command("ACL", "SETUSER", "default", "+@all")


@contextlib.contextmanager
def in_a_long_script(admin: redis.Redis) -> Iterator[None]:
    """BUSY: somebody's script does not end."""
    admin.config_set("busy-reply-threshold", "1")
    socket = admin.connection_pool.connection_kwargs["path"]

    def run() -> None:
        with (
            contextlib.suppress(redis.RedisError),
            contextlib.closing(redis.Redis(unix_socket_path=socket, socket_timeout=None)) as other,
        ):
            other.eval("while true do end", 0)

    thread = threading.Thread(target=run)
    thread.start()

    def is_busy() -> bool:
        try:
            return not admin.ping()
        except redis.ResponseError as error:
            return "BUSY" in str(error)

    wait_until(is_busy, what="the script's run")
    yield
    admin.execute_command("SCRIPT", "KILL")
    thread.join()


@pytest.fixture
def waits() -> Waits:
    """So long that a busy machine is no outage: what refuses, answers."""
    return replace(WAITS, answer_s=60.0, request_s=120.0)


Refusal = Callable[[redis.Redis], contextlib.AbstractContextManager[None]]
REFUSALS = [
    a_replica,
    a_stale_replica,
    without_replicas,
    without_a_disk,
    with_a_password,
    without_rights,
    in_a_long_script,
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.__name__)
def test_a_redis_that_refuses_is_503_until_it_does_not(mortal_app, server, admin, refusal: Refusal):
    store = Store(server.url)
    caller = a_caller(mortal_app, store, "ann")
    caller.drawn()

    with refusal(admin):
        response = caller.imagine()
        refused(response, 503)
        assert int(response.headers["Retry-After"]) > 0

    # An answer, though a refusal: nobody was cut off, so the very next request is served.
    caller.drawn()
    assert caller("POST", WAITING).json == {"data": 2}
    store.close()


def test_a_redis_that_still_reads_what_it_kept_is_503_until_it_has(mortal_app, server):
    server.start()
    store = Store(server.url)
    caller = a_caller(mortal_app, store, "ann")
    caller.drawn()
    with store.redis.pipeline(transaction=False) as pipe:
        for n in range(50_000):
            pipe.set(f"key {n}", n)
        pipe.execute()
    server.kill()

    # So many microseconds for each key; it looks up from its reading after a thousand of them.
    server.start("--key-load-delay", "400", until=says_that_it_loads)
    response = caller.imagine()
    refused(response, 503)
    assert int(response.headers["Retry-After"]) > 0

    with contextlib.closing(redis.Redis.from_url(server.url)) as admin:
        admin.config_set("key-load-delay", "0")
    wait_until(lambda: caller.imagine().status_code == 202, what="an accepted job")
    store.close()


def says_that_it_loads(store: Store) -> bool:
    try:
        store.redis.get("a key")
    except redis.exceptions.BusyLoadingError:
        return True
    except redis.RedisError:
        pass
    return False
