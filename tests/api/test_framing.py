"""Requests that are none, or none that HTTP has: refused in the one shape, and the connection ends."""

from __future__ import annotations

import gzip
import json
import socket

import pytest

from tests.acceptance.house import House
from tests.api.asking import a_body
from tests.conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.seam]

BODY = json.dumps(a_body()).encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


@pytest.fixture(scope="module")
def house():
    with House("") as house:
        house.start_api()
        yield house


def said(house, request: bytes, hangs_up: bool = False) -> bytes:
    """All that the gateway answers until it closes the connection."""
    with socket.create_connection(("127.0.0.1", house.settings.port), timeout=60) as link:
        link.sendall(request)
        if hangs_up:
            link.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: link.recv(65536), b""))


def post(house, headers: bytes, body: bytes, **options) -> bytes:
    head = (
        b"POST /draw/midjourney/imagine HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    )
    token = f"token: {house.token}\r\n".encode()
    return said(house, head + token + headers + b"\r\n" + body, **options)


def refused_once(answer: bytes, status: int) -> str:
    """Check that ``answer`` is one refusal in the one shape; return its sentence."""
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    head, _, text = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"\r\nContent-Type: application/json" in head
    assert b"\r\nCache-Control: no-store" in head
    assert b"\r\nX-Content-Type-Options: nosniff" in head
    body = json.loads(text)
    assert body == {"statusCode": status, "message": body["message"], "errors": {}}
    return body["message"]


@pytest.mark.parametrize("encoding", [b"", b"Content-Encoding: gzip\r\n"], ids=["plain", "gzip"])
def test_a_body_in_chunks_is_read(house, encoding):
    data = gzip.compress(BODY) if encoding else BODY
    chunks = b"%x;a=b\r\n%s\r\n0\r\nX: y\r\n\r\n" % (len(data), data)

    answer = post(house, CHUNKED + encoding + b"Connection: close\r\n", chunks)

    assert answer.startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize(
    "chunks",
    [
        b"secret\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"\r\n\r\n",
        b"5;=\r\nhello\r\n0\r\n\r\n",
        b"9" * 9000,
        b"%x\r\n%sXX0\r\n\r\n" % (len(BODY), BODY),
        CHUNKS[:-2] + b"no trailer\r\n\r\n",
        CHUNKS[:-2] + b"x: " + b"y" * 300_000 + b"\r\n\r\n",
    ],
)
def test_a_broken_chunk_is_400_and_what_follows_is_no_request(house, chunks):
    behind = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

    assert "chunks" in refused_once(post(house, CHUNKED, chunks + behind), 400)


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [("/draw/midjourney/imagine", b"", 401), ("/draw/midjourney/waiting", b"ann", 200)],
)
def test_a_broken_body_that_nobody_reads_ends_the_connection_after_its_answer(
    house, path, token, status
):
    token = token and f"token: {house.token}\r\n".encode()
    request = f"POST {path} HTTP/1.1\r\nHost: x\r\n".encode() + token + CHUNKED + b"\r\nsecret\r\n"

    answer = said(house, request)

    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Content-Length: 500\r\n", BODY),
        (CHUNKED, CHUNKS[:-5]),
        (CHUNKED, b"5"),
    ],
)
def test_a_body_whose_sender_hangs_up_is_408_however_good_it_looks(house, headers, body):
    refused_once(post(house, headers, body, hangs_up=True), 408)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        *(
            (b"Content-Length: %s\r\n" % value, 400)
            for value in (b"abc", b"-5", b"+5", b"", b"5.0")
        ),
        (b"Content-Length: \xb2\r\n", 400),
        (b"Content-Length: 5, 5\r\n", 400),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n", 400),
        (b"Content-Length: %s\r\n" % (b"9" * 5000), 400),
        (b"Content-Length: %s\r\n" % (b"9" * 30), 413),
        (b"Content-Length: 5\r\n" + CHUNKED, 400),
        (CHUNKED * 2, 400),
        (b"Transfer-Encoding: gzip\r\n", 400),
        (b"Transfer-Encoding: gzip, chunked\r\n", 415),
        (b"Transfer-Encoding: xchunked\r\n", 501),
        (CHUNKED + b"Expect: cake\r\n", 417),
        (b"secret\r\n", 400),
        (b"secret : x\r\n", 400),
        (b"X: secret\r\n folded\r\n", 400),
        (b"X: secret\0\r\n", 400),
        (b"X: secret\rx\r\n", 400),
        (b"Host: secret\r\n", 400),
        (b"X: %s\r\n" % (b"y" * 20_000), 431),
        (b"".join(b"X-%d: y\r\n" % n for n in range(200)), 431),
    ],
)
def test_headers_that_http_does_not_have_are_refused(house, headers, status):
    answer = post(house, headers + b"Connection: close\r\n", CHUNKS)

    refused_once(answer, status)
    assert b"secret" not in answer


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GARBAGE", 400),
        (b"\x16\x03\x01\x00\xf5", 400),
        (b"GET /", 400),
        (b"GET / HTTP/1.1\nHost: x", 400),
        (b"PRI * HTTP/2.0", 400),
        (b"GET / HTTP/2.0", 505),
        (b"get / HTTP/1.1", 400),
        (b"GET /\xc3\xa9 HTTP/1.1", 400),
        (b"GET /%s HTTP/1.1" % (b"x" * 9000), 414),
        (b"GET /healthz HTTP/1.1\r\nSCRIPT_NAME: /x", 400),
        (b"GET /%zz HTTP/1.1", 404),
        (b"GET /images/%ff HTTP/1.1", 404),
        (b"GET //[ HTTP/1.1", 404),
        (b"TRACE /nothing HTTP/1.1", 404),
        (b"CONNECT x:1 HTTP/1.1", 404),
        (b"OPTIONS * HTTP/1.1", 404),
    ],
)
def test_a_first_line_that_leads_nowhere_is_refused(house, line, status):
    answer = said(house, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")

    refused_once(answer, status)


def test_what_was_misread_is_logged_by_its_kind_alone_and_without_a_traceback(house):
    post(house, b"token : secret\r\n", b"")

    wait_until(lambda: "request.misread" in house.log("api"), what="the line in the log")
    log = house.log("api")
    assert "secret" not in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    "headers",
    [b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n", b"SCRIPT_NAME: /limner\r\n"],
)
def test_headers_of_a_proxy_that_is_set_up_wrongly_are_named_to_its_operator(house, headers):
    answer = said(house, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")

    sentence = refused_once(answer, 400)
    assert "X-Forwarded-Proto" in sentence
    assert "SCRIPT_NAME" in sentence
    # A thread of its own writes the log: the answer may be here first.
    wait_until(lambda: sentence in house.log("api"), what="the line in the log")
    lines = [json.loads(line) for line in house.log("api").split("\n")[:-1] if sentence in line]
    assert {line["level"] for line in lines} == {"warning"}
