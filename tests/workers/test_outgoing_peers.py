"""Peers that drip, flood, break off or say nonsense, and what is fetched from the better ones."""

from __future__ import annotations

import gzip
import queue

import pytest

from limner.egress.address import DialPolicy
from net.outgoing import FetchFailed, Outgoing
from tests.callback_doubles import peer

LOOPBACK = "127.0.0.1:*, localhost:*"


@pytest.fixture
def outgoing():
    made = Outgoing(DialPolicy.parse(LOOPBACK))
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


#: more than all buffers on the way hold
FLOOD_BYTES = 100_000_000


def flood(head, sent):
    """Say ``head``, then all that the other side takes; ``sent`` gets how many bytes those were."""

    def serve(connection, ended):
        connection.recv(65536)
        connection.sendall(head)
        taken = 0
        try:
            while taken < FLOOD_BYTES:
                taken += connection.send(b"x" * 100_000)
        finally:
            sent.put(taken)

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
    sent = queue.SimpleQueue()
    with peer(flood(head, sent)) as url:
        outcome = post(outgoing, url)
        taken = sent.get(timeout=60)

    assert outcome.status == int(head[9:12])
    assert len(outcome.answer) <= 1024
    assert taken < FLOOD_BYTES


def test_a_picture_larger_than_its_bound_is_not_read_to_its_end(outgoing):
    sent = queue.SimpleQueue()
    with peer(flood(b"HTTP/1.1 200 OK\r\n\r\n", sent)) as url:
        with pytest.raises(FetchFailed) as failure:
            outgoing.fetch(url, 5000)
        taken = sent.get(timeout=60)

    assert failure.value.why == "too_large"
    assert taken < FLOOD_BYTES


def test_of_an_answer_the_first_kilobyte_is_kept(outgoing):
    body = bytes(range(256)) * 16

    def serve(connection, ended):
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 4096\r\n\r\n" + body)

    with peer(serve) as url:
        assert [post(outgoing, url).answer for _ in range(2)] == [body[:1024]] * 2


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
        assert post(outgoing, url).error == error


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

    # Cut off short of the bound, or just there: it is not all, either way.
    for most in (50_000, 3):
        with peer(serve) as url, pytest.raises(FetchFailed) as failure:
            outgoing.fetch(url, most)
        assert failure.value.why == "reset"
