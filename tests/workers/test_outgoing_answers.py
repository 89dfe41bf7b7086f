"""A 2xx that was received is delivered, whatever comes before it, beside it and behind it."""

from __future__ import annotations

import pytest

from limner.egress.address import DialPolicy
from net.outgoing import Outgoing
from tests.callback_doubles import peer

pytestmark = pytest.mark.seam

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nlink: </s.css>; rel=preload\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.fixture
def outgoing():
    made = Outgoing(DialPolicy.parse("127.0.0.1:*"))
    yield made
    made.close()


def says(*answers_in_turn: bytes, stays: bool = False):
    """A peer that answers each request of a connection with the next of these, then closes or stays."""

    def serve(connection, ended):
        for said in answers_in_turn:
            connection.recv(65536)
            connection.sendall(said)
        if stays:
            ended.wait(30)

    return peer(serve)


def post(outgoing, url, total_s=20.0):
    return outgoing.post(url, b"{}", {"Content-Type": "application/json"}, total_s)


@pytest.mark.parametrize(
    "before",
    [
        HINTS,
        PROCESSING,
        CONTINUE,
        HINTS * 3 + PROCESSING,
        CONTINUE + HINTS,
        b"HTTP/1.1 199 \r\n\r\n",
    ],
)
@pytest.mark.parametrize("status", [200, 204, 404, 503])
def test_an_interim_answer_is_not_the_answer(outgoing, before, status):
    with says(before + OK.replace(b"200", b"%d" % status)) as url:
        assert post(outgoing, url).status == status


def test_what_an_interim_answer_says_is_not_of_the_answer(outgoing):
    interim = (
        b"HTTP/1.1 103 x\r\nContent-Length: 999\r\nConnection: close\r\nRetry-After: 9\r\n\r\n"
    )
    final = b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno"
    with says(interim + final, OK) as url:
        outcome = post(outgoing, url)
        assert (outcome.status, outcome.answer, outcome.retry_after) == (503, b"no", None)
        assert post(outgoing, url).status == 200


def test_interim_answers_without_end_are_a_failure(outgoing):
    with says(PROCESSING * 99 + OK) as url:
        assert post(outgoing, url).status == 200
    with says(PROCESSING * 100 + OK) as url:
        assert post(outgoing, url).error == "protocol"


def test_nobody_asked_to_switch_protocols(outgoing):
    with says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", stays=True) as url:
        outcome = post(outgoing, url)

    assert not outcome.delivered
    assert outcome.error_class == "http_1xx"


