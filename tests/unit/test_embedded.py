"""The embedded server: its folder, its lock, and that it keeps what it is told."""

from __future__ import annotations

import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from limner.errors import ConfigError
from limner.settings import Settings, redis_socket
from limner.store import Store
from limner.store.server import ServerFacts, server_facts
from stack import embedded, machine
from tests.conftest import answers, wait_until


@pytest.fixture
def folder():
    # With a space, as people's folders have.
    folder = Path(tempfile.mkdtemp(prefix="limner test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start(folder):
    servers = []

    def start():
        servers.append(embedded.start(folder))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
        server.wait()


@pytest.fixture
def store(folder):
    store = Store(redis_socket.socket_url(folder))
    yield store
    store.close()


def test_it_keeps_what_it_is_told_and_never_evicts(start, store):
    start()
    wait_until(lambda: answers(store))
    facts = server_facts(store.redis)
    assert facts.append_only is True
    assert facts.eviction == "noeviction"
    assert not facts.too_old
    assert facts.warnings() == {}
    assert facts.maxmemory_bytes == machine.memory_bytes() // 2
    assert facts.memory_warnings() == {}


def test_it_uses_as_much_memory_as_the_setting_says(folder):
    command = embedded.command(folder, Settings.load({"LIMNER_REDIS_MEMORY": "96mb"}).redis_memory)
    assert command[command.index("--maxmemory") + 1] == str(96 * 2**20)


GB = 2**30


@pytest.mark.parametrize(
    ("used", "maxmemory", "limit", "uncounted", "subjects"),
    [
        (1 * GB, 0, 64 * GB, 0, ["unset"]),
        (60 * GB, 0, 64 * GB, 0, ["unset", "high"]),
        (1 * GB, 2 * GB, 2 * GB, 0, []),
        (1.7 * GB, 2 * GB, 2 * GB, 0, ["high"]),
        (2 * GB, 2 * GB, 2 * GB, 0, ["full"]),
        (1.99 * GB, 2 * GB, 2 * GB, 0, ["full"]),
        (2 * GB, 2 * GB, 2 * GB, GB // 8, ["high"]),
        # Hosted servers may tell nothing.
        (None, None, None, 0, []),
        (1 * GB, None, None, 0, []),
    ],
)
def test_a_memory_without_a_bound_and_one_that_fills_up_are_warned_of(
    used, maxmemory, limit, uncounted, subjects
):
    facts = ServerFacts(
        *("Redis", "7.2.4", True, "noeviction"),
        memory_bytes=used and int(used),
        memory_limit_bytes=limit,
        maxmemory_bytes=maxmemory,
        uncounted_bytes=uncounted,
    )
    warnings = facts.memory_warnings()
    assert list(warnings) == subjects
    assert all(" 503" in text for what, text in warnings.items() if what != "unset")


def test_what_was_written_survives_kill_9_and_a_torn_last_write(start, store, folder):
    server = start()
    wait_until(lambda: answers(store))
    token = store.clients.add("somebody").token
    # The file is written at once but for a fsync under way, and synced every second.
    store.redis.execute_command("WAITAOF", 1, 0, 5000)
    server.send_signal(signal.SIGKILL)
    server.wait()
    newest = max((folder / "appendonlydir").glob("*.incr.aof"))
    with newest.open("ab") as log:
        log.write(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nhal")
    start()
    wait_until(lambda: answers(store))
    assert store.clients.by_token(token).name == "somebody"


def test_a_second_server_on_the_same_folder_is_refused(start, store):
    start()
    wait_until(lambda: answers(store))
    with pytest.raises(ConfigError, match="another Limner runs on"):
        start()
    store.ping()


def test_the_lock_goes_with_the_server(start, store):
    first = start()
    wait_until(lambda: answers(store))
    first.kill()
    first.wait()
    start()
    wait_until(lambda: answers(store))


def test_a_folder_that_cannot_be_made_is_refused(folder):
    (folder / "file").touch()
    with pytest.raises(ConfigError, match="cannot write to"):
        embedded.start(folder / "file" / "data")


@pytest.mark.parametrize(
    ("append_only", "eviction", "words"),
    [
        (False, "noeviction", ["append-only"]),
        (True, "allkeys-lru", ["allkeys-lru"]),
        (False, "volatile-ttl", ["append-only", "volatile-ttl"]),
        (None, None, ["does not tell"]),
        (True, None, ["maxmemory-policy noeviction"]),
        (None, "noeviction", ["appendonly yes"]),
        (True, "noeviction", []),
    ],
)
def test_a_server_that_would_lose_something_is_warned_of(append_only, eviction, words):
    warnings = ServerFacts("Redis", "7.2.4", append_only, eviction).warnings().values()
    assert len(warnings) == len(words)
    assert all(word in warning for word, warning in zip(words, warnings, strict=True))


@pytest.mark.parametrize(
    ("version", "too_old"),
    [("6.0.16", True), ("6.2", False), ("10.1.0", False), (None, False), ("beta", False)],
)
def test_a_server_before_6_2_is_too_old(version, too_old):
    assert ServerFacts("Redis", version, True, "noeviction").too_old is too_old
