"""What the drivers of remote engines share: statuses and broken connections become our errors."""

from __future__ import annotations

import contextlib
import socket
import ssl

import pytest
import trustme

from engines.remote import session as remote
from engines.remote.session import Answered, NoAnswer, Remote
from limner.errors import BadResult, EngineBusy, EngineDown, Refused, Rejected
from net.cut import Cut
from tests.callback_doubles import peer as raw_peer
from tests.standins.loopback import Answer, Asked, Dropped, Loopback, as_json

pytestmark = pytest.mark.seam


class Peer(Loopback):
    """Answers with what the path names."""

    def answer(self, asked: Asked) -> Answer:
        word = asked.path.strip("/")
        if word == "dropped":
            raise Dropped
        if word == "hangs":
            self.pause(60, asked)
        if word == "moved":
            return Answer(status=302, headers={"Location": "/200"})
        if word.isdigit():
            return as_json({"error": "secret words"}, int(word), **asked.query)
        return Answer(b"<html>secret words")


@pytest.fixture
def peer():
    with Peer() as peer:
        yield peer


@pytest.fixture
def server(peer):
    server = Remote(peer.url, headers={"X-Key": "hush"}, auth=("me", "hush"))
    yield server
    server.close()


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, Refused, "credentials"),
        (403, Refused, "credentials"),
        (402, Refused, "credit"),
        (429, EngineBusy, None),
        (502, EngineDown, None),
        (503, EngineDown, None),
        (504, EngineDown, None),
        (404, Answered, None),
        (500, Answered, None),
    ],
)
def test_a_status_says_what_to_do_and_not_what_the_peer_said(server, status, error, kind):
    with pytest.raises(error) as caught:
        server.get_json(f"/{status}?key=hush")

    assert getattr(caught.value, "kind", None) == kind
    assert "secret" not in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "seconds"), [("7", 7), ("0", 0.1), ("1e9", 3600), ("nan", 5), ("soon", 5)]
)
def test_a_busy_peer_says_how_long_it_will_be(server, asked, seconds):
    with pytest.raises(EngineBusy) as caught:
        server.get_json("/429", params={"Retry-After": asked})

    assert caught.value.retry_after_s == seconds


def test_a_driver_may_know_better(peer):
    server = Remote(
        peer.url, judge=lambda answer: Rejected("moderated") if answer.table() else None
    )

    with pytest.raises(Rejected):
        server.get_json("/403")
    server.close()


def test_a_redirect_is_not_followed_with_our_credentials(server, peer):
    with pytest.raises(Refused) as caught:
        server.get_json("/moved")

    assert caught.value.kind == "setup"
    assert not peer.asked_for("/200")


def test_what_may_have_arrived_is_told_from_what_cannot_have(server):
    with pytest.raises(NoAnswer):
        server.post_json("/dropped", {})
    with pytest.raises(NoAnswer):
        server.get_json("/hangs", read_s=0.1)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(EngineDown) as caught:
        Remote(f"http://127.0.0.1:{port}").get_json("/200")
    assert not isinstance(caught.value, NoAnswer)


@pytest.mark.parametrize("may_be_cut", [False, True])
@pytest.mark.parametrize("name", ["127.0.0.1", "another.example"])
def test_tls_that_fails_after_the_request_says_nothing_about_whether_it_arrived(
    monkeypatch, tmp_path, may_be_cut, name
):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    heard = []

    def serve(connection, ended):
        with (
            connection.dup() as bare,
            context.wrap_socket(connection, True, do_handshake_on_connect=False) as line,
            contextlib.suppress(ssl.SSLError),
        ):
            line.do_handshake()
            # To its end: what is left unread would reset the connection.
            asked = b""
            while (piece := line.recv(65536)) and not (asked := asked + piece).endswith(b"{}"):
                pass
            heard.extend([asked] if asked else [])
            bare.sendall(b"HTTP/1.1 500 without TLS\r\n\r\n")
            bare.shutdown(socket.SHUT_RDWR)

    with raw_peer(serve) as url:
        server = Remote(url.replace("http:", "https:"))
        with pytest.raises(EngineDown) as caught:
            server.request("POST", "/", json={}, cut=Cut() if may_be_cut else None)
        server.close()

    assert isinstance(caught.value, NoAnswer) is bool(heard) is (name == "127.0.0.1")


def test_an_answer_that_cannot_be_read_is_a_bad_result(server, monkeypatch):
    with pytest.raises(BadResult):
        server.get_json("/words")
    monkeypatch.setattr(remote, "ANSWER_MAX_BYTES", 5)
    with pytest.raises(BadResult):
        server.get_bytes("/words")


def test_credentials_go_to_no_other_origin(server, peer):
    with Peer() as other:
        assert server.download(f"{other.url}/words")
        assert server.download(f"{peer.url}/words")

    elsewhere, own = other.asked[0].headers, peer.asked[0].headers
    assert "hush" not in str(elsewhere)
    assert "authorization" not in elsewhere
    assert own["x-key"] == "hush"
    assert "authorization" in own
    with pytest.raises(BadResult):
        server.download("file:///etc/passwd")


@pytest.mark.parametrize("may_be_cut", [False, True])
def test_hints_of_a_cdn_before_the_engine_are_not_its_answer(may_be_cut):
    def serve(connection, ended):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\n")
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}')

    with raw_peer(serve) as url:
        server = Remote(url)
        answer = server.request("GET", "/", cut=Cut() if may_be_cut else None)
        server.close()

    assert answer.json() == {"a": 1}
