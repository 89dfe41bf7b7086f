"""The operator's egress proxy: what it is shown, what it is asked for, and what its refusals mean."""

from __future__ import annotations

import base64
import re

import pytest

from limner.egress.address import DialPolicy
from limner.egress.proxy import parse_proxy
from limner.errors import ConfigError
from limner.settings import Settings
from net.outgoing import FetchFailed, Outgoing
from tests.callback_doubles import Receiver, peer

pytestmark = pytest.mark.seam


def post(outgoing, url):
    return outgoing.post(url, b"{}", {"Content-Type": "application/json"}, 10.0)


def credentials(text: str) -> str | None:
    shown = parse_proxy(text).headers.get("Proxy-Authorization")
    return base64.b64decode(shown.removeprefix("Basic ")).decode() if shown else None


@pytest.mark.parametrize(
    ("text", "url", "shown"),
    [
        ("http://proxy:3128", "http://proxy:3128", None),
        ("HTTP://Proxy:3128/", "http://proxy:3128", None),
        ("proxy:3128", "http://proxy:3128", None),
        ("us:pw@proxy:3128", "http://proxy:3128", "us:pw"),
        ("https://us:pw@proxy", "https://proxy:443", "us:pw"),
        ("http://us%20er:p%40ss@proxy:3128", "http://proxy:3128", "us er:p@ss"),
        ("http://us:p@ss@proxy:3128", "http://proxy:3128", "us:p@ss"),
        ("http://us:p/s?s#@proxy:3128/", "http://proxy:3128", "us:p/s?s#"),
        ("http://us:p:w@proxy:3128", "http://proxy:3128", "us:p:w"),
        ("http://us@proxy:3128", "http://proxy:3128", "us:"),
        ("http://us:100%@proxy:3128", "http://proxy:3128", "us:100%"),
        ("http://jürgen:%C3%9F@proxy:3128", "http://proxy:3128", "jürgen:ß"),
        ("http://us:pw@[2001:DB8::1]:3128", "http://[2001:db8::1]:3128", "us:pw"),
    ],
)
def test_a_proxy_is_read_as_operators_write_it(text, url, shown):
    assert parse_proxy(text).url == url
    assert credentials(text) == shown


@pytest.mark.parametrize(
    "text",
    ["socks5://us:hush@proxy:1080", "ftp://proxy", "http://", "http://us:hush@", "http://a b:1"],
)
def test_what_is_no_http_proxy_keeps_the_gateway_from_starting(text):
    with pytest.raises(ConfigError, match="LIMNER_CALLBACK_PROXY"):
        Settings.load({"LIMNER_CALLBACK_PROXY": text})


def test_credentials_stay_out_of_what_may_be_printed():
    shown = repr(parse_proxy("http://us:hush@proxy:3128"))
    assert "proxy:3128" in shown
    assert not {"hush", base64.b64encode(b"us:hush").decode()} & set(re.split(r"[^\w=+/]", shown))
    with pytest.raises(ConfigError) as refused:
        Settings.load({"LIMNER_CALLBACK_PROXY": "socks5://us:hush@proxy:1080"})
    assert "hush" not in refused.value.message


def test_a_proxy_with_credentials_is_shown_them_for_callbacks_and_pictures():
    heard = []

    def serve(connection, ended):
        while head := connection.recv(65536):
            heard.append(head)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with peer(serve) as url:
        outgoing = Outgoing(DialPolicy(), proxy=url.replace("http://", "http://us%20er:p%40ss@"))
        assert post(outgoing, "http://receiver.example/hook").status == 200
        assert outgoing.fetch("http://pictures.example/cat.png", 100) == b"ok"
        outgoing.close()

    wanted = b"Basic " + base64.b64encode(b"us er:p@ss")
    shown = [re.search(rb"(?i)\r\nproxy-authorization: (.*?)\r\n", head)[1] for head in heard]
    assert shown == [wanted, wanted]


def test_a_tunnel_to_a_tls_receiver_is_asked_for_with_the_credentials():
    heard = []

    def serve(connection, ended):
        heard.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    with peer(serve) as url:
        outgoing = Outgoing(DialPolicy(), proxy=url.replace("http://", "http://us:pw@"))
        outcome = post(outgoing, "https://receiver.example/hook")
        outgoing.close()

    assert heard[0].startswith(b"CONNECT receiver.example:443 ")
    assert b"roxy-" in heard[0]
    assert base64.b64encode(b"us:pw") in heard[0]
    assert outcome.error == "proxy"


def test_a_refusal_of_the_proxy_is_not_taken_for_the_receivers():
    """A 4xx would make dead letters of transitions that no receiver has seen."""
    with Receiver(lambda heard, before: (407, {"Proxy-Authenticate": "Basic realm=x"})) as proxy:
        outgoing = Outgoing(DialPolicy(), proxy=f"http://127.0.0.1:{proxy.port}")
        outcome = post(outgoing, "http://receiver.example/hook")
        outgoing.close()

    assert (outcome.status, outcome.error_class) == (None, "proxy")


def test_a_proxy_that_is_away_is_named():
    outgoing = Outgoing(DialPolicy(), proxy="http://127.0.0.1:1")
    assert post(outgoing, "http://receiver.example/").error == "proxy"
    assert post(outgoing, "https://receiver.example/").error == "proxy"
    with pytest.raises(FetchFailed) as failed:
        outgoing.fetch("http://receiver.example/cat.png", 100)
    assert failed.value.why == "proxy"


def test_a_407_of_a_receiver_is_its_own():
    with Receiver(lambda heard, before: (407, {})) as receiver:
        outgoing = Outgoing(DialPolicy.parse("127.0.0.1:*"))
        assert post(outgoing, receiver.url).status == 407
        outgoing.close()


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://Receiver.example:8080/a?x=1", "http://receiver.example:8080/a?x=1"),
        ("http://ｒｅｃｅｉｖｅｒ。example", "http://receiver.example/"),
        ("http://bücher.example:80/ü", "http://xn--bcher-kva.example/%C3%BC"),
        ("http://[2606:4700::1111]/", "http://[2606:4700::1111]/"),
    ],
)
def test_a_proxy_is_asked_for_the_host_as_it_would_be_dialled(url, asked):
    with Receiver() as proxy:
        outgoing = Outgoing(DialPolicy(), proxy=f"http://127.0.0.1:{proxy.port}")
        assert post(outgoing, url).status == 200
        outgoing.close()

    assert [heard.path for heard in proxy.heard] == [asked]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "[::1]"])
def test_a_proxy_is_not_asked_for_its_own_machine_unless_the_operator_opens_it(host):
    with Receiver() as proxy:
        where = f"http://127.0.0.1:{proxy.port}"
        shut, opened = (
            Outgoing(DialPolicy.parse(rules), proxy=where) for rules in ("", "127.0.0.1, ::1")
        )
        for scheme in ("http", "https"):
            assert post(shut, f"{scheme}://{host}/").error == "not_allowed"
        assert proxy.heard == []
        assert post(opened, f"http://{host}/").status == 200
        shut.close()
        opened.close()
