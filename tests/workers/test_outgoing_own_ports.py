"""Our own services on this machine (Redis, the API, Flower): no URL of a caller's leads to them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from limner.client import Client
from limner.settings import Settings
from limner.store import Store
from net.outgoing import FetchFailed, Outgoing
from tests.callback_doubles import Receiver, a_job, emit
from tests.conftest import wait_until
from workers.posting.dispatcher import Dispatcher
from workers.posting.trial import try_url
from workers.runtime import Fetchers

#: as wide as an operator can write it
EVERYTHING = "0.0.0.0/0, ::/0, localhost:*, inside.example:*"
SERVICES = ("redis", "api", "flower")
#: every way to write this machine
HOSTS = [
    *("127.0.0.1", "127.0.0.2", "0.0.0.0", "localhost", "LOCALHOST.", "inside.example"),
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]"),
]


@dataclass
class Machine:
    """Three services of ours and one receiver, each a server that notes who comes."""

    services: dict[str, Receiver]
    receiver: Receiver

    @property
    def settings(self) -> Settings:
        return Settings(
            callback_allow=EVERYTHING,
            callback_threads=4,
            redis_url=f"redis://:secret@127.0.0.1:{self.services['redis'].port}/0",
            port=self.services["api"].port,
            flower_port=self.services["flower"].port,
        )

    def visited(self) -> list[str]:
        return [name for name, service in self.services.items() if service.heard]


@pytest.fixture
def machine(monkeypatch) -> Iterator[Machine]:
    getaddrinfo = socket.getaddrinfo

    def look_up(host, port, *args, **kwargs):
        return getaddrinfo("127.0.0.1" if host == "inside.example" else host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with contextlib.ExitStack() as stack:
        services = {name: stack.enter_context(Receiver()) for name in SERVICES}
        yield Machine(services, stack.enter_context(Receiver()))


def reachable(host: str) -> bool:
    """Whether a receiver on loopback could be dialled by this name at all."""
    return host in ("127.0.0.1", "0.0.0.0", "localhost", "LOCALHOST.", "inside.example")


@pytest.mark.parametrize("host", HOSTS)
def test_no_name_leads_a_callback_or_a_fetch_to_our_own_ports(machine, host):
    outgoing = Outgoing.of(machine.settings, EVERYTHING)
    for service in machine.services.values():
        url = f"http://{host}:{service.port}/"
        assert outgoing.post(url, b"{}", {}, 20.0).error == "not_allowed"
        with pytest.raises(FetchFailed) as failure:
            outgoing.fetch(url, 100)
        assert failure.value.why == "not_allowed"
    outgoing.close()

    assert machine.visited() == []


@pytest.mark.parametrize("host", [host for host in HOSTS if reachable(host)])
def test_the_same_names_lead_to_a_receiver_beside_them(machine, host):
    outgoing = Outgoing.of(machine.settings)
    assert outgoing.post(f"http://{host}:{machine.receiver.port}/", b"{}", {}, 20.0).status == 200
    outgoing.close()


@pytest.mark.parametrize("port", [Settings().port, Settings().flower_port])
def test_ports_that_nobody_set_are_our_own_too(port):
    outgoing = Outgoing.of(Settings(callback_allow=EVERYTHING))
    assert outgoing.post(f"http://127.0.0.1:{port}/", b"{}", {}, 20.0).error == "not_allowed"
    outgoing.close()


def test_a_proxy_is_not_asked_for_our_own_ports_either(machine):
    with Receiver() as proxy:
        outgoing = Outgoing.of(
            replace(machine.settings, callback_proxy=f"http://127.0.0.1:{proxy.port}")
        )
        for service in machine.services.values():
            for host in ("127.0.0.1", "localhost", "a.localhost", "[::1]", "[::ffff:127.0.0.1]"):
                url = f"http://{host}:{service.port}/"
                assert outgoing.post(url, b"{}", {}, 20.0).error == "not_allowed", url
        assert outgoing.post("http://localhost:81/", b"{}", {}, 20.0).status == 200
        outgoing.close()

    assert [heard.path for heard in proxy.heard] == ["http://localhost:81/"]


def test_a_running_poster_does_not_call_our_own_ports_and_calls_others(machine, redis_url):
    store = Store(redis_url)
    store.redis.flushall()
    store.clients.add("ann", callback_allow=EVERYTHING)
    dispatcher = Dispatcher(store, machine.settings)
    for name, service in machine.services.items():
        emit(store, a_job(store, name, f"http://inside.example:{service.port}/"), "X")
    emit(store, a_job(store, "theirs", machine.receiver.url), "X")
    dispatcher.start()
    jobs = [*SERVICES, "theirs"]
    wait_until(lambda: all(store.outbox.told(job).attempts for job in jobs), what="attempts")
    dispatcher.stop(5)
    errors = [store.outbox.told(job).attempts[0].get("error") for job in jobs]
    store.close()

    assert errors == ["not_allowed", "not_allowed", "not_allowed", None]
    assert machine.visited() == []


def test_no_reference_image_is_fetched_from_our_own_ports(machine, redis_url):
    store = Store(redis_url)
    store.redis.flushall()
    store.clients.add("ann", callback_allow=EVERYTHING)
    fetchers = Fetchers(store, machine.settings)
    for service in machine.services.values():
        with pytest.raises(FetchFailed) as failure:
            fetchers("ann")(service.url, 100)
        assert failure.value.why == "not_allowed"
    assert fetchers("ann")(machine.receiver.url, 100) == b"ok"
    fetchers.close()
    store.close()

    assert machine.visited() == []


def test_no_redirect_leads_a_reference_image_to_them(machine):
    outgoing = Outgoing.of(machine.settings)
    for service in machine.services.values():
        with Receiver(lambda heard, before, to=service.url: (302, {"Location": to})) as host:
            with pytest.raises(FetchFailed) as failure:
                outgoing.fetch(host.url, 100)
            assert failure.value.why == "not_allowed"
    outgoing.close()

    assert machine.visited() == []


def test_an_operators_trial_does_not_post_to_them_either(machine):
    client = Client("ann", secrets=("whsec_" + "a2tr" * 8,), callback_allow=EVERYTHING)
    for service in machine.services.values():
        *_, last = try_url(service.url, client, machine.settings)
        assert (last.name, last.good) == ("policy", False)

    assert machine.visited() == []
