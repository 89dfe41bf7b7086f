"""What Sentinels say of the primary: who is asked, for how long, and what is dropped when it is news."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import ConnectionError

from limner.settings.redis_address import RedisAddress
from limner.store import sentinels
from limner.store.answers import pairs
from limner.store.primary import NotPrimary, Primary, leading, role_of
from limner.store.waits import allowed_s, waiting_at_most
from tests.conftest import run_apart
from tests.failover import MASTER, Server
from tests.relay import Relay, relaying
from workers import queue_lengths

pytestmark = [pytest.mark.seam, pytest.mark.slow]


@pytest.fixture
def places(redis_url) -> Iterator[tuple[Relay, Relay]]:
    """Two places of the same server: where the primary was, and where it is."""
    path = redis_url.removeprefix("unix://").partition("?")[0]
    with relaying(path) as former, relaying(path) as present:
        yield former, present


@pytest.fixture
def a_sentinel(tmp_path) -> Iterator[Callable[..., Server]]:
    """Start a Sentinel that knows the primary at a port, since the failover of that number."""
    with contextlib.ExitStack() as stack:

        def start(port: int, epoch: int = 0) -> Server:
            watched = [
                f"sentinel monitor {MASTER} 127.0.0.1 {port} 1",
                f"sentinel config-epoch {MASTER} {epoch}",
            ]
            sentinel = Server(Path(tmp_path), watched, sentinel=True)
            stack.callback(sentinel.kill)
            return sentinel

        yield start


def a_primary(*ports: int) -> Primary:
    """What a process knows by the Sentinels on these ports, without a lookout."""
    listed = ",".join(f"127.0.0.1:{port}" for port in ports)
    return Primary(
        RedisAddress.parse(f"sentinel://{listed}?master={MASTER}"), lambda _primary: None
    )


def a_line(primary: Primary, kind: Any = redis.Connection) -> Any:
    return leading(kind)(primary=primary)


def is_shut(line: Any) -> bool:
    poll = select.poll()
    poll.register(line._sock, 0)
    return bool(poll.poll(0))


def test_whoever_asks_first_after_a_doubt_drops_what_leads_to_the_former_primary(
    places, a_sentinel
):
    former, present = places
    sentinel = a_sentinel(former.port)
    primary = a_primary(sentinel.port)
    line = a_line(primary)
    line.connect()
    sentinel.admin.sentinel_remove(MASTER)
    sentinel.admin.sentinel_monitor(MASTER, "127.0.0.1", present.port, 1)
    assert not is_shut(line)

    primary.doubt()

    assert primary.place() == ("127.0.0.1", present.port)
    assert is_shut(line)
    line.disconnect()


def test_a_connection_that_was_begun_to_a_former_primary_is_none(places):
    former, present = places
    primary = a_primary(1)
    primary.named(("127.0.0.1", former.port), time.monotonic())

    class Slow(redis.Connection):
        def _connect(self):
            sock = super()._connect()
            primary.named(("127.0.0.1", present.port), time.monotonic())
            return sock

    line = a_line(primary, Slow)
    with pytest.raises(NotPrimary):
        line.connect()

    line.connect()
    assert line.port == present.port
    line.disconnect()


def test_a_slow_answer_is_not_believed_after_a_later_one():
    primary = a_primary(1)
    assert primary.named(("127.0.0.1", 3), asked_at=2.0)

    assert not primary.named(("127.0.0.1", 2), asked_at=1.0)

    assert primary._place == ("127.0.0.1", 3)


@pytest.fixture
def silent() -> Iterator[Callable[[], socket.socket]]:
    """Make something that takes connections and says nothing."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(socket.create_server(("127.0.0.1", 0)))


def asked(listener: socket.socket) -> int:
    """Return how often it was connected to since the last time."""
    times = 0
    listener.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            times += 1
    return times


def test_a_silent_sentinel_is_waited_for_once_and_hides_no_other(a_sentinel, silent, monkeypatch):
    # As a slow machine needs it.
    monkeypatch.setattr(sentinels, "ANSWER_S", 2.0)
    monkeypatch.setattr(sentinels, "AGAIN_S", 3600.0)
    mute, stale, fresh = silent(), a_sentinel(3, epoch=3), a_sentinel(4, epoch=4)
    mute_port = mute.getsockname()[1]
    primary = a_primary(mute_port, stale.port, fresh.port)

    assert primary.place() == ("127.0.0.1", 4)
    assert asked(mute) == 1
    primary.doubt()
    assert primary.place() == ("127.0.0.1", 4)
    assert asked(mute) == 0

    # Where nobody else answers, it is asked again.
    stale.kill()
    fresh.kill()
    primary.doubt()
    with pytest.raises(ConnectionError, match="no Sentinel answers"):
        primary.place()
    assert asked(mute) == 1


def test_silent_sentinels_take_together_no_longer_than_a_request_may_wait(silent):
    primary = a_primary(*(silent().getsockname()[1] for _ in range(3)))

    with waiting_at_most(0.9):
        with pytest.raises(ConnectionError, match="no Sentinel answers"):
            primary.place()
        # Each of them alone may take as long as all.
        assert allowed_s(60.0) > -0.9


def test_both_protocols_and_both_kinds_of_text_mean_the_same():
    said = {"role": "master", "version": "9"}

    assert pairs(said) == said
    assert pairs(["role", "master", "version", "9"]) == said
    assert pairs([b"role", b"master", b"version", b"9"]) == said
    assert pairs({b"role": b"master", b"version": b"9"}) == said
    assert pairs(None) == {}
    assert role_of([b"role", b"master"]) == "primary"


def test_flowers_event_loop_goes_on_while_sentinels_are_asked(places, a_sentinel, monkeypatch):
    _, present = places

    async def length() -> list[dict[str, Any]]:
        # Through this very loop: a Sentinel would not answer if the loop waited for it.
        relay = Relay(a_sentinel(present.port).port)
        await relay.start()
        monkeypatch.setenv(
            "LIMNER_REDIS_URL", f"sentinel://127.0.0.1:{relay.port}/0?master={MASTER}"
        )
        try:
            return await queue_lengths.QueueLengths("redis://").queues(["no-such-queue"])
        finally:
            relay.close()

    assert run_apart(length()) == [{"name": "no-such-queue", "messages": 0}]
