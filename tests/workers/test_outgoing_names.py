"""Names: how long a resolver is waited for, how many look-ups there are, and what its answer decides."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator

import pytest

from limner.egress.address import DialPolicy
from net import dialling
from net.outgoing import Outgoing
from tests.callback_doubles import Receiver
from tests.workers.watched_sockets import watched

pytestmark = pytest.mark.seam

#: longer than any limit under test, and what a limit that is left out costs the run that finds it out
PATIENCE_S = 20.0
#: for limits that are not under test
LONG_S = 300.0
SHORT_S = 0.3


@pytest.fixture
def outgoing() -> Iterator[Outgoing]:
    made = Outgoing(DialPolicy.parse("127.0.0.1:*"))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("limit_s", "total_s", "error"),
    [(SHORT_S, LONG_S, "dns"), (LONG_S, SHORT_S, "timeout")],
    ids=["its own limit", "what is left of the whole"],
)
def test_a_resolver_that_does_not_answer_is_not_waited_for(
    outgoing, monkeypatch, limit_s, total_s, error
):
    monkeypatch.setattr(dialling, "RESOLVE_S", limit_s)
    getaddrinfo, given_up = socket.getaddrinfo, threading.Event()
    in_time = queue.SimpleQueue()

    def slow(host, port, *args, **kwargs):
        in_time.put(given_up.wait(PATIENCE_S))
        return getaddrinfo("127.0.0.1", port, *args, **kwargs)

    monkeypatch.setattr(dialling.socket, "getaddrinfo", slow)
    with Receiver() as receiver:
        outcome = outgoing.post(f"http://slow.example:{receiver.port}/", b"{}", {}, total_s)
        given_up.set()
        assert in_time.get(timeout=LONG_S)

    assert (outcome.status, outcome.error) == (None, error)
    assert receiver.heard == []


def test_look_ups_at_a_time_are_bounded_and_their_places_come_back(monkeypatch):
    monkeypatch.setattr(dialling, "_resolving", threading.BoundedSemaphore(1))
    held, free = threading.Event(), threading.Event()

    def look_up(host, port, *args, **kwargs):
        if host == "dead.example":
            held.set()
            free.wait(PATIENCE_S)
        if host == "no.example":
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]

    monkeypatch.setattr(dialling.socket, "getaddrinfo", look_up)
    waiting = threading.Thread(
        target=lambda: dialling.resolve("dead.example", 80, PATIENCE_S), daemon=True
    )
    waiting.start()
    assert held.wait(PATIENCE_S)
    with pytest.raises(dialling.NameNotFound):
        dialling.resolve("other.example", 80, 0.05)
    free.set()
    waiting.join()

    for _ in range(3):
        with pytest.raises(dialling.NameNotFound):
            dialling.resolve("no.example", 80, PATIENCE_S)
        (found,) = dialling.resolve("other.example", 80, PATIENCE_S)
        assert found[1] == "93.184.216.34"


def test_dns_that_changes_its_answer_between_check_and_dial_changes_nothing(outgoing, monkeypatch):
    """The address that was checked is the one that is dialled, not the name again."""
    dialled = watched(monkeypatch)
    asked: list[str] = []

    def look_up(host, port, *args, **kwargs):
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(dialling.socket, "getaddrinfo", look_up)
    outcome = outgoing.post("http://rebind.example/", b"{}", {}, LONG_S)

    assert (outcome.error, outcome.address) == ("refused", "93.184.216.34")
    assert dialled == ["93.184.216.34"]
    assert asked == ["rebind.example"]
