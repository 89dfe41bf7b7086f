"""What leaves the house: no socket to a forbidden address, and no peer that takes more than it may."""

from __future__ import annotations

import socket

import pytest
import urllib3

from limner.egress.address import AddressNotAllowed, DialPolicy
from net.dialling import guarded_pools
from net.outgoing import FetchFailed, Outgoing
from tests.callback_doubles import Receiver, peer
from tests.workers.watched_sockets import watched

LOOPBACK = "127.0.0.1:*, localhost:*"

#: as the world writes them; none may lead to a socket
FORBIDDEN_URLS = [
    *(
        f"http://{host}/"
        for host in ("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1")
    ),
    *(f"http://{host}/" for host in ("0", "0.0.0.0", "localhost", "LOCALHOST.", "127.127.127.127")),
    *(f"http://[{host}]/" for host in ("::1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1")),
    *(f"http://[{host}]/" for host in ("::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1")),
    *(f"http://[{host}]/" for host in ("64:ff9b:1::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::")),
    *(
        f"http://[{host}]/"
        for host in ("5f00::1", "3fff::1", "fe80::1%25eth0", "fe80::1", "fec0::1")
    ),
    *(f"http://[{host}]/" for host in ("fc00::1", "fd00:ec2::254", "ff02::1")),
    *(f"http://{host}/" for host in ("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1")),
    *(f"http://{host}/" for host in ("198.18.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1")),
    *(f"http://{host}/" for host in ("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.88.99.1")),
    *(f"http://{host}/" for host in ("169.254.169.254", "169.254.170.2", "100.100.100.200")),
    *(f"http://{host}/" for host in ("192.0.0.192", "168.63.129.16", "metadata.google.internal")),
    "http://8.8.8.8@127.0.0.1/",
    "http://user:pw@127.0.0.1/",
    "http://ex\\@127.0.0.1/",
    "http://127.0.0.1#@8.8.8.8/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://127.0.0.1%00.x.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "ftp://127.0.0.1/",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "//127.0.0.1/",
    "http://127.0.0.1:99999/",
    "http:///x",
    "https://127.0.0.1/",
    "http://inside.example/",
    "http://mixed.example/",
    "http://mapped.example/",
]
NAMES = {
    "inside.example": ["10.0.0.1"],
    "mixed.example": ["93.184.216.34", "10.0.0.1"],
    "mapped.example": ["::ffff:169.254.169.254"],
    "metadata.google.internal": ["169.254.169.254"],
}


@pytest.fixture
def dialled(monkeypatch):
    """Every address that anybody calls ``connect`` with; names are resolved from a table."""
    getaddrinfo = socket.getaddrinfo

    def look_up(host, port, *args, **kwargs):
        if host in NAMES:
            family = [socket.AF_INET6 if ":" in a else socket.AF_INET for a in NAMES[host]]
            return [
                (
                    f,
                    socket.SOCK_STREAM,
                    6,
                    "",
                    (a, port) if f == socket.AF_INET else (a, port, 0, 0),
                )
                for f, a in zip(family, NAMES[host], strict=True)
            ]
        return getaddrinfo(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return watched(monkeypatch, ("127.0.0.1", "::1"))


@pytest.fixture
def outgoing():
    made = Outgoing(DialPolicy.parse(LOOPBACK))
    yield made
    made.close()


def post(outgoing, url, total_s=5.0):
    return outgoing.post(url, b"{}", {"Content-Type": "application/json"}, total_s)


@pytest.mark.parametrize("url", FORBIDDEN_URLS)
def test_no_socket_is_dialled_to_a_forbidden_address(url, dialled):
    outcome = post(Outgoing(DialPolicy()), url)

    assert dialled == []
    assert outcome.status is None
    assert outcome.error in ("not_allowed", "url", "dns")


@pytest.mark.parametrize("host", ["169.254.169.254", "inside.example", "metadata.google.internal"])
def test_a_picture_is_fetched_through_the_same_guard(host, dialled):
    with pytest.raises(FetchFailed) as failure:
        Outgoing(DialPolicy()).fetch(f"http://{host}/cat.png", 1000)

    assert dialled == []
    assert failure.value.why == "not_allowed"


@pytest.mark.parametrize("name", ["metadata", "metadata.google.internal", "METADATA.goog."])
def test_names_of_metadata_services_are_not_even_looked_up(name, monkeypatch):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **kwargs: asked.append(host))

    assert (
        post(Outgoing(DialPolicy.parse("0.0.0.0/0, ::/0")), f"http://{name}/").error
        == "not_allowed"
    )
    assert asked == []


