"""Connections that are kept: when one is used again, when it is not, and when a request is sent twice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from limner.egress.address import DialPolicy
from net import deadline, dialling
from net.outgoing import ANSWER_READ_BYTES, FetchFailed, Outgoing
from tests.callback_doubles import Receiver, peer
from tests.workers.watched_sockets import watched

pytestmark = pytest.mark.seam

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def outgoing() -> Iterator[Outgoing]:
    made = Outgoing(DialPolicy.parse("127.0.0.1:*"))
    yield made
    made.close()


@pytest.fixture
def now(monkeypatch) -> list[float]:
    """The seconds by which connections and deadlines live; the test moves them."""
    moment = [1000.0]
    clock = SimpleNamespace(monotonic=lambda: moment[0], sleep=dialling.time.sleep)
    for module in (dialling, deadline):
        monkeypatch.setattr(module, "time", clock)
    return moment


def post(outgoing: Outgoing, url: str):
    return outgoing.post(url, b"{}", {}, 300.0)


def test_a_kept_connection_that_is_too_old_is_not_used_so_new_addresses_are_seen(
    outgoing, monkeypatch, now
):
    asked = []

    def look_up(host, port, *args, **kwargs):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(dialling.socket, "getaddrinfo", look_up)
    with Receiver() as receiver:
        for passes_s in (0.0, 300.0, 1.0, 1.0):
            now[0] += passes_s
            assert post(outgoing, f"http://moved.example:{receiver.port}/").status == 200

    # One connection until its age is over, and then another.
    assert asked == ["moved.example"] * 2


class Breaking:
    """A peer that answers a connection's first request, and ends it at the second."""

    def __init__(self, now: list[float], passes_s: float, answered: int = 1) -> None:
        self.requests: list[int] = []
        self._now, self._passes_s, self._answered = now, passes_s, answered
        self._connections = 0

    def __call__(self, connection: socket.socket, ended: threading.Event) -> None:
        self._connections += 1
        number = self._connections
        for _ in range(self._answered):
            connection.recv(65536)
            self.requests.append(number)
            connection.sendall(OK)
        connection.recv(65536)
        self.requests.append(number)
        self._now[0] += self._passes_s


@pytest.mark.parametrize(
    ("passes_s", "requests", "error"),
    [
        # Closed while it idled: the peer cannot have read the request.
        (0.9, [1, 1, 2], None),
        # It may have: whether to send it again is the outbox's to say.
        (1.0, [1, 1], "reset"),
        (1.1, [1, 1], "reset"),
    ],
)
def test_a_request_is_sent_once_more_only_if_the_kept_connection_broke_at_once(
    outgoing, now, passes_s, requests, error
):
    breaking = Breaking(now, passes_s)
    with peer(breaking) as url:
        assert post(outgoing, url).status == 200
        outcome = post(outgoing, url)

    assert outcome.error == error
    assert breaking.requests == requests


def test_a_fresh_connection_that_breaks_is_an_attempt(outgoing, now):
    breaking = Breaking(now, 0.0, answered=0)
    with peer(breaking) as url:
        assert post(outgoing, url).error == "reset"
        with pytest.raises(FetchFailed):
            outgoing.fetch(url, 100)

    # One connection for the callback, and one for the picture.
    assert breaking.requests == [1, 2]


def test_a_receiver_that_refuses_is_dialled_once_an_attempt(outgoing, monkeypatch):
    dialled = watched(monkeypatch)

    assert post(outgoing, "http://127.0.0.1:9000/").error == "refused"
    assert dialled == ["127.0.0.1"]


def test_nothing_is_sent_once_the_time_was_over_before_there_was_a_connection_to_cut(
    outgoing, monkeypatch
):
    class Late(socket.socket):
        def connect(self, address):
            # Threads of earlier tests may still look for their Redis.
            if self.family != socket.AF_UNIX:
                deadline.Deadline.current().end()
            super().connect(address)

    with Receiver() as receiver:
        monkeypatch.setattr(dialling.socket, "socket", Late)
        outcome = post(outgoing, receiver.url)

    assert outcome.error == "timeout"
    assert receiver.heard == []


def test_a_connection_that_was_opened_anew_for_a_kept_one_is_fresh(outgoing, now):
    """It breaks as well; a third connection would be a second attempt."""
    breaking = Breaking(now, 0.0)
    with peer(breaking) as url:
        post(outgoing, url)
        breaking._answered = 0
        assert post(outgoing, url).error == "reset"

    assert breaking.requests == [1, 1, 2]


@pytest.mark.parametrize("beyond", [1, 2, 100])
def test_an_answer_that_is_not_read_to_its_end_costs_its_connection(outgoing, beyond):
    length = ANSWER_READ_BYTES + beyond
    connections = []

    def serve(connection, ended):
        connections.append(connection)
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 500 No\r\nContent-Length: %d\r\n\r\n" % length)
            connection.sendall(b"x" * length)

    with peer(serve) as url:
        assert [post(outgoing, url).status for _ in range(3)] == [500] * 3

    assert len(connections) == 3


def test_an_answer_that_is_read_to_its_end_keeps_its_connection(outgoing):
    connections = []

    def serve(connection, ended):
        connections.append(connection)
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 4096\r\n\r\n" + b"x" * 4096)

    with peer(serve) as url:
        assert [post(outgoing, url).status for _ in range(3)] == [500] * 3

    assert len(connections) == 1


def test_nothing_is_kept_of_an_attempt_that_has_ended(outgoing):
    with Receiver() as receiver:
        for _ in range(3):
            post(outgoing, receiver.url)

    assert deadline._watchdog._watched == set()


def test_whoever_enforces_deadlines_sleeps_until_there_is_one(monkeypatch):
    class Asleep(Exception):
        pass

    def sleeps() -> None:
        raise Asleep

    here, real = threading.current_thread(), deadline.time

    def looks(seconds: float) -> None:
        if threading.current_thread() is here:
            pytest.fail("it is awake for nothing")
        # That of earlier tests may be up still.
        real.sleep(seconds)

    namespace = SimpleNamespace(sleep=looks, monotonic=real.monotonic)
    monkeypatch.setattr(deadline, "time", namespace)
    watchdog = deadline._Watchdog()
    watchdog._wake = SimpleNamespace(wait=sleeps)

    with pytest.raises(Asleep):
        watchdog._run()


def test_no_thread_of_an_attempt_keeps_a_process_from_ending(outgoing, monkeypatch):
    found = {}

    def look_up(host, port, *args, **kwargs):
        found.update({thread.name: thread.daemon for thread in threading.enumerate()})
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(dialling.socket, "getaddrinfo", look_up)
    with Receiver() as receiver:
        assert post(outgoing, f"http://receiver.example:{receiver.port}/").status == 200

    assert (found["deadlines"], found["resolve"]) == (True, True)


def test_small_packets_are_not_held_up(outgoing, monkeypatch):
    set_so = []

    class Watched(socket.socket):
        def setsockopt(self, *option):
            set_so.append(option)
            super().setsockopt(*option)

    monkeypatch.setattr(dialling.socket, "socket", Watched)
    with Receiver() as receiver:
        assert post(outgoing, receiver.url).status == 200

    assert (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) in set_so
