"""Connections: strangers delay nobody, what trickles in is given up, and what was accepted is answered."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import threading
import time
from types import SimpleNamespace

import gevent
import gevent.socket
import psutil
import pytest
from gunicorn import util

from api.server import gunicorn_hooks
from api.server import link as links
from api.server.link import Link
from api.server.listening import Address, take_nobody_new
from tests.acceptance.house import House
from tests.conftest import wait_until

pytestmark = pytest.mark.seam

HEAD = b"POST /draw/midjourney/imagine HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def pair(monkeypatch):
    """Our end of a connection, with little patience, and the peer's."""
    monkeypatch.setattr(links, "REQUEST_S", 0.2)
    monkeypatch.setattr(links, "ANSWER_S", 0)
    ours, peer = socket.socketpair()
    plain = gevent.socket.socket(fileno=ours.detach())
    with Link.over(plain) as link, peer:
        yield link, peer


def test_what_is_there_is_read_as_from_any_connection(pair):
    link, peer = pair
    peer.sendall(GET)

    with link.next_request(1):
        assert link.recv(8192) == GET
    peer.close()
    assert link.recv(8192) == b""


def test_a_peer_that_says_nothing_is_gone_when_patience_ends(pair):
    with pytest.raises(ConnectionResetError), pair[0].next_request(0.05):
        pair[0].recv(8192)


def test_a_request_that_has_begun_has_its_own_time_however_little_patience_was_left(pair):
    link, peer = pair
    peer.sendall(b"G")
    with link.next_request(0.001):
        assert link.recv(1) == b"G"
        peer.sendall(b"E")
        assert link.recv(1) == b"E"


def test_a_peer_that_trickles_is_gone_however_often_it_says_a_byte(pair):
    link, peer = pair

    def trickle():
        with link.next_request(1):
            while True:
                peer.sendall(b"x")
                link.recv(1)
                time.sleep(0.01)

    with pytest.raises(ConnectionResetError):
        trickle()


def test_a_peer_that_keeps_sending_gets_time_for_what_it_sends(pair, monkeypatch):
    link, peer = pair
    now_s = 1000.0
    monkeypatch.setattr(links, "REQUEST_S", 1.0)
    monkeypatch.setattr(links, "time", SimpleNamespace(monotonic=lambda: now_s))
    peer.sendall(bytes(60_000))
    with link.next_request(1):
        while len(link.recv(8192)) == 8192:
            pass
        peer.sendall(b"x")
        now_s += 3.9
        assert link.recv(1) == b"x"
        now_s += 0.2
        with pytest.raises(ConnectionResetError):
            link.recv(1)


def test_who_has_sent_much_may_not_be_silent_for_the_time_it_has_earned(pair):
    link, peer = pair
    with link.next_request(1):
        peer.sendall(bytes(100_000))
        while len(link.recv(8192)) == 8192:
            pass
        with pytest.raises(ConnectionResetError):
            link.recv(1)


def test_a_request_that_came_with_the_one_before_has_time_of_its_own_for_its_body(pair):
    link, peer = pair
    with link.next_request(0.0):
        pass

    peer.sendall(b"x")

    assert link.recv(1) == b"x"


def test_an_answers_head_goes_out_with_the_first_piece_of_its_body(pair):
    link, peer = pair
    peer.setblocking(False)
    with link.next_request(1):
        pass

    link.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    with pytest.raises(BlockingIOError):
        peer.recv(8192)
    link.sendall(b"one")
    assert peer.recv(8192) == b"HTTP/1.1 200 OK\r\n\r\none"
    link.sendall(b"two")
    assert peer.recv(8192) == b"two"


def test_an_answer_without_a_body_goes_out_at_its_end(pair):
    link, peer = pair
    with link.next_request(1):
        pass

    link.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    link.flush()
    link.flush()

    assert peer.recv(8192) == b"HTTP/1.1 204 No Content\r\n\r\n"


def test_what_gunicorn_itself_refuses_is_answered(pair):
    link, peer = pair

    util.write_error(link, 400, "Bad Request", "why")
    link.flush()

    assert peer.recv(8192).startswith(b"HTTP/1.1 400 Bad Request")


def test_a_peer_that_takes_no_answer_is_gone(pair, monkeypatch):
    monkeypatch.setattr(links, "BYTES_PER_S", 1e12)
    with pytest.raises(ConnectionResetError):
        pair[0].sendall(bytes(10_000_000))


def test_an_idle_connection_is_ended_and_one_whose_request_has_come_is_not(pair):
    link, peer = pair
    with link.next_request(1):
        peer.sendall(GET)
        link.hang_up_if_idle()
        assert link.recv(8192) == GET
        link.hang_up_if_idle()

    with link.next_request(1):
        link.hang_up_if_idle()
        assert link.recv(8192) == b""


