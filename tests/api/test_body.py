"""What a body must be before its fields are looked at, and addresses that are none."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zlib

import pytest
from gunicorn.http.errors import InvalidChunkSize

from api.errors import STATUS_CODES
from limner import errors
from tests.api.asking import IMAGINE, a_body, refused
from tests.callback_doubles import all_logged


def post(caller, data, content_type="application/json", **headers):
    return caller("POST", IMAGINE, data=data, content_type=content_type, headers=headers)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/x+json",
    ],
)
def test_json_by_its_content_type_is_read(caller, content_type):
    assert post(caller, json.dumps(a_body()), content_type).status_code == 202


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ],
)
def test_another_content_type_is_refused(caller, content_type):
    refused(post(caller, json.dumps(a_body()), content_type), 415)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{}}",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b'{"chaos": NaN}',
        b'{"chaos": Infinity}',
        b'{"chaos": -Infinity}',
        b'{"tag": "a", "tag": "b"}',
        b"\xff\xfe{",
        b'{"prompt": "\xff"}',
        b'{"prompt": "\xed\xa0\x80"}',
        b'{"chaos": ' + b"9" * 5000 + b"}",
        b"[" * 200_000,
        b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    ],
)
def test_what_is_not_one_json_object_is_refused(caller, data):
    assert refused(post(caller, data), 400) == {}


def test_a_number_that_is_too_long_is_named_as_what_is_wrong(caller):
    response = post(caller, b'{"chaos": ' + b"9" * 5000 + b"}")

    assert response.json["message"] == "The body is not JSON: a number has too many digits."


@pytest.mark.parametrize(("beyond", "status"), [(0, 202), (1, 413)])
def test_a_body_may_be_as_long_as_the_limit_and_no_longer(caller, monkeypatch, beyond, status):
    monkeypatch.setattr("api.body.BODY_MAX_BYTES", len(GOOD) - beyond)

    response = caller(
        "POST",
        IMAGINE,
        input_stream=io.BytesIO(GOOD),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )

    assert response.status_code == status


def test_a_byte_order_mark_does_no_harm(caller):
    assert post(caller, b"\xef\xbb\xbf" + json.dumps(a_body()).encode()).status_code == 202


def test_a_body_that_says_it_is_over_100_mb_is_refused_unread(caller):
    response = caller(
        "POST",
        IMAGINE,
        input_stream=io.BytesIO(b"{}"),
        content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": str(100 * 1024 * 1024 + 1)},
    )

    refused(response, 413)


def test_a_body_over_100_mb_that_does_not_say_its_length_is_refused_too(caller):
    response = caller(
        "POST",
        IMAGINE,
        input_stream=io.BytesIO(b'"' + bytes(100 * 1024 * 1024)),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )

    refused(response, 413)


@pytest.mark.parametrize("said", [100 * 1024 * 1024, 3])
def test_a_body_that_breaks_off_is_408(caller, said):
    response = caller(
        "POST",
        IMAGINE,
        input_stream=io.BytesIO(b"{}"),
        content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": str(said)},
    )

    refused(response, 408)


@pytest.mark.parametrize("coding", ["gzip", "gzip, chunked", "identity", "x"])
def test_a_transfer_coding_other_than_chunks_is_415(caller, coding):
    refused(post(caller, GOOD, **{"Transfer-Encoding": coding}), 415)


@pytest.mark.parametrize(("depth", "deep"), [(2, False), (64, False), (65, True), (1000, True)])
def test_a_body_has_at_most_sixty_four_levels(caller, depth, deep):
    response = post(caller, b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}")

    assert response.status_code == (400 if deep else 422)
    assert ("nested" in response.json["message"]) == deep


GOOD = json.dumps(a_body()).encode()
ZIPPED = gzip.compress(GOOD, mtime=0)
MB = 1024 * 1024


def stored() -> bytes:
    """Deflate the good body as one stored block, in such bytes that it all but begins as zlib's format does.

    The unused bits of its first byte are set, as they may be; its length makes the second fit them.
    """
    data = GOOD + b" " * (-len(GOOD) % 256 + 21)
    first = 0b1001
    assert (first << 8 | len(data) & 255) % 31 == 0
    return bytes([first]) + struct.pack("<HH", len(data), len(data) ^ 0xFFFF) + data


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("gzip", ZIPPED),
        ("GZIP", ZIPPED),
        ("x-gzip", ZIPPED),
        ("deflate", zlib.compress(GOOD)),
        ("deflate", zlib.compress(GOOD)[2:-4]),
        ("deflate", stored()),
        ("identity", GOOD),
        ("", GOOD),
        ("identity, gzip", ZIPPED),
    ],
)
def test_a_compressed_body_is_read(caller, encoding, data):
    assert post(caller, data, **{"Content-Encoding": encoding}).status_code == 202


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "gzip, br", "x"])
def test_another_encoding_is_415_and_says_what_is_taken(caller, encoding):
    response = post(caller, GOOD, **{"Content-Encoding": encoding})

    refused(response, 415)
    assert response.headers["Accept-Encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD,
        ZIPPED[:-5],
        ZIPPED[:5],
        ZIPPED[:-8] + bytes(8),
        ZIPPED + b"more",
        gzip.compress(b"", mtime=0) * 1000,
        zlib.compress(GOOD)[:-1],
        zlib.compress(GOOD) + b"more",
    ],
)
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_what_is_not_compressed_as_it_says_is_refused(caller, data, encoding):
    refused(post(caller, data, **{"Content-Encoding": encoding}), 400)


def test_a_small_body_may_unpack_to_a_megabyte_and_no_further(caller):
    def padded(size):
        return gzip.compress(GOOD + b" " * (size - len(GOOD)))

    assert post(caller, padded(MB), **{"Content-Encoding": "gzip"}).status_code == 202
    refused(post(caller, padded(MB + 1), **{"Content-Encoding": "gzip"}), 413)


def test_chunks_that_are_none_are_the_callers_fault(caller):
    class Chunks(io.BytesIO):
        def read(self, *_):
            raise InvalidChunkSize(b"secret")

    response = caller(
        "POST",
        IMAGINE,
        input_stream=Chunks(),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )

    refused(response, 400)
    assert "secret" not in response.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("GET", "/draw/midjourney/"),
        ("POST", IMAGINE + "/"),
        ("POST", "/" + IMAGINE),
        ("GET", "/draw/midjourney/find/by/"),
        ("GET", "/images/"),
        ("GET", "/static/x"),
        ("GET", "/%00"),
    ],
)
def test_an_address_that_is_none_is_404_in_the_one_shape(caller, method, path):
    refused(caller(method, path), 404)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_wrong_method_is_405_with_those_allowed(caller, method):
    response = caller(method, IMAGINE)

    refused(response, 405)
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/draw/midjourney/waiting", "/draw/midjourney/pending"])
@pytest.mark.parametrize(
    ("data", "content_type"),
    [(b"", None), (b"{}", "application/json"), (b"{", "application/json"), (b"x=1", "text/plain")],
)
def test_counting_takes_any_body_or_none(caller, path, data, content_type):
    response = caller("POST", path, data=data, content_type=content_type)

    assert (response.status_code, response.json) == (200, {"data": 0})


def test_every_refusal_has_its_status():
    def below(kind):
        return {kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))}

    assert set(STATUS_CODES) == below(errors.RequestError) - {errors.RequestError}


def test_what_nobody_foresaw_is_a_bare_500_and_a_log_line(app, caller, caplog):
    @app.get("/broken")
    def broken():
        raise RuntimeError("secret detail")

    response = caller("GET", "/broken")

    assert refused(response, 500) == {}
    assert "secret" not in response.text
    (line,) = [record for record in caplog.records if record.message == "request.broke"]
    assert line.limner_fields == {"method": "GET", "path": "/broken", "kind": "RuntimeError"}
    assert "secret detail" in str(line.exc_info[1])


def test_an_accepted_job_is_logged_without_its_words(caller, caplog):
    caplog.set_level("DEBUG")

    job = caller.drawn(promptEn="secret words", callBackUrl="https://caller.example/key")

    (line,) = [record for record in caplog.records if record.message == "job.accepted"]
    assert line.limner_fields == {"job": job["id"], "client": "ann", "lane": "fast"}
    assert "secret" not in all_logged(caplog)
    assert "caller.example" not in all_logged(caplog)
