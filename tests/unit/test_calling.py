"""Calls to a gateway: what a stranger that answers there is told to be, and where a token is not sent."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from net import calling
from net.calling import CallMissed, CallRefused, Calls

TOKEN = {"token": "lim_1"}


@pytest.fixture
def stranger():
    """A server that answers as its test says: path → status, headers, body; it keeps what it was asked."""
    answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
    asked: list[tuple[str, str, dict[str, str], bytes]] = []

    class StrangerHandler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked.append((self.command, self.path, dict(self.headers), body))
            status, headers, data = answers.get(self.path.partition("?")[0], (404, {}, b"gone"))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self):
            self.do_GET()

        def do_DELETE(self):
            self.do_GET()

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), StrangerHandler)
    server.answers, server.asked = answers, asked
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_call_says_who_calls_and_gives_what_is_answered(stranger):
    stranger.answers["/at/jobs"] = (202, {}, b'{"id": "1"}')

    with Calls(stranger.url + "/at/", TOKEN) as calls:
        assert calls.post("/jobs", {"fast": True}, key="k") == {"id": "1"}
        assert calls.get("/jobs", {"limit": 2}) == {"id": "1"}

    (method, _, headers, body), (_, path, _, _) = stranger.asked
    assert (method, json.loads(body), path) == ("POST", {"fast": True}, "/at/jobs?limit=2")
    assert (headers["token"], headers["Idempotency-Key"]) == ("lim_1", "k")
    assert headers["User-Agent"].startswith("limner/")


def test_a_refusal_has_its_status_its_sentence_and_its_fields(stranger):
    refusal = {"statusCode": 422, "message": "Wrong.", "errors": {"chaos": ["No."]}}
    stranger.answers["/x"] = (422, {}, json.dumps(refusal).encode())

    with Calls(stranger.url, TOKEN) as calls, pytest.raises(CallRefused, match=r"Wrong\.") as told:
        calls.delete("/x")

    assert (told.value.status, told.value.fields) == (422, {"chaos": ["No."]})


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((200, {}, b"<html>"), "is no Limner: HTTP 200"),
        ((502, {}, b"<html>bad gateway"), "is no Limner: HTTP 502"),
        ((404, {}, b'{"detail": "Not Found"}'), "is no Limner: HTTP 404"),
        ((404, {}, b"[]"), "is no Limner: HTTP 404"),
    ],
)
def test_what_is_no_limner_is_said_to_be_none(stranger, answer, why):
    stranger.answers["/x"] = answer
    with Calls(stranger.url, TOKEN) as calls, pytest.raises(CallMissed, match=why):
        calls.get("/x")


def test_a_redirect_is_not_followed_as_it_would_carry_the_token_away(stranger):
    stranger.answers["/x"] = (301, {"Location": f"{stranger.url}/y"}, b"")

    with Calls(stranger.url, TOKEN) as calls, pytest.raises(CallMissed, match=r"has moved to .*/y"):
        calls.get("/x")

    assert [path for _, path, _, _ in stranger.asked] == ["/x"]


def test_a_picture_is_fetched_without_the_token_and_has_a_bound(stranger, monkeypatch):
    stranger.answers["/images/1.png"] = (200, {}, b"x" * 1000)

    with Calls(stranger.url, TOKEN) as calls:
        assert calls.picture(f"{stranger.url}/images/1.png") == b"x" * 1000
        with pytest.raises(CallMissed, match="is no picture: HTTP 404"):
            calls.picture(f"{stranger.url}/images/2.png")
        monkeypatch.setattr(calling, "BODY_BYTES", 999)
        with pytest.raises(CallMissed, match="too large"):
            calls.picture(f"{stranger.url}/images/1.png")

    assert all("token" not in headers for _, _, headers, _ in stranger.asked)


def test_the_loopback_address_of_a_gateway_elsewhere_is_taken_for_its_own(monkeypatch):
    sent: list[str] = []
    with Calls("https://draw.example/limner", TOKEN) as calls:
        monkeypatch.setattr(
            calls, "_sent", lambda _method, url, *_: (200, sent.append(url) or b"x", None)
        )
        calls.picture("http://127.0.0.1:8000/images/a/1.png?x=1")
        calls.picture("https://cdn.example/1.png")

    assert sent == ["https://draw.example/limner/images/a/1.png?x=1", "https://cdn.example/1.png"]


@pytest.mark.parametrize(
    ("header", "retry_after_s"),
    [({}, None), ({"Retry-After": "2"}, 2.0), ({"Retry-After": "soon"}, None)],
)
def test_a_refusal_says_when_to_come_again(stranger, header, retry_after_s):
    stranger.answers["/x"] = (429, header, b'{"statusCode": 429, "message": "Full."}')

    with Calls(stranger.url, TOKEN) as calls, pytest.raises(CallRefused) as refused:
        calls.get("/x")

    assert refused.value.retry_after_s == retry_after_s


def test_a_proxy_is_not_asked_for_this_machine(stranger, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    stranger.answers["/x"] = (200, {}, b"{}")

    with Calls(stranger.url, TOKEN) as calls:
        assert calls.get("/x") == {}


def test_who_does_not_answer_is_named_with_the_innermost_reason():
    with (
        Calls("http://127.0.0.1:1", TOKEN) as calls,
        pytest.raises(
            CallMissed, match=r"no Limner answers at http://127.0.0.1:1 \(Connection ref"
        ),
    ):
        calls.get("/x")
