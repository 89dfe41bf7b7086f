"""Connections that lead to a primary, and the lookout over them, where a server is awkward but the same."""

from __future__ import annotations

import select
import threading

import pytest
import redis

from limner.settings.redis_address import RedisAddress
from limner.store import Store, lookout
from limner.store.primary import leading
from limner.store.server import server_facts
from tests.conftest import wait_until
from tests.relay import relaying

pytestmark = pytest.mark.seam


@pytest.mark.parametrize("when", ["connected", "greeted"])
def test_a_server_that_resets_a_new_connection_is_asked_again_on_another(redis_url, when):
    made = []

    class Reset(redis.Connection):
        """The first one is reset by the relay at that moment, which the system has noticed."""

        def _connect(self):
            sock = super()._connect()
            made.append(sock)
            if when == "connected":
                meet(sock)
            return sock

        def on_connect_check_health(self, check_health=True):
            super().on_connect_check_health(check_health=check_health)
            if when == "greeted":
                meet(self._sock)

    def meet(sock) -> None:
        if len(made) == 1:
            wait_until(lambda: relay.taken, what="that the relay has taken it")
            relay.reset()
            noticed = select.poll()
            noticed.register(sock, 0)
            assert noticed.poll(60_000)

    with relaying(redis_url.removeprefix("unix://").partition("?")[0]) as relay:
        store = Store(f"redis://127.0.0.1:{relay.port}/0")
        store.redis.connection_pool.connection_class = leading(Reset)

        store.ping()

        assert len(made) == 2
        store.close()


def test_a_lookout_goes_on_whatever_a_look_met(monkeypatch, caplog):
    looked = threading.Semaphore(0)
    primary = lookout.primary_of(RedisAddress.parse("redis://127.0.0.1:1/7"))

    def look(_self, looked_after) -> None:
        # This process has others, of other tests.
        if looked_after is primary:
            looked.release()
            raise AttributeError("nobody thought of this")

    monkeypatch.setattr(lookout, "PAUSE_S", 0.01)
    monkeypatch.setattr(lookout.Lookout, "look", look)
    primary.watch()

    for _ in range(3):
        assert looked.acquire(timeout=30)
    assert [one.message for one in caplog.records] == ["lookout.failed"]


def test_a_user_who_may_not_ask_for_everything_keeps_the_connection(store):
    store.redis.execute_command(
        *("ACL", "SETUSER", "less", "reset", "on", ">less", "~*", "&*", "+@all"),
        *("-info", "-config|get"),
    )
    path = store.redis.connection_pool.connection_kwargs["path"]
    less = Store(f"unix://less:less@{path}")
    less.redis.client_setname("the-first")

    for _ in range(3):
        assert server_facts(less.redis).memory_bytes is None
    assert less.redis.client_getname() == "the-first"

    # What nobody can do without may be another server's answer: that is looked at again.
    store.redis.execute_command("ACL", "SETUSER", "less", "-set")
    with pytest.raises(redis.exceptions.NoPermissionError):
        less.redis.set("a-key", 1)
    assert less.redis.client_getname() is None
    less.close()
    store.redis.execute_command("ACL", "DELUSER", "less")
