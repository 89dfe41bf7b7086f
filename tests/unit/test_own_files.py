"""An engine's own files: kept as they were encoded, bare of all but the picture, wherever that shows the same."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from limner.pictures.decoding import open_file, open_picture, shown_size_of
from limner.pictures.decoding.png import take_apart
from limner.pictures.editing import encode, own_file
from limner.pictures.png_file import png_file

SIZE = (67, 43)
SECRET = b"the whole graph"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def a_picture(mode="RGB", size=SIZE) -> Image.Image:
    """A picture of many colours, the same for the same size."""
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    # Smooth enough to be packed.
    smooth = Image.fromarray(noise).resize((9, 7)).resize(size)
    return smooth.convert(mode)


def a_file(kind, mode="RGB", picture=None, **options) -> bytes:
    buffer = io.BytesIO()
    (picture or a_picture(mode)).save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation=1) -> Image.Exif:
    said = Image.Exif()
    said[0x0112], said[0x010E] = orientation, SECRET.decode()
    return said


def noted(**options) -> bytes:
    text = PngInfo()
    text.add_text("workflow", SECRET.decode() * 50)
    text.add(b"prIv", SECRET, after_idat=True)
    return a_file("PNG", pnginfo=text, exif=exif(), dpi=(300, 300), **options)


def with_chunk(data: bytes, name: bytes, body: bytes) -> bytes:
    """A PNG file with one more chunk after its header."""
    chunk = struct.pack(">I", len(body)) + name + body
    return data[:33] + chunk + struct.pack(">I", zlib.crc32(name + body)) + data[33:]


WRITTEN = {
    "png": noted,
    "png of a palette": lambda: a_file("PNG", "P"),
    "grey png": lambda: a_file("PNG", "L"),
    "jpeg": lambda: a_file("JPEG", exif=exif(), comment=SECRET, xmp=SECRET, quality=95),
    "progressive jpeg": lambda: a_file("JPEG", progressive=True, exif=exif()) + SECRET,
    "grey jpeg": lambda: a_file("JPEG", "L", comment=SECRET),
    "webp": lambda: a_file("WEBP", exif=exif(), xmp=SECRET),
    "lossless webp": lambda: a_file("WEBP", lossless=True, exif=exif()),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_of_the_format_wanted_is_kept_pixel_by_pixel_and_with_nothing_else_in_it(name):
    data, wanted = WRITTEN[name](), name.rpartition(" ")[2]
    wanted = "png" if wanted == "palette" else wanted

    kept = own_file(open_file(data), wanted)

    assert kept is not None
    assert (kept.width, kept.height) == SIZE
    assert SECRET not in kept.data
    assert len(kept.data) <= len(data)
    picture = Image.open(io.BytesIO(kept.data))
    picture.load()
    assert (
        not {"exif", "xmp", "comment", "icc_profile", "workflow", "prompt", "dpi"}
        & picture.info.keys()
    )
    assert picture.convert("RGB").tobytes() == Image.open(io.BytesIO(data)).convert("RGB").tobytes()


def test_a_kept_png_has_the_very_bytes_in_which_its_engine_packed_the_pixels():
    data = noted(compress_level=7)

    kept = own_file(open_file(data), "png")

    assert kept is not None
    assert take_apart(kept.data).pixels == take_apart(data).pixels
    assert kept.data == own_file(open_file(kept.data), "png").data


def half_there() -> Image.Image:
    picture = a_picture("RGBA")
    picture.putalpha(120)
    return picture


def with_thumbnail(data: bytes) -> bytes:
    """A JPEG file whose first segment has a thumbnail of one pixel."""
    assert data[2:11] == b"\xff\xe0\0\x10JFIF\0"
    return data[:2] + b"\xff\xe0\0\x13" + data[6:18] + b"\1\1abc" + data[20:]


def cut_off(data: bytes) -> bytes:
    return data[:-200]


OTHERWISE = {
    "another format": ("webp", noted),
    "a turned one": ("jpeg", lambda: a_file("JPEG", exif=exif(6))),
    "a turned png": ("png", lambda: a_file("PNG", exif=exif(3))),
    "one of other colours": ("png", lambda: a_file("PNG", icc_profile=PROFILE)),
    "a jpeg of other colours": ("jpeg", lambda: a_file("JPEG", icc_profile=PROFILE)),
    "a webp of other colours": ("webp", lambda: a_file("WEBP", icc_profile=PROFILE)),
    "another gamma": (
        "png",
        lambda: with_chunk(a_file("PNG"), b"gAMA", struct.pack(">I", 100_000)),
    ),
    "a transparent one": ("png", lambda: a_file("PNG", "RGBA")),
    "a transparent webp": ("webp", lambda: a_file("WEBP", picture=half_there())),
    "one transparent colour": ("png", lambda: a_file("PNG", transparency=(1, 2, 3))),
    "sixteen bits": ("png", lambda: a_file("PNG", picture=a_picture("L").convert("I;16"))),
    "half a png": ("png", lambda: cut_off(a_file("PNG"))),
    "half a jpeg": ("jpeg", lambda: cut_off(a_file("JPEG"))),
    "a png without an end": ("png", lambda: a_file("PNG")[:-12]),
    "a jpeg with a thumbnail": ("jpeg", lambda: with_thumbnail(a_file("JPEG"))),
    "four inks": ("jpeg", lambda: a_file("JPEG", "CMYK")),
    "one that is not packed": ("png", lambda: a_file("PNG", compress_level=0)),
    "an animation": ("webp", lambda: a_file("WEBP", save_all=True, append_images=[a_picture("L")])),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_would_show_another_picture_or_wastes_room_is_encoded_anew(name):
    wanted, write = OTHERWISE[name]
    opened = open_file(write())

    assert own_file(opened, wanted) is None

    if wanted == "png":
        anew = encode(opened.picture, wanted)
        assert open_picture(anew.data).tobytes() == opened.picture.tobytes()


def test_only_a_whole_interlaced_file_is_encoded_anew():
    # Pillow writes none.
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 1)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0abc")), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )

    opened = open_file(data)

    assert opened.picture.getpixel((0, 0)) == tuple(b"abc")
    assert own_file(opened, "png") is None


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), SIZE, (700, 500)])
def test_a_written_png_is_the_picture_pixel_by_pixel_and_nothing_else(mode, size):
    picture = a_picture(mode, size)

    data = png_file(picture)

    read = Image.open(io.BytesIO(data))
    read.load()
    assert (read.format, read.mode, read.size) == ("PNG", mode, size)
    assert read.tobytes() == picture.tobytes()
    if mode in ("RGB", "RGBA", "L"):
        assert read.info == {}


def test_a_written_png_takes_no_more_room_than_one_that_took_far_longer():
    noise = np.random.default_rng(1).standard_normal((256, 256, 3))
    photograph = (np.cumsum(np.cumsum(noise, axis=0), axis=1) * 0.4 + 128).clip(0, 255)
    for picture in (Image.fromarray(photograph.astype(np.uint8)), a_picture(size=(256, 256))):
        assert len(png_file(picture)) <= 1.1 * len(a_file("PNG", picture=picture, compress_level=2))


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (a_file("PNG"), SIZE),
        (a_file("PNG", exif=exif(6)), SIZE[::-1]),
        (a_file("JPEG"), SIZE),
        (a_file("JPEG", exif=exif(8)), SIZE[::-1]),
        (a_file("WEBP"), None),
        (b"no picture", None),
    ],
)
def test_the_head_tells_the_size_that_is_shown_where_it_can(data, size):
    assert shown_size_of(data) == size
    assert size is None or open_picture(data).size == size