HEAD = b"HTTP/1.1 200 OK\r\n"
FRAMES = {
    "shorter than it says": HEAD + b"Content-Length: 50\r\n\r\nshort",
    "longer than it says": HEAD + b"Content-Length: 2\r\n\r\nlonger",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "lengths in one line": HEAD + b"Content-Length: 2, 3\r\n\r\nabc",
    "length is a word": HEAD + b"Content-Length: two\r\n\r\nab",
    "length below nothing": HEAD + b"Content-Length: -2\r\n\r\nab",
    "length beyond reason": HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nab",
    "chunks that are none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nhello",
    "a chunk cut off": HEAD + b"Transfer-Encoding: chunked\r\n\r\n50\r\nhello",
    "a bad chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "chunked and a length": HEAD
    + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "gzip that is none": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
    "an encoding nobody knows": HEAD + b"Transfer-Encoding: zebra\r\n\r\nok",
    "no content with content": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    "until it closes": HEAD + b"\r\nhello",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "only a status line": b"HTTP/1.1 200 OK\r\n",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    "a reason of many words": b"HTTP/1.1 200 all's w\xe4ll: OK\r\nContent-Length: 0\r\n\r\n",
    "version 1.0": b"HTTP/1.0 200 OK\r\n\r\n",
    "version 2": b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
    "lower case": b"http/1.1 200 ok\r\ncontent-length: 0\r\n\r\n",
    "an unusual 2xx": b"HTTP/1.1 299 Miscellaneous\r\nContent-Length: 0\r\n\r\n",
    "a partial answer": b"HTTP/1.1 206 Partial\r\nContent-Length: 0\r\n\r\n",
    "a hundred and fifty headers": HEAD
    + b"".join(b"X-%d: y\r\n" % n for n in range(150))
    + b"Content-Length: 0\r\n\r\n",
    "a header of 60 KB": HEAD + b"X: " + b"y" * 60_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "a line that is no header": HEAD + b"what is this\r\nContent-Length: 0\r\n\r\n",
    "a space before the colon": HEAD + b"Content-Length : 0\r\n\r\n",
    "a folded header": HEAD + b"X: a\r\n  b\r\nContent-Length: 0\r\n\r\n",
    "a fold of nothing": HEAD + b"  b\r\nContent-Length: 0\r\n\r\n",
    "bytes above ASCII": HEAD + b"X-\xe4: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
    "a NUL": HEAD + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a lone carriage return": HEAD + b"X: a\rb\r\nContent-Length: 0\r\n\r\n",
    "a header without a name": HEAD + b": x\r\nContent-Length: 0\r\n\r\n",
    "cookies": HEAD + b"Set-Cookie: \x01=;;;\r\n" * 20 + b"Content-Length: 0\r\n\r\n",
    "a location": HEAD + b"Location: ht!tp://[::1\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("said", FRAMES.values(), ids=FRAMES.keys())
def test_a_2xx_is_delivered_however_its_receiver_frames_or_decorates_it(outgoing, said):
    with says(said) as url:
        assert post(outgoing, url).delivered


@pytest.mark.parametrize(
    "said",
    [
        b"Retry-After: 120\r\n",
        b"retry-after:120\r\n",
        b"X: a\r\nRetry-After:\r\n 120\r\nY: b\r\n",
        b"".join(b"X-%d: y\r\n" % n for n in range(150)) + b"Retry-After: 120\r\n",
    ],
    ids=["plain", "close", "folded", "behind a hundred and fifty others"],
)
def test_when_to_come_again_is_read_wherever_it_stands(outgoing, said):
    with says(b"HTTP/1.1 503 No\r\n" + said + b"Content-Length: 0\r\n\r\n") as url:
        assert post(outgoing, url).retry_after == "120"


TOO_MUCH = ["longer than it says", "no content with content", "a bad chunk size", "two lengths"]


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_is_left_of_an_answer_is_not_taken_for_the_next_one(outgoing, name):
    with says(FRAMES[name], OK) as url:
        assert all(post(outgoing, url).delivered for _ in range(3))


KEPT = [name for name, said in FRAMES.items() if said.endswith((b" 0\r\n\r\n", b" 0\n\n"))]


@pytest.mark.parametrize("name", KEPT)
def test_oddities_of_a_head_cost_no_connection(outgoing, name):
    with says(FRAMES[name], OK, stays=True) as url:
        first, second = post(outgoing, url), post(outgoing, url)

    assert first.delivered
    # The peer answers OK only to a second request on the same connection.
    assert second.status == 200


@pytest.mark.parametrize(
    "said",
    [
        HEAD + b"Content-Length: 50\r\n\r\nab",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        HEAD + b"\r\n",
    ],
)
def test_the_rest_of_a_2xx_is_not_waited_for_long(outgoing, said):
    with says(said, stays=True) as url:
        outcome = post(outgoing, url, total_s=120.0)

    assert outcome.delivered
    assert outcome.took_ms < 60_000


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 20",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"HTTP/1.1 -200 OK\r\n\r\n",
        b"HTTP 200 OK\r\n\r\n",
        b"HTTP/1.1 099 Odd\r\n\r\n" + OK,
        b"ok",
        b'{"status": 200}',
        HEAD + b"X: " + b"y" * 300_000 + b"\r\n\r\n",
        HINTS,
    ],
)
def test_what_is_no_2xx_is_not_delivered(outgoing, said):
    with says(said) as url:
        outcome = post(outgoing, url)

    assert outcome.error in ("protocol", "reset")


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 410 Gone\r\nTransfer-Encoding: chunked\r\n\r\nhello",
        b"HTTP/1.1 404 No\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_a_refusal_that_is_not_whole_is_no_answer(outgoing, said):
    with says(said) as url:
        outcome = post(outgoing, url)

    assert outcome.status is None
    assert outcome.error in ("protocol", "reset")


@pytest.mark.parametrize(
    ("status", "kept"), [(299, b"why"), (300, b""), (399, b""), (400, b"why"), (599, b"why")]
)
def test_the_body_of_a_redirect_alone_is_not_looked_at(outgoing, status, kept):
    with says(b"HTTP/1.1 %d x\r\nContent-Length: 3\r\n\r\nwhy" % status) as url:
        outcome = post(outgoing, url)

    assert (outcome.status, outcome.answer) == (status, kept)
