"""Each limit of time: connect, read, the whole, and what follows a 2xx.

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

from limner.egress.address import DialPolicy
from net import deadline, dialling
from net import outgoing as outgoing_module
from net.deadline import Deadline
from net.outgoing import FetchFailed, Outgoing
from tests.callback_doubles import Receiver, peer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#: longer than any limit under test, and what a limit that is left out costs the run that finds it out
PATIENCE_S = 20.0
#: for limits that are not under test
LONG_S = 300.0
SHORT_S = 0.3


@pytest.fixture
def outgoing() -> Iterator[Outgoing]:
    made = Outgoing(DialPolicy.parse("127.0.0.1:*, ::1"))
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


def test_a_read_waits_for_fifteen_seconds_if_there_are_so_many(outgoing, monkeypatch):
    limits = []

    class Watched(socket.socket):
        def settimeout(self, limit_s):
            limits.append(limit_s)
            super().settimeout(limit_s)

    monkeypatch.setattr(dialling.socket, "socket", Watched)
    with Receiver() as receiver:
        assert outgoing.post(receiver.url, b"{}", {}, LONG_S).status == 200
        assert limits[-1] == 15.0
        assert outgoing.post(receiver.url, b"{}", {}, 10.0).status == 200
        assert 0 < limits[-1] <= 10.0


def test_time_that_is_over_is_not_for_ever():
    """Zero would mean so to a socket."""
    assert 0 < Deadline(0).left_s < 0.1
    assert 0 < Deadline(-5).left_s < 0.1


def test_how_long_an_attempt_took_is_told_in_milliseconds(outgoing, monkeypatch):
    moments = iter([10.0, 12.5])
    monkeypatch.setattr(outgoing_module, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    with Receiver() as receiver:
        assert outgoing.post(receiver.url, b"{}", {}, LONG_S).took_ms == 2500


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
    """A socket whose peer never answers a SYN; what it is waited for passes on the test's clock."""

    now_s = 0.0
    waited: list[float | None] = []

    def connect(self, address: object) -> None:
        limit_s = self.gettimeout()
        self.waited.append(limit_s)
        Unreachable.now_s += limit_s or 0.0
        raise TimeoutError


@pytest.fixture
def no_answer(monkeypatch) -> list[float | None]:
    """Every dialled address is silent; how long each was waited for, None: for ever."""
    Unreachable.now_s, Unreachable.waited = 1000.0, []
    clock = SimpleNamespace(monotonic=lambda: Unreachable.now_s, sleep=dialling.time.sleep)
    for module in (dialling, deadline):
        monkeypatch.setattr(module, "time", clock)
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


@pytest.mark.parametrize(
    ("total_s", "addresses", "waited"),
    [
        # However much there is, one address is dialled for so long.
        (LONG_S, 1, [5.0]),
        # The first of many leave time for the others.
        (LONG_S, 3, [1.25, 1.25, 5.0]),
        # But not too little for a far one.
        (LONG_S / 100, 2, [1.0, 2.0]),
        # And never more than is left of the whole.
        (5.0, 2, [1.25, 3.75]),
        (0.5, 2, [0.5]),
    ],
)
def test_a_silent_address_is_dialled_for_its_share_of_the_time(
    outgoing, monkeypatch, no_answer, total_s, addresses, waited
):
    leads_to(monkeypatch, *("93.184.216.34", "2606:4700::1111", "93.184.216.35")[:addresses])

    assert outgoing.post("http://silent.example/", b"{}", {}, total_s).error == "timeout"
    assert no_answer[: len(waited)] == pytest.approx(waited)
