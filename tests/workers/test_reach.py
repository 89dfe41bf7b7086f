"""What each client may reach, as its worker builds it: callbacks and reference images alike."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import pytest

from api.producer import messages_of
from limner.client import Client
from limner.errors import ConfigError
from limner.job import Job, Status
from limner.request import Lane
from limner.settings import Settings
from limner.store import Store
from net import reach as reach_module
from net.outgoing import FetchFailed
from net.reach import Reach
from tests.builders import an_accepted_job, an_engine
from tests.callback_doubles import Receiver
from tests.standins.loopback import Answer, Asked, Loopback, picture
from workers.drawing import GivenBack, JobFailed
from workers.runtime import Fetchers, LaneRuntime

LOOPBACK = "127.0.0.1:*"


class Pictures(Loopback):
    """A server of reference images."""

    def answer(self, asked: Asked) -> Answer:
        return Answer(picture(40, 30, asked.path), kind="image/png")


@pytest.fixture
def live(redis_url) -> Iterator[Store]:
    """A store on the server's own clock; one client may reach loopback, and one may not."""
    store = Store(redis_url)
    store.redis.flushall()
    store.clients.add("ann")
    store.clients.add("local", callback_allow=LOOPBACK)
    # As a Limner that did not look at it would have stored it.
    store.clients.add("garbled")
    store.redis.hset("limner:client:garbled", "callback_allow", "10.0.0.0/99")
    yield store
    store.close()


@pytest.fixture
def runtime(live, redis_url, tmp_path) -> Iterator[LaneRuntime]:
    settings = Settings(redis_url=redis_url, data_dir=tmp_path).with_engines(
        (an_engine(seconds=0.05, steps=2),)
    )
    made = LaneRuntime(settings, [Lane.FAST], app=None)
    made.messages._messages = messages_of(settings, live)()
    made.start()
    yield made
    made.drain()
    made.end()


def drawn(runtime: LaneRuntime, client: str, url: str) -> Job:
    """The job with this reference image, after as many tries as it may take."""
    job = an_accepted_job(runtime.store, client=client, references=(url,), iw=1.0)
    for _ in range(5):
        if not runtime.store.jobs.get(job.id).status.ended:
            with contextlib.suppress(GivenBack, JobFailed):
                runtime.draftsman.imagine(job.id)
    return runtime.store.jobs.get(job.id)


def test_a_clients_own_list_opens_its_reference_images_to_it_alone(runtime):
    with Pictures() as pictures:
        mine = drawn(runtime, "local", pictures.url + "/cat.png")
        asked = len(pictures.asked)
        theirs = drawn(runtime, "ann", pictures.url + "/cat.png")

        assert (mine.status, asked) == (Status.DONE, 1)
        assert (theirs.status, theirs.reason_code) == (Status.FAILED, "reference")
        assert "address that is not allowed" in theirs.reason
        assert len(pictures.asked) == 1


def test_a_list_that_cannot_be_read_costs_its_client_the_reference_and_no_engine(runtime):
    with Pictures() as pictures:
        job = drawn(runtime, "garbled", pictures.url + "/cat.png")

    assert (job.status, job.reason_code) == (Status.FAILED, "reference")
    assert runtime.store.engines.states_of(["stage"]) == {"stage": "ok"}


def test_nobodys_list_is_the_gateways(live):
    fetchers = Fetchers(live, Settings())
    with Receiver() as receiver:
        with pytest.raises(FetchFailed) as failure:
            fetchers("nobody")(receiver.url, 100)
        assert failure.value.why == "not_allowed"
        opened = Fetchers(live, Settings(callback_allow=LOOPBACK))
        assert opened("nobody")(receiver.url, 100) == b"ok"
    fetchers.close()
    opened.close()


def test_clients_with_one_list_share_their_connections_and_others_do_not():
    reach = Reach(Settings())
    a, b = Client("a", callback_allow=LOOPBACK), Client("b", callback_allow=LOOPBACK)

    assert reach.of(a) is reach.of(b)
    assert reach.of(a) is not reach.of(Client("c"))
    assert reach.of(Client("c")) is reach.of(None)
    reach.close()


def test_lists_that_are_kept_are_bounded_and_those_that_go_close_their_connections(monkeypatch):
    monkeypatch.setattr(reach_module, "OUTGOING_KEPT", 2)
    reach = Reach(Settings())
    first = Client("first", callback_allow=LOOPBACK)
    with Receiver() as receiver:
        kept = reach.of(first)
        assert kept.post(receiver.url, b"{}", {}, 20.0).status == 200
        assert len(kept._pools.pools) == 1
        for n in range(2):
            reach.of(Client("x", callback_allow=f"10.0.0.{n}"))

        assert len(kept._pools.pools) == 0
        assert reach.of(first) is not kept
    reach.close()


def test_what_ends_closes_every_connection_that_is_kept():
    reach = Reach(Settings(callback_allow=LOOPBACK))
    with Receiver() as receiver:
        kept = [reach.of(client) for client in (None, Client("a", callback_allow=LOOPBACK))]
        for outgoing in kept:
            assert outgoing.post(receiver.url, b"{}", {}, 20.0).status == 200
        reach.close()

    assert [len(outgoing._pools.pools) for outgoing in kept] == [0, 0]


def test_a_list_that_cannot_be_read_is_said_and_the_gateways_own_still_counts(caplog):
    reach = Reach(Settings(callback_allow=LOOPBACK))
    with Receiver() as receiver, caplog.at_level(logging.ERROR):
        outgoing = reach.of(Client("garbled", callback_allow="10.0.0.0/99"))
        assert outgoing.post(receiver.url, b"{}", {}, 20.0).status == 200
    reach.close()

    assert [record.getMessage() for record in caplog.records] == ["client.misread"]


@pytest.mark.parametrize("allow", ["10.0.0.0/99", "a b", "host:99999"])
def test_a_list_that_cannot_be_read_is_not_taken(store, allow):
    store.clients.add("ann", callback_allow=LOOPBACK)
    with pytest.raises(ConfigError, match="allow-list"):
        store.clients.add("bob", callback_allow=allow)
    with pytest.raises(ConfigError, match="allow-list"):
        store.clients.change("ann", callback_allow=allow)

    assert store.clients.names() == ["ann"]
    assert store.clients.get("ann").callback_allow == LOOPBACK


def test_a_client_whose_list_cannot_be_read_can_still_be_disabled(live):
    live.clients.change("garbled", disabled=True)

    assert live.clients.get("garbled").disabled