@pytest.mark.parametrize("port", [22, 6379, 27017])
def test_a_connection_to_a_port_of_others_is_refused_whoever_asks_for_it(port, dialled):
    """Below the check of a URL's text, where only the pools stand between a caller and a socket."""
    pools = urllib3.PoolManager()
    pools.pool_classes_by_scheme = guarded_pools(DialPolicy.parse("127.0.0.1:*"))
    with pytest.raises(AddressNotAllowed):
        pools.connection_from_host("127.0.0.1", port, "http").urlopen("GET", "/", retries=False)

    assert dialled == []


def test_an_allowed_name_that_is_repointed_to_metadata_is_not_dialled(dialled, monkeypatch):
    monkeypatch.setitem(NAMES, "recv.lan", ["169.254.169.254"])

    assert (
        post(Outgoing(DialPolicy.parse("recv.lan:*, 0.0.0.0/0")), "http://recv.lan/").error
        == "not_allowed"
    )
    assert dialled == []


def test_a_name_that_changes_its_address_is_looked_at_again_on_each_connection(
    dialled, monkeypatch
):
    monkeypatch.setitem(NAMES, "rebind.example", ["127.0.0.1"])
    outgoing = Outgoing(DialPolicy.parse("127.0.0.1:*"))
    with Receiver(lambda heard, before: (200, {"Connection": "close"})) as receiver:
        url = f"http://rebind.example:{receiver.port}/"
        assert post(outgoing, url).status == 200
        NAMES["rebind.example"] = ["10.0.0.1"]
        assert post(outgoing, url).error == "not_allowed"

    assert dialled == ["127.0.0.1"]


def test_a_dead_first_address_leaves_time_for_the_second(dialled, monkeypatch):
    with Receiver() as receiver:
        monkeypatch.setitem(NAMES, "two.example", ["93.184.216.34", "127.0.0.1"])
        outgoing = Outgoing(DialPolicy.parse("127.0.0.1:*"))
        outcome = post(outgoing, f"http://two.example:{receiver.port}/")

    assert (outcome.status, outcome.address) == (200, "127.0.0.1")
    assert dialled == ["93.184.216.34", "127.0.0.1"]


def test_a_kept_connection_is_used_again(outgoing, dialled):
    with Receiver() as receiver:
        for _ in range(5):
            assert post(outgoing, receiver.url).status == 200
    assert dialled == ["127.0.0.1"]


def test_a_connection_that_was_closed_while_it_idled_costs_no_attempt(outgoing):
    def serve(connection, ended):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        # Gone as soon as the next request comes.
        connection.recv(65536)

    with peer(serve) as url:
        assert [post(outgoing, url).status for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(outgoing, status, dialled):
    with Receiver(
        lambda heard, before: (status, {"Location": "http://169.254.169.254/"})
    ) as receiver:
        outcome = post(outgoing, receiver.url)

    assert (outcome.status, outcome.location) == (status, "http://169.254.169.254/")
    assert dialled == ["127.0.0.1"]
    assert len(receiver.heard) == 1


def test_environment_proxies_netrc_and_cookies_are_left_alone(outgoing, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login us password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    with Receiver(lambda heard, before: (200, {"Set-Cookie": "a=b; Path=/"})) as receiver:
        for _ in range(2):
            assert post(outgoing, receiver.url).status == 200

    for heard in receiver.heard:
        assert not {"cookie", "authorization", "proxy-authorization"} & set(heard.headers)


def test_the_operators_proxy_is_asked_for_names_and_never_for_forbidden_addresses():
    with Receiver() as proxy:
        outgoing = Outgoing(DialPolicy(), proxy=f"http://127.0.0.1:{proxy.port}")
        assert post(outgoing, "http://receiver.example/hook?x=1").status == 200
        assert post(outgoing, "http://10.0.0.1/hook").error == "not_allowed"
        assert post(outgoing, "http://metadata.google.internal/").error == "not_allowed"

    assert [heard.path for heard in proxy.heard] == ["http://receiver.example/hook?x=1"]
    assert proxy.heard[0].headers["host"] == "receiver.example"