def test_a_peer_that_hangs_up_while_it_is_answered_is_noticed_and_one_that_asks_more_is_not(pair):
    link, peer = pair
    gone = []
    with link.watched(lambda: gone.append("early")):
        peer.sendall(GET)
        gevent.sleep(0.05)
    with link.next_request(1):
        assert link.recv(8192) == GET
    with link.watched(lambda: gone.append("gone")):
        gevent.sleep(0.05)
        assert gone == []
        peer.close()
        gevent.sleep(0.05)

    assert gone == ["gone"]


@pytest.mark.slow
def test_a_connection_is_answered_again_and_again_at_once_after_a_pause_and_without_a_body():
    with House("") as house:
        house.start_api()
        link = connection_to(house)
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [(b"GARBAGE\r\n\r\n", 400), (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 414)],
    ids=["garbage", "a line too long"],
)
def test_a_request_that_is_none_is_refused_also_after_a_good_one(request_bytes, status):
    with House("") as house:
        house.start_api()
        with socket.create_connection(("127.0.0.1", house.settings.port), timeout=30) as link:
            link.sendall(GET)
            assert link.recv(8192).startswith(b"HTTP/1.1 200")
            link.sendall(request_bytes)
            assert link.recv(8192).startswith(f"HTTP/1.1 {status}".encode())


@pytest.mark.slow
def test_strangers_and_slow_callers_keep_nobody_waiting():
    with House("") as house:
        house.start_api()
        token = f"token: {house.token}\r\nContent-Length: 1000\r\n\r\n".encode()
        said = {b"": 200, HEAD: 100, HEAD + b"token: x\r\nContent-Length: 1000\r\n\r\n{": 100}
        said[HEAD + token + b"{"] = 32
        strangers = [
            (opened(house, begun), begun) for begun, count in said.items() for _ in range(count)
        ]

        # Answered while all of them are held: none has hung up yet, and none was hung up on.
        assert house.ask("POST", "/draw/midjourney/waiting")[1]["data"] == 0
        refused = [link for link, begun in strangers if b"token: x" in begun]
        # Refused before their bodies are read, and slowed once they are many.
        assert {status_on(link) for link in refused} <= {401, 429}
        assert all(silent(link) for link, begun in strangers if begun in (b"", HEAD))

        slow = [link for link, begun in strangers if token in begun]
        assert {status_on(link) for link in slow} == {408}
        for link, _ in strangers:
            link.close()


@contextlib.contextmanager
def calls_without_a_pause(house):
    """Call from four threads within the block, and have no call broken; being refused is no break."""
    answered: list[int] = []
    broken: list[str] = []
    stopping = threading.Event()

    def call():
        while not stopping.is_set():
            try:
                with opened(
                    house, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
                ) as link:
                    answered.append(status_on(link))
            except ConnectionRefusedError:
                time.sleep(0.01)
            except OSError as error:
                broken.append(str(error))

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        stopping.set()
        for caller in callers:
            caller.join()
    assert broken == []
    assert set(answered) == {200}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_who_was_accepted_is_answered_while_the_api_stops_and_starts(workers):
    with House("", api_workers=workers) as house:
        house.start_api()
        for _ in range(3):
            with calls_without_a_pause(house):
                time.sleep(0.3)
                house.terminate("api")
            house.start_api()


