"""Peers that drip, flood, break off or say nonsense, and what is fetched from the better ones."""

from __future__ import annotations

import gzip
import resource
import threading
import time

import pytest

from limner.address import Policy
from tests.callback_doubles import peer
from workers import dialling
from workers.outgoing import FetchFailed, Outgoing

LOOPBACK = "127.0.0.1:*, localhost:*"


@pytest.fixture
def outgoing():
    made = Outgoing(Policy.parse(LOOPBACK))
    yield made
    made.close()


def post(outgoing, url, total_s=5.0):
    return outgoing.post(url, b"{}", {"Content-Type": "application/json"}, total_s)


def drip(start):
    def serve(connection, ended):
        connection.recv(65536)
        connection.sendall(start)
        while not ended.wait(0.05):
            connection.sendall(b"x")

    return serve


def silent(connection, ended):
    ended.wait(30)


@pytest.mark.parametrize(
    ("serve", "status"),
    [
        (silent, None),
        (drip(b""), None),
        (drip(b"HTTP/1.1 200 OK\r\n"), None),
        (drip(b"HTTP/1.1 200 OK\r\nX: "), None),
        # The receiver has said 200 and is only slow to say more.
        (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n"), 200),
        (drip(b"HTTP/1.1 500 No\r\nContent-Length: 3000\r\n\r\n"), None),
        # Answers that end with their connection.
        (drip(b"HTTP/1.1 200 OK\r\n\r\n"), 200),
        (drip(b"HTTP/1.1 500 No\r\n\r\n"), None),
        (drip(b"HTTP/1.0 500 No\r\nContent-Length: 3000\r\n\r\n"), None),
        (drip(b"HTTP/1.1 103 Early Hints\r\n"), None),
    ],
    ids=[
        *("silent", "status", "headers", "one header", "body", "body of a 500"),
        *("endless body", "endless body of a 500", "old body of a 500", "hints"),
    ],
)
def test_an_attempt_ends_in_time_whatever_the_peer_drags_out(outgoing, serve, status):
    with peer(serve) as url:
        started = time.monotonic()
        outcome = post(outgoing, url, total_s=0.6)
        took_s = time.monotonic() - started

    assert took_s < 1.1
    assert outcome.status == status
    assert status or outcome.error == "timeout"


def test_a_tls_handshake_that_never_ends_is_ended(outgoing):
    with peer(drip(b"\x16\x03\x03\x40\x00")) as url:
        started = time.monotonic()
        outcome = post(outgoing, url.replace("http:", "https:"), total_s=0.6)

    assert time.monotonic() - started < 1.1
    assert outcome.error == "timeout"


def test_a_name_server_that_does_not_answer_is_not_waited_for(outgoing, monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(dialling.socket, "getaddrinfo", lambda *a, **k: ended.wait(10) and [])
    started = time.monotonic()
    outcome = post(outgoing, "http://slow.example/", total_s=0.5)
    ended.set()

    assert outcome.error in ("dns", "timeout")
    assert time.monotonic() - started < 1.0


def flood(head):
    def serve(connection, ended):
        connection.recv(65536)
        connection.sendall(head)
        for _ in range(3000):
            connection.sendall(b"x" * 100_000)

    return serve


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 300000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 500 No\r\nContent-Length: 300000000\r\n\r\n",
    ],
    ids=["302", "200", "200 without a length", "500"],
)
def test_a_flood_is_not_read(outgoing, head):
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with peer(flood(head)) as url:
        outcome = post(outgoing, url)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb

    assert outcome.status == int(head[9:12])
    assert len(outcome.answer) <= 1024
    assert grown_kb < 64 * 1024


def test_a_compressed_bomb_stays_compressed(outgoing):
    bomb = gzip.compress(b"\0" * 50_000_000)

    def serve(connection, ended):
        connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
        )
        connection.sendall(bomb)

    with peer(serve) as url:
        assert post(outgoing, url).answer == bomb[:1024]


@pytest.mark.parametrize(
    ("said", "error"),
    [(b"\0\1\2\3\r\n\r\n", "protocol"), (b"", "reset"), (b"HTTP/1.1 9999 x\r\n\r\n", "protocol")],
)
def test_nonsense_is_a_failure_and_no_exception(outgoing, said, error):
    def serve(connection, ended):
        connection.recv(65536)
        connection.sendall(said)

    with peer(serve) as url:
        assert post(outgoing, url).error in (error, "reset")


def test_headers_without_end_are_a_failure(outgoing):
    def serve(connection, ended):
        connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(5000))
        )
        ended.wait(5)

    with peer(serve) as url:
        assert post(outgoing, url).status is None


def test_a_picture_is_fetched_up_to_its_bound(outgoing):
    def serve(connection, ended):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"p" * 5000)

    with peer(serve) as url:
        assert outgoing.fetch(url, 5000) == b"p" * 5000
        with pytest.raises(FetchFailed) as failure:
            outgoing.fetch(url, 4999)

    assert failure.value.why == "too_large"


@pytest.mark.parametrize("status", [301, 404, 500])
def test_what_is_no_2xx_is_no_picture(outgoing, status):
    answer = drip(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status)
    with peer(answer) as url, pytest.raises(FetchFailed) as failure:
        outgoing.fetch(url, 5000)
    assert failure.value.why == f"http_{status}"


def test_a_picture_that_is_cut_off_is_no_picture(outgoing):
    def serve(connection, ended):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nabc")

    with peer(serve) as url, pytest.raises(FetchFailed):
        outgoing.fetch(url, 50_000)
