"""Each limit of time: connect, read, the whole, the resolver, the age of a connection.

A peer that drags something out goes on only until it is given up, and then no more: had it been waited
for, it would have answered 200 in the end. So no test asks how long anything took.
"""

from __future__ import annotations

import queue
import select
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from limner.address import Policy
from tests.callback_doubles import Receiver, peer
from workers import dialling
from workers import outgoing as outgoing_module
from workers.outgoing import FetchFailed, Outgoing

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#: longer than any limit under test, and what a limit that is left out costs the run that finds it out
PATIENCE_S = 20.0
#: for limits that are not under test
LONG_S = 300.0
SHORT_S = 0.3


@pytest.fixture
def outgoing() -> Iterator[Outgoing]:
    made = Outgoing(Policy.parse("127.0.0.1:*, ::1"))
    yield made
    made.close()


def given_up(connection: socket.socket, seconds: float) -> bool:
    """Return whether the other side hangs up within so long; what it sends is dropped."""
    while select.select([connection], [], [], seconds)[0]:
        if not connection.recv(65536):
            return True
    return False


def silent(connection: socket.socket, ended: threading.Event) -> None:
    """Take the request and say nothing."""
    connection.recv(65536)
    if not given_up(connection, PATIENCE_S):
        connection.sendall(OK)


def dripping(start: bytes, end: bytes):
    """Say ``start``, then a byte now and then, each in time for a read; ``end`` makes it an answer."""

    def serve(connection: socket.socket, ended: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(start)
        for _ in range(round(PATIENCE_S / 0.05)):
            if given_up(connection, 0.05):
                return
            connection.sendall(b"x")
        connection.sendall(end)

    return serve


ANSWERS = {
    "status": (b"", b""),
    "headers": (b"HTTP/1.1 200 OK\r\nX: ", b"\r\nContent-Length: 0\r\n\r\n"),
    "interim": (b"HTTP/1.1 103 x\r\nX: ", b"\r\n\r\n" + OK),
    "refusal": (b"HTTP/1.1 500 No\r\nContent-Length: 3000\r\n\r\n", b"x" * 3000),
    "endless refusal": (b"HTTP/1.1 500 No\r\n\r\n", b""),
    "old refusal": (b"HTTP/1.0 500 No\r\nContent-Length: 3000\r\n\r\n", b"x" * 3000),
}


def test_a_peer_that_says_nothing_is_read_no_longer_than_the_read_limit(outgoing, monkeypatch):
    monkeypatch.setattr(outgoing_module, "READ_S", SHORT_S)
    with peer(silent) as url:
        assert outgoing.post(url, b"{}", {}, LONG_S).error == "timeout"
        with pytest.raises(FetchFailed) as failure:
            outgoing.fetch(url, 100, LONG_S)

    assert failure.value.why == "timeout"


def test_a_peer_that_says_nothing_more_is_read_no_longer_either(outgoing, monkeypatch):
    monkeypatch.setattr(outgoing_module, "READ_S", SHORT_S)

    def serve(connection, ended):
        connection.recv(65536)
        connection.sendall(OK[:-1])
        if not given_up(connection, PATIENCE_S):
            connection.sendall(OK[-1:])

    with peer(serve) as url, pytest.raises(FetchFailed) as failure:
        outgoing.fetch(url, 100, LONG_S)

    assert failure.value.why == "timeout"


@pytest.mark.parametrize(("start", "end"), ANSWERS.values(), ids=ANSWERS.keys())
def test_a_peer_that_drips_is_given_up_when_the_whole_time_is_over(outgoing, start, end):
    with peer(dripping(start, end)) as url:
        outcome = outgoing.post(url, b"{}", {}, SHORT_S)

    assert (outcome.status, outcome.error) == (None, "timeout")


def test_a_picture_that_drips_is_given_up_when_the_whole_time_is_over(outgoing):
    start = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % round(PATIENCE_S / 0.05)
    with peer(dripping(start, b"")) as url, pytest.raises(FetchFailed) as failure:
        outgoing.fetch(url, 100_000, SHORT_S)

    assert failure.value.why == "timeout"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["a length", "chunks", "until it closes"],
)
def test_what_follows_a_2xx_is_given_up_soon(outgoing, monkeypatch, head):
    monkeypatch.setattr(outgoing_module, "ANSWER_S", SHORT_S)
    patience = queue.SimpleQueue()

    def serve(connection, ended):
        connection.recv(65536)
        connection.sendall(head)
        patience.put("given up" if given_up(connection, PATIENCE_S) else "waited for")

    with peer(serve) as url:
        outcome = outgoing.post(url, b"{}", {}, LONG_S)
        assert patience.get(timeout=LONG_S) == "given up"

    assert (outcome.status, outcome.answer) == (200, b"")


def test_the_rest_of_a_refusal_is_waited_for_all_the_same(outgoing, monkeypatch):
    monkeypatch.setattr(outgoing_module, "ANSWER_S", 0.05)

    def serve(connection, ended):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\n")
        if not given_up(connection, 0.6):
            connection.sendall(b"why")

    with peer(serve) as url:
        outcome = outgoing.post(url, b"{}", {}, LONG_S)

    assert (outcome.status, outcome.answer) == (500, b"why")


def test_a_handshake_that_does_not_end_is_given_up(outgoing):
    # The beginning of a record that is as long as the drip lasts, and is then none of TLS.
    with peer(dripping(b"\x16\x03\x03\x40\x00", b"")) as url:
        outcome = outgoing.post(url.replace("http:", "https:"), b"{}", {}, SHORT_S)

    assert outcome.error == "timeout"


class Unreachable(socket.socket):
    """A socket whose peer never answers a SYN; time passes on a clock of its own."""

    waited: list[float | None] = []

    def connect(self, address: object) -> None:
        self.waited.append(self.gettimeout())
        raise TimeoutError


