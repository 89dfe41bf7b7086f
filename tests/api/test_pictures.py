"""Pictures and thumbnails at their unguessable URLs."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from PIL import Image

from limner.images import FolderImages
from tests.api.asking import refused

NOW = datetime(2027, 1, 15, tzinfo=UTC)
FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}


def encoded(width: int, height: int, suffix: str = "png") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (width, height), (200, 90, 10)).save(data, FORMATS[suffix])
    return data.getvalue()


@pytest.fixture
def images(settings):
    return FolderImages(settings.image_dir, settings.base_url)


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


def test_other_processing_is_refused_and_other_parameters_do_no_harm(app, images):
    key = images.put("drawings", encoded(8, 8), "png", NOW)

    assert list(refused(get(app, key, "?x-oss-process=image/resize,w_10"), 422)) == [
        "x-oss-process"
    ]
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
