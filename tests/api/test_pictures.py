"""Pictures and thumbnails at their unguessable URLs."""

from __future__ import annotations

import io
import logging
from datetime import UTC, datetime

import pytest
from PIL import Image

from limner.errors import ImagesDown
from limner.pictures.image_store import Images
from tests.api.asking import refused

NOW = datetime(2027, 1, 15, tzinfo=UTC)
FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}


def encoded(width: int, height: int, suffix: str = "png") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (width, height), (200, 90, 10)).save(data, FORMATS[suffix])
    return data.getvalue()


@pytest.fixture
def images(settings):
    return Images.of(settings)


def get(app, key: str, query: str = "", **headers):
    # Buffered: the file is closed before the test looks at the answer.
    return app.test_client().get(f"/images/{key}{query}", headers=headers, buffered=True)


@pytest.mark.parametrize("kind", ["drawings", "previews"])
@pytest.mark.parametrize(
    ("suffix", "content_type"),
    [("png", "image/png"), ("jpg", "image/jpeg"), ("webp", "image/webp")],
)
def test_a_picture_is_shown_as_it_was_kept(app, images, kind, suffix, content_type):
    data = encoded(64, 32, suffix)

    response = get(app, images.put(kind, data, suffix, NOW))

    assert (response.status_code, response.data) == (200, data)
    assert response.headers["Content-Type"] == content_type
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in response.headers["Cache-Control"]


def test_the_url_that_the_store_makes_is_the_address(app, images):
    url = images.url(images.put("drawings", encoded(8, 8), "png", NOW))

    assert url.startswith("https://draw.example/images/drawings/20270115/")
    assert get(app, url.removeprefix("https://draw.example/images/")).status_code == 200


def test_a_picture_already_held_is_not_sent_again(app, images):
    key = images.put("drawings", encoded(1024, 1024), "png", NOW)
    for query in ("", "?x-oss-process=style/scale512"):
        etag = get(app, key, query).headers["ETag"]

        again = get(app, key, query, **{"If-None-Match": etag})

        assert (again.status_code, again.data) == (304, b"")


def test_the_thumbnail_has_an_etag_of_its_own(app, images):
    key = images.put("drawings", encoded(1024, 1024), "png", NOW)

    full, small = get(app, key), get(app, key, "?x-oss-process=style/scale512")

    assert full.headers["ETag"] != small.headers["ETag"]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("size", "small"),
    [((1024, 1024), (512, 512)), ((1344, 768), (512, 293)), ((768, 1344), (293, 512))],
)
def test_a_thumbnails_longest_side_is_512(app, images, suffix, size, small):
    key = images.put("drawings", encoded(*size, suffix), suffix, NOW)

    response = get(app, key, "?x-oss-process=style/scale512")

    with Image.open(io.BytesIO(response.data)) as thumbnail:
        assert (thumbnail.size, thumbnail.format) == (small, FORMATS[suffix])


def test_a_small_picture_is_not_made_larger(app, images):
    data = encoded(512, 293)
    key = images.put("drawings", data, "png", NOW)

    assert get(app, key, "?x-oss-process=style/scale512").data == data


@pytest.mark.parametrize("side", [128, 256, 512, 1024])
@pytest.mark.parametrize(
    "spelling", ["style/scale{}", "image/resize,l_{}", "image/resize,m_lfit,l_{}"]
)
def test_thumbnails_come_in_a_few_sizes_in_both_spellings(app, images, side, spelling):
    key = images.put("drawings", encoded(1280, 640), "png", NOW)

    response = get(app, key, "?x-oss-process=" + spelling.format(side))

    with Image.open(io.BytesIO(response.data)) as thumbnail:
        assert thumbnail.size == (side, side // 2)


def test_thumbnails_themselves_have_no_address(app, images, settings):
    key = images.put("drawings", encoded(1024, 1024), "png", NOW)
    get(app, key, "?x-oss-process=style/scale512")
    kept = [path.relative_to(settings.image_dir) for path in settings.image_dir.glob("thumbs/*/*")]

    assert len(kept) == 1
    refused(get(app, kept[0].as_posix()), 404)


@pytest.mark.parametrize("query", ["", "?x-oss-process=style/scale128"])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=-100", -100, None),
        ("bytes=0-999999999", 0, None),
        ("bytes=-999999999", 0, None),
        ("Bytes=5-5", 5, 6),
    ],
)
def test_one_range_is_answered_with_that_part(app, images, query, asked, start, stop):
    key = images.put("drawings", encoded(512, 512), "png", NOW)
    whole = get(app, key, query).data

    response = get(app, key, query, Range=asked)

    assert (response.status_code, response.data) == (206, whole[start:stop])
    first = start if start >= 0 else len(whole) + start
    last = first + len(response.data) - 1
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/{len(whole)}"
    assert int(response.headers["Content-Length"]) == len(response.data)


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0", "bytes=99999999-999999999"])
def test_a_range_beyond_the_picture_is_416_and_tells_its_length(app, images, asked):
    data = encoded(64, 64)
    response = get(app, images.put("drawings", data, "png", NOW), Range=asked)

    refused(response, 416)
    assert response.headers["Content-Range"] == f"bytes */{len(data)}"
    assert "immutable" not in response.headers.get("Cache-Control", "")


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "bytes=0-1,5-9", "bytes=a-b", "bytes=-", "lines=1-2", "x"]
)
def test_a_range_that_cannot_be_read_is_as_good_as_none(app, images, asked):
    data = encoded(64, 64)
    response = get(app, images.put("drawings", data, "png", NOW), Range=asked)

    assert (response.status_code, response.data) == (200, data)
    assert response.headers["Accept-Ranges"] == "bytes"


