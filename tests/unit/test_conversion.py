"""Pictures in the form that a caller asks for."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from PIL import Image

from limner.pictures.conversion import PictureForm, converted, kept_converted
from limner.pictures.decoding import UnreadablePictureError, alpha_of
from limner.pictures.editing import region_of
from limner.pictures.image_store import Images

NOW = datetime(2027, 1, 15, tzinfo=UTC)


def a_file(size=(64, 48), mode="RGB", kind="PNG", colour=(200, 90, 10)) -> bytes:
    data = io.BytesIO()
    Image.new(mode, size, colour).save(data, kind)
    return data.getvalue()


@pytest.fixture
def images(tmp_path) -> Images:
    return Images(str(tmp_path), "https://draw.example/images")


@pytest.fixture
def key(images) -> str:
    return images.put("drawings", a_file(), "png", NOW)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_picture_that_is_as_wanted_is_passed_on_as_it_is(images, key):
    for form in (PictureForm(), PictureForm("png", 40, (64, 48))):
        assert converted(images, key, form).data == images.get(key)


@pytest.mark.parametrize(("name", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
@pytest.mark.parametrize("quality", [None, 0, 100])
def test_a_picture_comes_in_the_format_and_size_wanted(images, key, name, kind, quality):
    made = converted(images, key, PictureForm(name, quality, (32, 40)))

    assert (made.width, made.height) == (32, 40)
    assert (opened(made.data).format, opened(made.data).size) == (kind, (32, 40))


def test_what_does_not_fit_is_cut_at_the_edges_and_not_stretched(images):
    picture = Image.new("RGB", (90, 30), (255, 0, 0))
    picture.paste((0, 0, 255), (30, 0, 60, 30))
    data = io.BytesIO()
    picture.save(data, "PNG")
    key = images.put("drawings", data.getvalue(), "png", NOW)

    made = opened(converted(images, key, PictureForm(size=(60, 60))).data)

    assert made.getpixel((30, 30)) == (0, 0, 255)
    assert made.getpixel((5, 30)) == (0, 0, 255)


def test_a_converted_drawing_is_stored_once_beside_itself(images, key):
    form = PictureForm("webp", 80, (32, 32))

    kept_at = kept_converted(images, key, form)

    assert kept_at.rpartition("/")[0] == key.rpartition("/")[0]
    assert kept_at.endswith(".webp")
    assert opened(images.get(kept_at)).size == (32, 32)
    images.delete(key)
    assert kept_converted(images, key, form) == kept_at
    assert kept_converted_name_differs(images, form)


def kept_converted_name_differs(images, form) -> bool:
    """Whether two drawings' converted pictures have names of their own."""
    keys = [images.put("drawings", a_file(), "png", NOW) for _ in range(2)]
    return len({kept_converted(images, key, form) for key in keys}) == 2


def test_a_picture_that_is_gone_cannot_be_converted(images, key):
    images.delete(key)

    with pytest.raises(KeyError):
        converted(images, key, PictureForm("webp"))
    with pytest.raises(KeyError):
        kept_converted(images, key, PictureForm("webp"))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_mask_is_white_where_it_was_transparent(kind):
    picture = Image.new("RGBA", (64, 48), (255, 255, 255, 255))
    picture.paste((10, 20, 30, 0), (0, 0, 32, 48))
    data = io.BytesIO()
    picture.save(data, kind, **({"lossless": True} if kind == "WEBP" else {}))

    mask = opened(region_of(data.getvalue(), 2048))

    assert (mask.mode, mask.size) == ("L", (64, 48))
    assert (mask.getpixel((5, 5)), mask.getpixel((60, 40))) == (255, 0)


def test_a_mask_is_no_larger_than_wanted():
    data = a_file((640, 480), "RGBA", colour=(0, 0, 0, 0))

    assert alpha_of(data, 64).size == (64, 48)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (a_file(), "has no transparency"),
        (a_file(kind="JPEG"), "is JPEG, not PNG or WEBP"),
        (a_file(mode="RGBA", colour=(0, 0, 0, 0))[:60], "cannot be read as PNG or WebP"),
        (b"", "is empty"),
    ],
)
def test_what_has_no_transparency_is_no_mask(data, why):
    with pytest.raises(UnreadablePictureError, match=why):
        region_of(data, 2048)
