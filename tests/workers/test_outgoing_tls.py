"""Receivers behind TLS: one that cannot show who it is gets no callback, and serves no picture."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from limner.egress.address import DialPolicy
from limner.json_peer import PeerSilent
from limner.settings import Settings
from limner.store import Store
from net.json_peer import JsonPeer
from net.outgoing import FetchFailed, Outgoing
from tests.callback_doubles import Receiver, a_job, emit, peer
from tests.conftest import wait_until
from workers.posting.dispatcher import Dispatcher

pytestmark = pytest.mark.seam

LOOPBACK = "127.0.0.1:*, localhost:*"
CASES = {
    "good": None,
    "of an authority that nobody knows": "tls",
    "of another name": "tls",
    "of another address": "tls",
    "expired": "tls",
    "not valid yet": "tls",
}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(authority, tmp_path_factory) -> str:
    """The file of the authority that this machine trusts."""
    file = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return str(file)


@pytest.fixture
def trusting(bundle, monkeypatch) -> Iterator[Outgoing]:
    """What the gateway builds, on a machine that trusts the authority."""
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    outgoing = Outgoing.of(Settings(callback_allow=LOOPBACK))
    yield outgoing
    outgoing.close()


def a_certificate(authority: trustme.CA, case: str) -> trustme.LeafCert:
    now = datetime.now(UTC)
    day = timedelta(days=1)
    match case:
        case "of an authority that nobody knows":
            return trustme.CA().issue_cert("127.0.0.1")
        case "of another name":
            return authority.issue_cert("receiver.example")
        case "of another address":
            return authority.issue_cert("127.0.0.2")
        case "expired":
            return authority.issue_cert("127.0.0.1", not_before=now - 2 * day, not_after=now - day)
        case "not valid yet":
            return authority.issue_cert("127.0.0.1", not_before=now + day, not_after=now + 2 * day)
    return authority.issue_cert("127.0.0.1")


def speaking(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def why_not(outgoing: Outgoing, url: str) -> str | None:
    """How a fetch failed, None if it did not."""
    try:
        outgoing.fetch(url, 100)
    except FetchFailed as failure:
        return failure.why
    return None


@pytest.mark.parametrize(("case", "error"), CASES.items())
def test_a_receiver_is_told_only_behind_a_certificate_that_is_good(
    trusting, authority, case, error
):
    with Receiver(tls=speaking(a_certificate(authority, case))) as receiver:
        outcome = trusting.post(receiver.url, b"{}", {}, 20.0)
        fetched = why_not(trusting, receiver.url)

    assert (outcome.delivered, outcome.error_class) == (error is None, error)
    assert fetched == error
    assert len(receiver.heard) == (0 if error else 2)


@pytest.mark.parametrize(
    ("case", "why"), [("of an authority that nobody knows", "tls"), ("good", "not_json")]
)
def test_a_server_of_the_operators_gets_the_key_only_behind_a_certificate_that_is_good(
    bundle, authority, monkeypatch, case, why
):
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    monkeypatch.setattr("net.json_peer._tls", ssl.create_default_context)
    with (
        Receiver(tls=speaking(a_certificate(authority, case))) as receiver,
        pytest.raises(PeerSilent, match=why),
    ):
        JsonPeer(receiver.url, "sk-secret").ask({"input": "a fox"}, 20.0)
    assert len(receiver.heard) == (0 if why == "tls" else 1)


def test_a_certificate_must_be_of_the_name_that_the_url_has(trusting, authority):
    with Receiver(tls=speaking(authority.issue_cert("localhost"))) as receiver:
        named = receiver.url.replace("127.0.0.1", "localhost")
        assert trusting.post(named, b"{}", {}, 20.0).status == 200
        assert trusting.post(receiver.url, b"{}", {}, 20.0).error == "tls"


def test_a_redirect_to_a_host_that_cannot_be_trusted_is_not_followed(trusting, authority):
    with (
        Receiver(tls=speaking(trustme.CA().issue_cert("127.0.0.1"))) as there,
        Receiver(
            lambda heard, before: (302, {"Location": there.url}),
            speaking(authority.issue_cert("127.0.0.1")),
        ) as here,
    ):
        assert why_not(trusting, here.url) == "tls"

    assert (len(here.heard), there.heard) == (1, [])


def test_what_does_not_speak_tls_is_told_nothing(trusting):
    with Receiver() as receiver:
        outcome = trusting.post(receiver.url.replace("http:", "https:"), b"{}", {}, 20.0)

    assert outcome.error == "tls"
    assert receiver.heard == []


def test_a_callback_to_a_receiver_that_cannot_be_trusted_waits_with_the_word_tls(redis_url):
    """As a worker is built, to the attempt that its caller can look at."""
    store = Store(redis_url)
    store.redis.flushall()
    store.clients.add("ann")
    dispatcher = Dispatcher(store, Settings(callback_threads=4, callback_allow=LOOPBACK))
    with Receiver(tls=speaking(trustme.CA().issue_cert("127.0.0.1"))) as receiver:
        emit(store, a_job(store, "j", receiver.url), "X")
        dispatcher.start()
        wait_until(lambda: store.outbox.told("j").attempts, what="an attempt")
        dispatcher.stop(5)
    told = store.outbox.told("j")
    store.close()

    assert [attempt["error"] for attempt in told.attempts] == ["tls"]
    assert [event.seq for event in told.pending] == [1]
    assert receiver.heard == []


@contextlib.contextmanager
def tunnel() -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that lets every CONNECT through to loopback, and the heads of what it was asked."""
    asked: list[bytes] = []

    def serve(connection, ended):
        asked.append(connection.recv(65536))
        port = int(asked[-1].split()[1].rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", port)) as receiver:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(receiver, connection), daemon=True)
            back.start()
            pump(connection, receiver)
            back.join()

    with peer(serve) as url:
        yield url, asked


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(
    ("name", "error"), [("receiver.example", None), ("another.example", "tls")]
)
def test_a_tunnel_does_not_speak_for_the_receiver_at_its_end(authority, bundle, name, error):
    certificate = authority.issue_cert("receiver.example")
    with Receiver(tls=speaking(certificate)) as receiver, tunnel() as (proxy, asked):
        outgoing = Outgoing(DialPolicy(), proxy=proxy, ca_bundle=bundle)
        outcome = outgoing.post(f"https://{name}:{receiver.port}/", b"{}", {}, 20.0)
        outgoing.close()

    assert asked[0].startswith(f"CONNECT {name}:{receiver.port} ".encode())
    assert (outcome.delivered, outcome.error_class) == (error is None, error)
    assert len(receiver.heard) == (0 if error else 1)