@pytest.fixture
def no_answer(monkeypatch) -> list[float | None]:
    """Every dialled address is silent; how long each would have been waited for, None: for ever."""
    Unreachable.waited = []
    monkeypatch.setattr(dialling.socket, "socket", Unreachable)
    return Unreachable.waited


def leads_to(monkeypatch, *addresses: str) -> list[str]:
    """Let every name stand for these; the names that were asked for."""
    asked: list[str] = []

    def look_up(host, port, *args, **kwargs):
        asked.append(host)
        families = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in addresses]
        rest = {socket.AF_INET: (), socket.AF_INET6: (0, 0)}
        return [
            (family, socket.SOCK_STREAM, 6, "", (one, port, *rest[family]))
            for family, one in zip(families, addresses, strict=True)
        ]

    monkeypatch.setattr(dialling.socket, "getaddrinfo", look_up)
    return asked


def test_an_address_that_is_silent_is_dialled_for_the_connect_limit(
    outgoing, monkeypatch, no_answer
):
    leads_to(monkeypatch, "93.184.216.34")

    assert outgoing.post("http://silent.example/", b"{}", {}, LONG_S).error == "timeout"
    assert no_answer == [outgoing_module.CONNECT_S]


def test_the_first_of_many_silent_addresses_leaves_time_for_the_others(
    outgoing, monkeypatch, no_answer
):
    leads_to(monkeypatch, "93.184.216.34", "93.184.216.35", "2606:4700::1111")

    assert outgoing.post("http://silent.example/", b"{}", {}, LONG_S).error == "timeout"
    quarter = outgoing_module.CONNECT_S / 4
    assert no_answer == [quarter, quarter, outgoing_module.CONNECT_S]


def test_no_address_is_dialled_for_longer_than_what_is_left_of_the_whole(
    outgoing, monkeypatch, no_answer
):
    leads_to(monkeypatch, "93.184.216.34", "93.184.216.35")
    outgoing.post("http://silent.example/", b"{}", {}, 0.5)

    assert no_answer
    assert all(limit is not None and limit <= 0.5 for limit in no_answer)


def test_a_resolver_that_does_not_answer_is_not_waited_for(outgoing, monkeypatch):
    monkeypatch.setattr(dialling, "RESOLVE_S", SHORT_S)
    getaddrinfo, ended = socket.getaddrinfo, threading.Event()

    def slow(host, port, *args, **kwargs):
        ended.wait(PATIENCE_S)
        return getaddrinfo("127.0.0.1", port, *args, **kwargs)

    monkeypatch.setattr(dialling.socket, "getaddrinfo", slow)
    with Receiver() as receiver:
        outcome = outgoing.post(f"http://slow.example:{receiver.port}/", b"{}", {}, LONG_S)
        ended.set()

    assert (outcome.status, outcome.error) == (None, "dns")
    assert receiver.heard == []


def test_a_resolver_is_waited_for_no_longer_than_the_whole_allows(outgoing, monkeypatch):
    getaddrinfo, ended = socket.getaddrinfo, threading.Event()
    monkeypatch.setattr(dialling, "RESOLVE_S", LONG_S)

    def slow(host, port, *args, **kwargs):
        ended.wait(PATIENCE_S)
        return getaddrinfo("127.0.0.1", port, *args, **kwargs)

    monkeypatch.setattr(dialling.socket, "getaddrinfo", slow)
    with Receiver() as receiver:
        outcome = outgoing.post(f"http://slow.example:{receiver.port}/", b"{}", {}, SHORT_S)
        ended.set()

    # Which of the two words it is depends on who looks first; that it was not waited for does not.
    assert outcome.error in ("dns", "timeout")
    assert receiver.heard == []


def test_look_ups_at_a_time_are_bounded_and_their_places_come_back(monkeypatch):
    monkeypatch.setattr(dialling, "_resolving", threading.BoundedSemaphore(1))
    held, free = threading.Event(), threading.Event()

    def look_up(host, port, *args, **kwargs):
        if host == "dead.example":
            held.set()
            free.wait(PATIENCE_S)
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
        (found,) = dialling.resolve("other.example", 80, PATIENCE_S)
        assert found[1] == "93.184.216.34"


def test_a_kept_connection_that_is_too_old_is_not_used_so_new_addresses_are_seen(
    outgoing, monkeypatch
):
    asked = leads_to(monkeypatch, "127.0.0.1")
    now = [1000.0]
    monkeypatch.setattr(
        dialling, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=dialling.time.sleep)
    )

    with Receiver() as receiver:
        url = f"http://moved.example:{receiver.port}/"
        for passes_s in (0.0, dialling.CONNECTION_AGE_S, 1.0, 1.0):
            now[0] += passes_s
            assert outgoing.post(url, b"{}", {}, LONG_S).status == 200

    # One connection until its age is over, and then another.
    assert asked == ["moved.example"] * 2


def test_dns_that_changes_its_answer_between_check_and_dial_changes_nothing(outgoing, monkeypatch):
    """The address that was checked is the one that is dialled, not the name again."""
    dialled: list[str] = []
    asked: list[str] = []

    class Watched(socket.socket):
        def connect(self, address):
            dialled.append(address[0])
            raise ConnectionRefusedError

    def look_up(host, port, *args, **kwargs):
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(dialling.socket, "socket", Watched)
    monkeypatch.setattr(dialling.socket, "getaddrinfo", look_up)
    outcome = outgoing.post("http://rebind.example/", b"{}", {}, LONG_S)

    assert (outcome.error, outcome.address) == ("refused", "93.184.216.34")
    assert dialled == ["93.184.216.34"]
    assert asked == ["rebind.example"]
