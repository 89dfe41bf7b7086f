"""What becomes of picture bytes between an engine or a caller and us."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from limner.errors import BadResult
from limner.pictures.decoding import PIXELS_MAX, UnreadablePictureError, open_picture
from limner.pictures.editing import (
    PREVIEW_SIDE_MAX_PX,
    PreviewGrid,
    check_cells,
    encode_png,
    encode_preview,
    grid,
)

COLOURS = ((200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0))


def a_picture(colour=COLOURS[0], size=(64, 48), kind="PNG", mode="RGB", **options) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def four_cells(size=(64, 48)) -> list[bytes]:
    return [a_picture(colour, size) for colour in COLOURS]


def a_png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises a huge picture."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_every_kind_of_picture_is_opened_as_rgb(kind, mode):
    if (kind, mode) in (("JPEG", "P"), ("WEBP", "P")):
        pytest.skip("there is no such picture")

    picture = open_picture(a_picture(kind=kind, mode=mode))

    assert (picture.mode, picture.size) == ("RGB", (64, 48))


def test_a_picture_taken_with_a_turned_camera_is_set_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees

    assert open_picture(a_picture(kind="JPEG", exif=exif)).size == (48, 64)


@pytest.mark.parametrize("data", [b"no picture", a_picture()[:60], a_picture(kind="JPEG")[:200]])
def test_what_is_no_whole_picture_is_refused_in_words_fit_for_a_caller(data):
    with pytest.raises(UnreadablePictureError, match="cannot be read as PNG, JPEG, WebP or GIF"):
        open_picture(data)


def test_only_the_formats_asked_for_are_opened():
    with pytest.raises(UnreadablePictureError):
        open_picture(a_picture(kind="BMP"), ("PNG", "JPEG"))


@pytest.mark.parametrize("size", [(10_000, PIXELS_MAX // 10_000 + 1), (60_000, 60_000)])
def test_a_picture_with_too_many_pixels_is_refused_before_it_is_unpacked(size):
    with pytest.raises(UnreadablePictureError, match=r"too many|pixels"):
        open_picture(a_png_that_claims(*size))


def test_four_good_cells_pass_and_keep_their_order():
    cells = check_cells(four_cells(), 64, 48)

    assert [cell.getpixel((0, 0)) for cell in cells] == list(COLOURS)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([], "0 pictures instead of four"),
        (four_cells()[:1], "gave 1 picture instead of four"),
        (four_cells()[:3], "3 pictures instead of four"),
        ([*four_cells(), a_picture()], "5 pictures instead of four"),
        ([*four_cells()[:3], b"broken"], "Picture 4 of the engine cannot be read"),
        ([a_picture(size=(64, 64)), *four_cells()[1:]], "Picture 1 of the engine has the wrong"),
        ([a_picture((0, 0, 0)), *four_cells()[1:]], "Picture 1 of the engine is black"),
    ],
)
def test_a_bad_result_says_what_is_wrong_with_which_cell(cells, says):
    with pytest.raises(BadResult, match=says):
        check_cells(cells, 64, 48)


def test_a_cell_with_the_whole_graph_in_it_or_a_hole_is_as_good_as_any():
    notes = PngInfo()
    notes.add_text("workflow", "node " * 400_000, zip=True)
    hole = Image.new("RGBA", (64, 48), (0, 200, 0, 0))
    buffer = io.BytesIO()
    hole.save(buffer, "PNG")

    cells = check_cells([a_picture(pnginfo=notes), buffer.getvalue(), *four_cells()[2:]], 64, 48)

    assert cells[0].getpixel((0, 0)) == COLOURS[0]
    assert cells[1].getpixel((0, 0)) == (255, 255, 255)


def test_the_grid_has_the_cells_in_reading_order():
    whole = grid(check_cells(four_cells(), 64, 48))

    assert whole.size == (128, 96)
    corners = [(0, 0), (127, 0), (0, 95), (127, 95)]
    assert [whole.getpixel(corner) for corner in corners] == list(COLOURS)


def test_nothing_an_engine_wrote_into_its_file_leaves_the_house():
    notes = PngInfo()
    notes.add_text("workflow", "the whole graph, with its secrets")
    picture = open_picture(a_picture(pnginfo=notes))

    encoded = encode_png(picture)

    assert b"secrets" not in encoded.data
    again = Image.open(io.BytesIO(encoded.data))
    assert (again.format, again.size, again.info) == ("PNG", (64, 48), {})
    assert (encoded.suffix, encoded.width, encoded.height) == ("png", 64, 48)


def test_a_preview_is_a_small_jpeg_and_leaves_its_picture_as_it_was():
    picture = Image.new("RGB", (2000, 1000), COLOURS[1])

    encoded = encode_preview(picture)

    assert (encoded.suffix, encoded.width) == ("jpg", PREVIEW_SIDE_MAX_PX)
    assert Image.open(io.BytesIO(encoded.data)).size == (encoded.width, encoded.height)
    assert picture.size == (2000, 1000)


def test_previews_of_single_cells_gather_in_one_picture():
    previews = PreviewGrid(64, 48)

    previews.show(0, a_picture(COLOURS[0]))
    encoded = previews.show(3, a_picture(COLOURS[1]))

    shown = Image.open(io.BytesIO(encoded.data))
    assert shown.size == (64, 48)
    first, empty, last = (shown.getpixel(spot) for spot in [(8, 8), (56, 8), (56, 40)])
    assert first[0] > 150 > first[1]
    assert last[1] > 150 > last[0]
    assert max(empty) - min(empty) < 20, "grey where nothing was seen yet"


def test_a_preview_of_the_whole_is_shown_as_it_is():
    encoded = PreviewGrid(64, 48).show(None, a_picture(size=(100, 50)))

    assert (encoded.width, encoded.height) == (100, 50)


def test_a_broken_preview_is_passed_over():
    assert PreviewGrid(64, 48).show(None, b"broken") is None
