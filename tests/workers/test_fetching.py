"""Reference pictures as real hosts serve them: redirects, encodings, frames of HTTP."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest

from limner.egress.address import DialPolicy
from net.outgoing import FetchFailed, Outgoing
from tests.callback_doubles import peer

LOOPBACK = "127.0.0.1:*, localhost:*"
PICTURE = bytes(range(256)) * 20
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def outgoing():
    made = Outgoing(DialPolicy.parse(LOOPBACK))
    yield made
    made.close()


def sized(body: bytes, head: bytes = OK) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def site(pages: dict[str, bytes], asked: list[str] | None = None):
    """A host that answers each path with bytes of its own and hangs up."""

    def serve(connection, ended):
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += connection.recv(65536)
        path = heard.split(b" ")[1].decode()
        if asked is not None:
            asked.append(path)
        connection.sendall(pages.get(path, sized(b"", b"HTTP/1.1 404 No\r\n")))

    return peer(serve)


def moved(status: int, location: str | bytes) -> bytes:
    location = location if isinstance(location, bytes) else location.encode()
    return sized(b"go there", b"HTTP/1.1 %d Go\r\nLocation: %s\r\n" % (status, location))


def failure(outgoing, url: str, **options) -> str:
    with pytest.raises(FetchFailed) as failed:
        outgoing.fetch(url, 10_000, **options)
    return failed.value.why


@pytest.mark.parametrize("status", [200, 201, 203, 206, 226, 299])
def test_any_2xx_with_a_body_is_a_picture(outgoing, status):
    with site({"/": sized(PICTURE, b"HTTP/1.1 %d x\r\n" % status)}) as url:
        assert outgoing.fetch(url, 10_000) == PICTURE


def deflated_raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


ENCODED = {
    "gzip": gzip.compress(PICTURE),
    "x-gzip": gzip.compress(PICTURE),
    "GZIP": gzip.compress(PICTURE),
    "deflate": zlib.compress(PICTURE),
    "br": brotli.compress(PICTURE),
    "gzip, br": brotli.compress(gzip.compress(PICTURE)),
    "identity": PICTURE,
    "": PICTURE,
    "utf-8": PICTURE,
}


@pytest.mark.parametrize("coding", ENCODED)
@pytest.mark.parametrize("chunked", [True, False])
def test_content_encoding_is_undone(outgoing, coding, chunked):
    head = OK + b"Content-Encoding: %s\r\n" % coding.encode()
    body = ENCODED[coding]
    if chunked:
        head += b"Transfer-Encoding: chunked\r\n\r\n"
        parts = [body[at : at + 100] for at in range(0, len(body), 100)]
        answer = head + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"
    else:
        answer = sized(body, head)
    with site({"/": answer}) as url:
        assert outgoing.fetch(url, 10_000) == PICTURE


def test_deflate_without_its_wrapping_is_undone(outgoing):
    with site({"/": sized(deflated_raw(PICTURE), OK + b"Content-Encoding: deflate\r\n")}) as url:
        assert outgoing.fetch(url, 10_000) == PICTURE


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip"])
def test_what_unpacks_to_too_much_is_not_unpacked(outgoing, coding):
    packers = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}
    body = bytes(30_000_000)
    for name in coding.split(", "):
        body = packers[name](body)
    with site({"/": sized(body, OK + b"Content-Encoding: %s\r\n" % coding.encode())}) as url:
        assert failure(outgoing, url) == "too_large"


def test_an_encoding_that_is_none_is_a_failure(outgoing):
    with site({"/": sized(PICTURE, OK + b"Content-Encoding: gzip\r\n")}) as url:
        assert failure(outgoing, url) == "protocol"


def test_a_body_without_a_length_ends_with_its_connection(outgoing):
    with site({"/": OK + b"Content-Type: text/html\r\n\r\n" + PICTURE}) as url:
        assert outgoing.fetch(url, 10_000) == PICTURE


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        "/a/cat.png?x=1",
        "a/cat.png?x=1",
        "./a/../a/cat.png?x=1#top",
        " {url}a/cat.png?x=1 ",
        "//{host}/a/cat.png?x=1",
    ],
)
def test_a_redirect_is_followed_in_each_way_it_is_written(outgoing, status, location):
    pages = {"/a/cat.png?x=1": sized(PICTURE)}
    with site(pages) as url:
        there = location.format(url=url, host=url.split("/")[2])
        pages["/"] = moved(status, there)
        assert outgoing.fetch(url, 10_000) == PICTURE


@pytest.mark.parametrize("location", ["/灯 塔.png".encode(), b"/%E7%81%AF%20%E5%A1%94.png"])
def test_letters_of_all_languages_in_a_redirect_are_escaped(outgoing, location):
    pages = {"/": moved(302, location), "/%E7%81%AF%20%E5%A1%94.png": sized(PICTURE)}
    with site(pages) as url:
        assert outgoing.fetch(url, 10_000) == PICTURE


@pytest.mark.parametrize(("hops", "good"), [(5, True), (6, False)])
def test_five_redirects_are_followed_and_no_more(outgoing, hops, good):
    pages = {f"/{hop}": moved(302, f"/{hop + 1}") for hop in range(hops)}
    pages[f"/{hops}"] = sized(PICTURE)
    asked: list[str] = []
    with site(pages, asked) as url:
        if good:
            assert outgoing.fetch(url + "0", 10_000) == PICTURE
        else:
            assert failure(outgoing, url + "0") == "redirects"
    assert len(asked) == 6


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://169.254.169.254/latest/meta-data/", "not_allowed"),
        ("http://10.0.0.1/", "not_allowed"),
        ("http://[::ffff:10.0.0.1]/", "not_allowed"),
        ("http://metadata.google.internal/", "not_allowed"),
        ("file:///etc/passwd", "url"),
        ("ftp://127.0.0.1/", "url"),
        ("gopher://127.0.0.1/", "url"),
        ("http://user:password@127.0.0.1/", "url"),
        ("http://127.0.0.1:22/", "url"),
        ("http://127.1/", "url"),
        ("http://[::1/", "url"),
        ("data:image/png;base64,AAAA", "url"),
        ("/" + "a" * 3000, "url"),
    ],
)
@pytest.mark.parametrize("hops", [1, 3])
def test_a_redirect_leads_nowhere_that_the_first_url_could_not(outgoing, location, why, hops):
    pages = {f"/{hop}": moved(302, f"/{hop + 1}") for hop in range(hops)}
    pages[f"/{hops}"] = moved(302, location)
    with site(pages) as url:
        assert failure(outgoing, url + "0") == why


@pytest.mark.parametrize("status", [300, 304, 305])
def test_a_3xx_that_is_no_redirect_is_a_failure(outgoing, status):
    with site({"/": moved(status, "/a"), "/a": sized(PICTURE)}) as url:
        assert failure(outgoing, url) == f"http_{status}"


def test_a_redirect_without_a_place_is_a_failure(outgoing):
    with site({"/": sized(b"", b"HTTP/1.1 302 Found\r\n")}) as url:
        assert failure(outgoing, url) == "http_302"


def test_the_time_is_for_all_hops_together(outgoing):
    def serve(connection, ended):
        connection.recv(65536)
        ended.wait(0.3)
        connection.sendall(moved(302, "/again"))

    with peer(serve) as url:
        assert failure(outgoing, url, timeout_s=0.8) == "timeout"
