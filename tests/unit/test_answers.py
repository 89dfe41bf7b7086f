"""The heads of answers at their bounds, and which headers are read of many."""

from __future__ import annotations

from http.client import BadStatusLine, HTTPException, LineTooLong, RemoteDisconnected
from io import BytesIO

import pytest

from net.answers import (
    ALWAYS_KEPT,
    HEAD_BYTES,
    HEAD_LINES,
    HEADERS_KEPT,
    INTERIM_MOST,
    LINE_BYTES,
    PatientResponse,
)

OK = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: </s.css>\r\n\r\n"


class Wire:
    """What a connection would give to read."""

    def __init__(self, said: bytes) -> None:
        self.file = BytesIO(said)

    def makefile(self, mode: str) -> BytesIO:
        return self.file


def read(said: bytes) -> PatientResponse:
    answer = PatientResponse(Wire(said))
    answer.begin()
    return answer


@pytest.mark.parametrize(("interim", "good"), [(INTERIM_MOST - 1, True), (INTERIM_MOST, False)])
def test_so_many_interim_answers_are_passed_over_and_no_more(interim, good):
    said = INTERIM * interim + OK + b"Content-Length: 2\r\n\r\nok"
    if good:
        assert read(said).read() == b"ok"
        return
    with pytest.raises(HTTPException, match="interim"):
        read(said)


def a_line(size: int) -> bytes:
    return b"X: " + b"y" * (size - 5) + b"\r\n"


@pytest.mark.parametrize(("size", "good"), [(LINE_BYTES, True), (LINE_BYTES + 1, False)])
def test_a_line_has_an_upper_bound(size, good):
    said = OK + a_line(size) + b"\r\n"
    if good:
        assert len(read(said).headers["X"]) == size - 5
        return
    with pytest.raises(LineTooLong):
        read(said)


@pytest.mark.parametrize(("more", "good"), [(0, True), (1, False)])
def test_a_head_has_an_upper_bound_of_bytes(more, good):
    lines = [OK, *[a_line(60_000)] * 4]
    rest = HEAD_BYTES - sum(map(len, lines)) - len(b"\r\n")
    said = b"".join([*lines, a_line(rest + more), b"\r\n"])
    assert len(said) == HEAD_BYTES + more
    if good:
        assert len(read(said).headers.get_all("X")) == 5
        return
    with pytest.raises(LineTooLong):
        read(said)


@pytest.mark.parametrize(("more", "good"), [(0, True), (1, False)])
def test_a_head_has_an_upper_bound_of_lines(more, good):
    # The status line and the empty one are two of them.
    said = OK + b"X: y\r\n" * (HEAD_LINES - 2 + more) + b"\r\n"
    if good:
        assert read(said).status == 200
        return
    with pytest.raises(HTTPException, match="without end"):
        read(said)


def test_of_many_headers_the_first_are_kept_and_those_that_matter():
    many = b"".join(b"X-%d: y\r\n" % n for n in range(100))
    answer = read(OK + many + b"Retry-After: 9\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nok")

    kept = [name for name, _ in answer.getheaders()]
    assert kept[:HEADERS_KEPT] == [f"X-{n}" for n in range(HEADERS_KEPT)]
    assert kept[HEADERS_KEPT:] == ["Retry-After", "Location", "Content-Length"]
    assert answer.headers["Retry-After"] == "9"
    assert answer.read() == b"ok"


def test_headers_that_matter_are_bounded_too():
    answer = read(OK + b"Location: /x\r\n" * 500 + b"\r\n")

    # http.client itself takes no more than a hundred.
    assert len(answer.getheaders()) == HEADERS_KEPT + len(ALWAYS_KEPT) < 100


def test_a_folded_header_is_one_and_the_fold_of_one_that_is_none_goes_with_it():
    answer = read(OK + b"X: a\r\n  b\r\n\tc\r\nno header\r\n  of it\r\nY: d\r\nno\r\n\r\n")

    assert answer.getheaders() == [("X", "a b c"), ("Y", "d")]


def test_the_fold_of_a_header_that_is_passed_over_is_passed_over_too():
    many = b"".join(b"X-%d: y\r\n" % n for n in range(HEADERS_KEPT))
    answer = read(OK + many + b"Z: z\r\n  more of z\r\n\r\n")

    assert answer.headers[f"X-{HEADERS_KEPT - 1}"] == "y"
    assert len(answer.getheaders()) == HEADERS_KEPT


@pytest.mark.parametrize(
    ("line", "status", "version", "closes"),
    [
        (b"HTTP/1.1 204 No Content", 204, 11, False),
        (b"HTTP/1.0 200 OK", 200, 10, True),
        (b"HTTP/2 200", 200, 11, False),
        (b"HTTP/1.10 200 OK", 200, 11, False),
        (b"http/1.1\t 503 \t so busy", 503, 11, False),
        (b"HTTP/1.1 101 Switching Protocols", 101, 11, False),
    ],
)
def test_status_lines_are_read_with_patience(line, status, version, closes):
    answer = read(line + b"\r\nContent-Length: 0\r\n\r\n")

    assert (answer.status, answer.version, bool(answer.will_close)) == (status, version, closes)


@pytest.mark.parametrize("line", [b"HTTP/1.1 2000 OK", b"HTTP/1. 200", b"200 OK", b"x" * 200])
def test_what_is_no_status_line_is_refused_and_quoted_within_bounds(line):
    with pytest.raises(BadStatusLine) as refused:
        read(line + b"\r\n\r\n")
    assert len(str(refused.value)) <= 90


def test_a_connection_that_says_nothing_was_closed():
    with pytest.raises(RemoteDisconnected):
        read(b"")


def test_a_head_is_read_once():
    answer = read(OK + b"Content-Length: 2\r\n\r\nok" + OK)
    answer.begin()

    assert (answer.status, answer.read()) == (200, b"ok")
