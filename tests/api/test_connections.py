"""Connections: what trickles in keeps no thread for long, and what is whole goes out whole."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from types import SimpleNamespace

import pytest
from gunicorn import util

from api.server import worker
from tests.acceptance.house import House
from tests.conftest import wait_until

pytestmark = pytest.mark.seam

HEAD = b"POST /draw/midjourney/imagine HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture
def pair(monkeypatch):
    """Our end of a connection, bounded and with little patience, and the peer's."""
    monkeypatch.setattr(worker, "REQUEST_S", 0.2)
    ours, peer = socket.socketpair()
    bounded = worker.BoundedSocket.over(ours)
    bounded.setblocking(True)
    with bounded, peer:
        yield bounded, peer


def test_what_is_there_is_read_as_from_any_connection(pair):
    ours, peer = pair
    peer.sendall(b"GET / HTTP/1.1\r\n\r\n")

    assert ours.recv(8192) == b"GET / HTTP/1.1\r\n\r\n"
    peer.close()
    assert ours.recv(8192) == b""


def test_a_peer_that_says_nothing_more_is_gone(pair):
    with pytest.raises(ConnectionResetError):
        pair[0].recv(8192)


def test_a_peer_that_trickles_is_gone_however_often_it_says_a_byte(pair):
    ours, peer = pair

    def trickle():
        while True:
            peer.sendall(b"x")
            ours.recv(1)
            time.sleep(0.01)

    with pytest.raises(ConnectionResetError):
        trickle()


def test_a_peer_that_keeps_sending_gets_time_for_what_it_sends(pair, monkeypatch):
    ours, peer = pair
    now_s = 1000.0
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: now_s))
    ours.setblocking(True)
    peer.sendall(bytes(60_000))
    while len(ours.recv(8192)) == 8192:
        pass
    peer.sendall(b"xy")

    now_s += 3
    assert ours.recv(1) == b"x"
    now_s += 1
    with pytest.raises(ConnectionResetError):
        ours.recv(1)


def test_each_request_on_a_connection_has_time_of_its_own(pair):
    ours, peer = pair
    with pytest.raises(ConnectionResetError):
        ours.recv(1)

    ours.setblocking(False)
    ours.setblocking(True)
    peer.sendall(b"x")

    assert ours.recv(1) == b"x"


def test_an_answers_head_goes_out_with_the_first_piece_of_its_body(pair):
    ours, peer = pair
    peer.setblocking(False)

    ours.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    with pytest.raises(BlockingIOError):
        peer.recv(8192)
    ours.sendall(b"one")
    assert peer.recv(8192) == b"HTTP/1.1 200 OK\r\n\r\none"
    ours.sendall(b"two")
    assert peer.recv(8192) == b"two"


def test_an_answer_without_a_body_goes_out_at_its_end(pair):
    ours, peer = pair

    ours.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    ours.flush()
    ours.flush()

    assert peer.recv(8192) == b"HTTP/1.1 204 No Content\r\n\r\n"


def test_what_gunicorn_itself_refuses_is_answered(pair):
    ours, peer = pair

    util.write_error(ours, 400, "Bad Request", "why")
    ours.flush()

    assert peer.recv(8192).startswith(b"HTTP/1.1 400 Bad Request")


def test_a_peer_that_takes_no_answer_is_gone(monkeypatch):
    monkeypatch.setattr(worker, "ANSWER_S", 0.2)
    ours, peer = socket.socketpair()
    with worker.BoundedSocket.over(ours) as bounded, peer:
        bounded.setblocking(True)
        bounded.sendall(b"head")
        with pytest.raises(ConnectionResetError):
            bounded.sendall(bytes(10_000_000))


def test_what_comes_while_a_thread_lingers_is_read_as_the_next_request(pair):
    ours, peer = pair
    assert not ours.lingers()

    peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert ours.lingers()
    ours.setblocking(True)
    assert ours.recv(8192) == b"GET / HTTP/1.1\r\n\r\n"

    peer.close()
    assert ours.lingers()
    assert ours.recv(8192) == b""


@pytest.mark.slow
def test_a_connection_is_answered_again_and_again_at_once_after_a_pause_and_without_a_body():
    with House("", api_threads=1) as house:
        house.start_api()
        link = http.client.HTTPConnection("127.0.0.1", house.settings.port, timeout=30)
        with contextlib.closing(link):
            ports = set()
            for method, pause_s in (
                ("GET", 0),
                ("HEAD", 0),
                ("GET", 0.1),
                ("HEAD", 0.1),
                ("GET", 0),
            ):
                time.sleep(pause_s)
                link.request(method, "/healthz")
                answer = link.getresponse()
                assert (answer.status, bool(answer.read())) == (200, method == "GET")
                ports.add(link.sock.getsockname()[1])
            assert len(ports) == 1
            # With more connections than threads nobody lingers, and all have their turn.
            with contextlib.closing(
                http.client.HTTPConnection("127.0.0.1", house.settings.port)
            ) as other:
                for one in (link, other, link, other):
                    one.request("GET", "/healthz")
                    assert one.getresponse().read()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [(b"GARBAGE\r\n\r\n", 400), (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 414)],
    ids=["garbage", "a line too long"],
)
def test_a_request_that_is_none_is_refused_also_after_a_good_one(request_bytes, status):
    with House("", api_threads=1) as house:
        house.start_api()
        with socket.create_connection(("127.0.0.1", house.settings.port), timeout=30) as link:
            link.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert link.recv(8192).startswith(b"HTTP/1.1 200")
            link.sendall(request_bytes)
            assert link.recv(8192).startswith(f"HTTP/1.1 {status}".encode())


@pytest.mark.slow
def test_slow_clients_do_not_keep_the_others_out_for_long():
    with House("", api_threads=2) as house:
        house.start_api()
        slow = [socket.create_connection(("127.0.0.1", house.settings.port)) for _ in range(4)]
        for connection in slow[:2]:
            connection.sendall(HEAD)
        for connection in slow[2:]:
            token = f"token: {house.token}\r\nContent-Length: 1000\r\n\r\n".encode()
            connection.sendall(HEAD + token + b"{")

        wait_until(lambda: waiting(house) == 0, timeout_s=60, what="an answer")

        answers = [answer_on(connection) for connection in slow]
        assert answers[:2] == [None, None]
        assert [one and one["statusCode"] for one in answers[2:]] == [408, 408]


def waiting(house):
    return house.ask("POST", "/draw/midjourney/waiting")[1]["data"]


def answer_on(connection):
    connection.settimeout(30)
    with connection:
        text = b"".join(iter(lambda: connection.recv(8192), b""))
    return json.loads(text.partition(b"\r\n\r\n")[2]) if text else None