@pytest.fixture
def sighup_as_in_a_terminal():
    """Have processes start with SIGHUP's own meaning, which `nohup` takes away."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
@pytest.mark.usefixtures("sighup_as_in_a_terminal")
def test_a_reload_keeps_the_address_and_breaks_no_call():
    with House("") as house:
        house.start_api()
        for _ in range(2):
            master = house.running["api"].pid
            before = children(master)
            with calls_without_a_pause(house):
                os.kill(master, signal.SIGHUP)
                wait_until(lambda: not before & children(master), 20, what="new workers")  # noqa: B023
            assert house.ask("GET", "/healthz")[0] == 200


def children(pid):
    """Return the ids of the processes that ``pid`` has started."""
    return {each.pid for each in psutil.Process(pid).children()}


def test_the_kernel_takes_nobody_new_once_told_but_lets_in_who_had_come():
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as early,
    ):
        take_nobody_new(listening)

        with pytest.raises(TimeoutError):
            socket.create_connection(listening.getsockname(), timeout=0.2)
        early.sendall(b"here")
        with listening.accept()[0] as accepted:
            assert accepted.recv(4) == b"here"


@pytest.mark.parametrize(
    ("master", "given_up"),
    [
        # The supervisor's socket, which it gives up too, unless another server has followed (below).
        ({"systemd": False, "reexec_pid": 0, "master_pid": 0, "address": 7}, True),
        ({"systemd": False, "reexec_pid": 0, "master_pid": 0}, True),
        ({"systemd": True, "reexec_pid": 0, "master_pid": 0}, False),
        ({"systemd": False, "reexec_pid": 7, "master_pid": 0}, False),
        ({"systemd": False, "reexec_pid": 0, "master_pid": 7}, False),
    ],
)
def test_an_address_is_given_up_only_where_nobody_listens_there_after(
    monkeypatch, master, given_up
):
    address, stopped = Address(), []
    monkeypatch.setattr(gunicorn_hooks, "ADDRESS", address)
    bound = SimpleNamespace(address=[master.pop("address", ("127.0.0.1", 8000))])
    server = SimpleNamespace(stop=stopped.append, handle_hup=None, signal=None, cfg=bound, **master)
    gunicorn_hooks.on_starting(server)
    assert not address.given_up

    server.stop(True)

    assert address.given_up is given_up
    assert stopped == [True]


@pytest.mark.slow
@pytest.mark.parametrize("more", ["?wait=60", "/events"])
def test_who_hangs_up_while_waiting_frees_the_place_at_once(more):
    with House("", api_waits=1) as house:
        house.start_api()
        path = f"/draw/midjourney/jobs/{house.imagine()['id']}"
        head = f"GET {path}{more} HTTP/1.1\r\nHost: x\r\ntoken: {house.token}\r\n\r\n".encode()
        waits = opened(house, head)
        # If our own question comes first, it takes the place.
        while house.ask("GET", path + "?wait=1")[0] != 503:
            waits.close()
            waits = opened(house, head)

        waits.close()

        # Long before anything would be sent to it.
        wait_until(lambda: house.ask("GET", path + "?wait=1")[0] == 200, 10, what="a free place")


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_answer_that_ends_the_connection_is_read_whole_by_who_still_sends(version):
    with House("") as house:
        house.start_api()
        head = f"POST /draw/midjourney/imagine HTTP/{version}\r\nHost: x\r\nConnection: close\r\n"
        body = bytes(800_000)
        link = opened(house, f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        with link:
            link.sendall(body)
            answer = b"".join(iter(lambda: link.recv(8192), b""))

        assert answer.split()[1] == b"401"
        assert answer.endswith(b"}")


@pytest.mark.slow
def test_a_stopping_api_says_so_while_it_still_accepts_and_then_ends_idle_connections():
    with House("", api_drain_s=2) as house:
        house.start_api()
        idle = connection_to(house)
        idle.request("GET", "/healthz")
        idle.getresponse().read()

        os.kill(house.running["api"].pid, signal.SIGTERM)

        wait_until(lambda: house.ask("GET", "/readyz")[0] == 503, what="the end's announcement")
        assert "about to stop" in house.ask("GET", "/readyz")[1]["message"]
        assert house.ask("POST", "/draw/midjourney/waiting")[0] == 200
        house.running["api"].wait(30)
        with contextlib.closing(idle):
            assert idle.sock.recv(1) == b""


@pytest.mark.parametrize(
    "own", [True, False], ids=["the supervisor's socket", "a socket of its own"]
)
def test_a_server_that_another_follows_on_the_supervisors_socket_ends_and_gives_up_nothing(
    monkeypatch, own
):
    address, stopped = Address(), []
    monkeypatch.setattr(gunicorn_hooks, "ADDRESS", address)

    def end() -> None:
        server.stop(True)

    server = SimpleNamespace(
        systemd=False,
        reexec_pid=0,
        master_pid=0,
        stop=stopped.append,
        handle_term=end,
        handle_hup=None,
        signal=None,
        cfg=SimpleNamespace(address=[7 if own else ("127.0.0.1", 8000)]),
    )
    gunicorn_hooks.on_starting(server)

    assert hasattr(server, "handle_usr2") is own, "otherwise it stays gunicorn's"
    if own:
        server.handle_usr2()
        assert (stopped, address.given_up) == ([True], False)


def connection_to(house) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", house.settings.port, timeout=30)


def opened(house, begun: bytes) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", house.settings.port), timeout=60)
    if begun:
        link.sendall(begun)
    return link


def silent(link: socket.socket) -> bool:
    link.settimeout(0.0)
    try:
        return link.recv(1) == b"?"
    except BlockingIOError:
        return True


def status_on(link: socket.socket) -> int:
    head = b""
    while b"\r\n" not in head:
        data = link.recv(8192)
        if not data:
            raise ConnectionResetError("no answer")
        head += data
    return int(head.split()[1])