def test_a_range_of_another_version_gets_the_whole(app, images):
    key = images.put("drawings", encoded(64, 64), "png", NOW)
    etag = get(app, key).headers["ETag"]

    assert get(app, key, Range="bytes=0-9", **{"If-Range": etag}).status_code == 206
    assert get(app, key, Range="bytes=0-9", **{"If-Range": '"other"'}).status_code == 200
    # What is held already is not sent in part either.
    assert get(app, key, Range="bytes=0-9", **{"If-None-Match": etag}).status_code == 304


def test_a_picture_can_be_asked_after_without_being_sent(app, images):
    data = encoded(64, 64)
    response = app.test_client().head("/images/" + images.put("drawings", data, "png", NOW))

    assert (response.status_code, response.data) == (200, b"")
    assert int(response.headers["Content-Length"]) == len(data)


def test_an_image_store_that_is_down_is_503_with_a_time_to_come_again(
    app, images, monkeypatch, caplog
):
    key = images.put("drawings", encoded(8, 8), "png", NOW)

    def down(self, key):
        raise ImagesDown("the bucket is not there")

    monkeypatch.setattr(type(images), "has", down)
    monkeypatch.setattr(type(images), "get", down)
    for query in ("", "?x-oss-process=style/scale128"):
        response = get(app, key, query)

        refused(response, 503)
        assert int(response.headers["Retry-After"]) > 0
        assert "bucket" not in response.text
    lines = [record for record in caplog.records if record.message == "images.missed"]
    assert {line.levelno for line in lines} == {logging.WARNING}
    said = {"path": f"/images/{key}", "why": "the bucket is not there"}
    assert [line.limner_fields for line in lines] == [said] * 2


def test_other_processing_is_refused_and_other_parameters_do_no_harm(app, images):
    key = images.put("drawings", encoded(8, 8), "png", NOW)

    for other in ("image/resize,w_10", "style/scale511", "style/scale99999", "image/info"):
        assert list(refused(get(app, key, f"?x-oss-process={other}"), 422)) == ["x-oss-process"]
    assert get(app, key, "?v=2").status_code == 200


def test_what_callers_sent_inline_is_never_shown(app, images):
    for suffix in ("txt", "png"):
        refused(get(app, images.put("spool", b"secret", suffix, NOW)), 404)


def test_a_file_that_is_no_picture_is_not_shown(app, images):
    refused(get(app, images.put("drawings", b"<script>", "html", NOW)), 404)


@pytest.mark.parametrize(
    "key",
    [
        "drawings/20270115/" + "0" * 32 + ".png",
        "drawings",
        "drawings/20270115",
        "drawings/../../secret.png",
        "../settings.toml",
        "%2e%2e/secret.png",
        "drawings//20270115/" + "0" * 32 + ".png",
        "drawings/20270115/" + "0" * 32 + ".png%00",
        "drawings/20270115/" + "0" * 32 + ".png%0a",
        "/etc/passwd",
        "é.png",
    ],
)
def test_a_key_that_is_none_of_ours_is_404(app, settings, key):
    (settings.data_dir / "secret.png").write_bytes(b"secret")

    refused(get(app, key), 404)


def test_a_picture_that_was_pruned_is_404_even_as_a_thumbnail(app, images):
    key = images.put("drawings", encoded(1024, 1024), "png", NOW)
    thumbnail = "?x-oss-process=style/scale512"
    assert get(app, key, thumbnail).status_code == 200

    images.delete(key)

    refused(get(app, key, thumbnail), 404)
