"""Pictures as cameras, editors, scanners and generators write them look as in common viewers."""

from __future__ import annotations

import io
import multiprocessing
import random
import struct
import threading
import tracemalloc
import zlib
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from limner.pictures import decoding
from limner.pictures.decoding import (
    REFERENCE_FORMATS,
    UnreadablePictureError,
    jpeg,
    open_picture,
    png,
    size_of,
)
from limner.pictures.decoding.source import Source

RED, GREEN, WHITE = (200, 30, 30), (0, 255, 0), (255, 255, 255)
NOISE = Image.effect_noise((96, 64), 90)


def saved(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, body: bytes, checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(name + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def a_png(colour: int, depth: int, rows: list[bytes], width: int, *more: bytes) -> bytes:
    """A PNG of its own making: ``rows`` without their filter bytes, ``more`` whole chunks."""
    header = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [chunk(b"IHDR", header), *more, chunk(b"IDAT", packed), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def with_chunk(png: bytes, *chunks: bytes) -> bytes:
    """The same PNG with more chunks after its header."""
    return png[:33] + b"".join(chunks) + png[33:]


def near(picture: Image.Image, at: tuple[int, int], colour, within: int = 12) -> bool:
    seen = picture.getpixel(at)
    return all(abs(a - b) <= within for a, b in zip(seen, colour, strict=True))


def logo(mode: str, size: int = 64) -> Image.Image:
    """A red square in the middle; around it nothing, with green hidden under it."""
    picture = Image.new("RGBA", (size, size), (*GREEN, 0))
    picture.paste((*RED, 255), (size // 4, size // 4, size * 3 // 4, size * 3 // 4))
    return picture.convert(mode)


def palette_logo() -> Image.Image:
    picture = Image.new("P", (64, 64), 0)
    picture.putpalette([*GREEN, *RED] + [0] * 762)
    picture.paste(1, (16, 16, 48, 48))
    return picture


def keyed(colour: int, depth: int, empty: int, full: int) -> bytes:
    """A grey or RGB PNG whose one transparent value is ``empty``: a row of it, a row of ``full``."""
    channels = 3 if colour == 2 else 1
    bits = "".join(format(empty, f"0{depth}b") * channels * 8)
    more = "".join(format(full, f"0{depth}b") * channels * 8)
    rows = [int(text, 2).to_bytes(len(text) // 8, "big") for text in (bits, more)]
    key = struct.pack(">H", empty) * channels
    return a_png(colour, depth, rows, 8, chunk(b"tRNS", key))


@pytest.mark.parametrize(
    "data",
    [
        saved(logo("RGBA")),
        saved(logo("RGBA", 5000)),
        saved(palette_logo(), transparency=0),
        saved(palette_logo(), transparency=bytes([0, 255])),
        saved(palette_logo(), "GIF", transparency=0),
        saved(logo("RGBA"), "WEBP", lossless=True, exact=True),
        saved(logo("RGBA"), "GIF", save_all=True, append_images=[Image.new("RGBA", (64, 64), RED)]),
    ],
    ids=["RGBA", "RGBA, large", "palette", "palette, levels", "GIF", "WebP", "animated GIF"],
)
def test_what_is_transparent_is_white_and_its_hidden_colours_stay_hidden(data):
    picture = open_picture(data, REFERENCE_FORMATS, 2048)

    width, height = picture.size
    assert near(picture, (2, 2), WHITE, 0)
    assert near(picture, (width // 2, height // 2), RED)


def test_half_transparent_grey_is_half_way_to_white():
    assert near(open_picture(saved(Image.new("LA", (8, 8), (100, 128)))), (4, 4), (177,) * 3, 2)


@pytest.mark.parametrize(
    ("data", "full"),
    [
        (keyed(0, 1, 0, 1), 255),
        (keyed(0, 1, 1, 0), 0),
        (keyed(0, 2, 1, 2), 170),
        (keyed(0, 4, 15, 4), 68),
        (keyed(0, 8, 7, 90), 90),
        (keyed(0, 16, 513, 514), 2),
        (keyed(2, 8, 7, 90), 90),
        (keyed(2, 16, 513, 40_000), 156),
    ],
    ids=[
        "grey 1, black",
        "grey 1, white",
        "grey 2",
        "grey 4",
        "grey 8",
        "grey 16",
        "RGB",
        "RGB 16",
    ],
)
def test_the_one_transparent_value_of_a_png_is_white_and_no_other_is(data, full):
    picture = open_picture(data)

    assert near(picture, (3, 0), WHITE, 0)
    assert near(picture, (3, 1), (full,) * 3, 1)


@pytest.mark.parametrize("values", [(0, 32_768, 65_535), (100, 20_000, 60_000)])
def test_greys_of_16_bits_are_not_cut_off_at_the_first_256(values):
    rows = [b"".join(struct.pack(">H", value) * 8 for value in values)]

    picture = open_picture(a_png(0, 16, rows, 24))

    assert [picture.getpixel((at, 0))[0] for at in (4, 12, 20)] == [v >> 8 for v in values]


def test_a_page_of_one_bit_keeps_its_greys_when_it_is_shrunk():
    lines = Image.fromarray(np.indices((4096, 4096)).sum(axis=0) % 2 == 0)

    picture = open_picture(saved(lines), REFERENCE_FORMATS, 512)

    assert near(picture, (100, 100), (128, 128, 128), 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_upright_however_the_camera_was_held(kind, orientation):
    upright = Image.new("RGB", (64, 32), WHITE)
    upright.paste(RED, (0, 0, 16, 16))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    held = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation

    picture = open_picture(saved(held, kind, exif=exif))

    assert picture.size == (64, 32)
    assert near(picture, (6, 6), RED, 30)
    assert near(picture, (58, 26), WHITE, 30)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"\xff" * 5000])
def test_broken_exif_turns_nothing(exif):
    assert open_picture(with_chunk(saved(NOISE), chunk(b"eXIf", exif))).size == NOISE.size
    assert open_picture(saved(NOISE, "JPEG", exif=exif)).size == NOISE.size


def text(name: str) -> bytes:
    notes = PngInfo()
    if name == "zTXt":
        notes.add_text("workflow", "node " * 400_000, zip=True)
    else:
        notes.add_itxt("XML:com.adobe.xmp", "<x>" + " " * 1_500_000, zip=name == "iTXt, packed")
    return saved(NOISE.convert("RGB"), pnginfo=notes)


@pytest.mark.parametrize(
    "data",
    [
        text("zTXt"),
        text("iTXt"),
        text("iTXt, packed"),
        saved(NOISE, icc_profile=bytes(1_500_000)),
        saved(NOISE, icc_profile=bytes(30_000_000)),
        with_chunk(saved(NOISE), chunk(b"zTXt", b"a\0\0nothing packed")),
        with_chunk(saved(NOISE), chunk(b"iCCP", b"no end of a name")),
        with_chunk(saved(NOISE), chunk(b"tEXt", b"Title\0x", checksum=1)),
        with_chunk(saved(NOISE), *[chunk(b"tEXt", b"k\0v")] * 20_000),
        with_chunk(saved(NOISE), chunk(b"gAMA", b"1")),
        with_chunk(saved(NOISE), chunk(b"pHYs", b"12")),
        saved(NOISE) + b"trailing junk" * 1000,
        saved(NOISE, "JPEG") + b"\0" * 5000,
        saved(NOISE, "JPEG") + saved(NOISE, "JPEG"),
        saved(NOISE, "GIF") + b"junk",
        saved(NOISE, "WEBP", lossless=True) + b"junk!",
        saved(NOISE, "JPEG", comment=b"c" * 60_000),
        saved(NOISE, "WEBP", lossless=True, xmp=b"x" * 2_000_000),
        saved(NOISE, "WEBP", lossless=True, icc_profile=b"x" * 2_000_000),
    ],
)
def test_what_is_written_beside_a_picture_does_not_hide_it(data):
    assert np.abs(np.asarray(open_picture(data).convert("L"), int) - NOISE).mean() < 10


def test_a_webp_file_that_counts_itself_too_long_is_shown():
    data = bytearray(saved(NOISE, "WEBP"))
    data[4:8] = b"\xff\xff\xff\x7f"

    assert open_picture(bytes(data)).size == NOISE.size


def profile_that_swaps_red_and_green() -> bytes:
    """An sRGB profile whose red and green primaries changed places: what it does is plain to see."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", data, 128)
    places = {bytes(data[at : at + 4]): at + 4 for at in range(132, 132 + 12 * count, 12)}
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    data[red : red + 8], data[green : green + 8] = data[green : green + 8], data[red : red + 8]
    return bytes(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA"])
def test_colours_are_those_of_the_files_own_profile(kind, mode):
    if (kind, mode) in (("JPEG", "P"), ("JPEG", "RGBA"), ("WEBP", "P")):
        pytest.skip("there is no such picture")
    picture = Image.new("RGB", (32, 32), (220, 20, 20)).convert(mode)

    shown = open_picture(saved(picture, kind, icc_profile=profile_that_swaps_red_and_green()))

    assert near(shown, (16, 16), (20, 220, 20), 25)


def test_a_profile_of_another_kind_of_picture_is_passed_over():
    swapped = profile_that_swaps_red_and_green()

    assert near(
        open_picture(saved(Image.new("CMYK", (8, 8)), "JPEG", icc_profile=swapped)), (4, 4), WHITE
    )
    assert near(
        open_picture(saved(Image.new("L", (8, 8), 90), icc_profile=swapped)), (4, 4), (90,) * 3
    )


@pytest.mark.parametrize(
    ("ink", "seen"),
    [((0, 0, 0, 0), WHITE), ((255, 0, 0, 0), (0, 255, 255)), ((0, 0, 0, 255), (0, 0, 0))],
)
def test_inks_are_not_turned_into_their_opposites(ink, seen):
    assert near(open_picture(saved(Image.new("CMYK", (16, 16), ink), "JPEG")), (8, 8), seen)


def test_linear_light_is_shown_as_light_as_it_is():
    linear = with_chunk(
        saved(Image.new("L", (8, 8), 55)), chunk(b"gAMA", struct.pack(">I", 100_000))
    )
    usual = with_chunk(saved(Image.new("L", (8, 8), 55)), chunk(b"gAMA", struct.pack(">I", 45_455)))

    assert near(open_picture(linear), (4, 4), (128, 128, 128), 2)
    assert near(open_picture(usual), (4, 4), (55, 55, 55), 0)


def test_the_first_of_several_pictures_in_a_file_is_shown():
    first, second = (Image.new("RGB", (32, 32), colour) for colour in (RED, GREEN))
    several = {"save_all": True, "append_images": [second]}

    for data in (
        saved(first, "MPO", **several),
        saved(first, "GIF", **several),
        saved(first, "WEBP", lossless=True, **several),
        saved(first, "PNG", **several),
    ):
        assert near(open_picture(data, REFERENCE_FORMATS), (16, 16), RED)


@pytest.mark.parametrize("size", [(128, 128), (512, 512)])
def test_an_animation_that_begins_in_a_corner_has_white_around_it(size):
    data = bytearray(saved(palette_logo().crop((16, 16, 48, 48)), "GIF"))
    data[6:10] = struct.pack("<HH", *size)

    picture = open_picture(bytes(data), REFERENCE_FORMATS, 128)

    assert picture.size == (128, 128)
    assert near(picture, (3, 3), RED)
    assert near(picture, (100, 100), WHITE, 0)


@pytest.mark.parametrize(
    ("kind", "options", "rest"),
    [
        ("PNG", {}, WHITE),
        ("JPEG", {"quality": 90}, None),
        ("JPEG", {"quality": 90, "progressive": True}, None),
        ("GIF", {}, None),
    ],
)
def test_of_a_file_that_breaks_off_what_is_there_is_shown(kind, options, rest):
    whole = saved(NOISE.convert("RGB") if kind == "PNG" else NOISE, kind, **options)

    picture = open_picture(whole[: len(whole) * 2 // 3], REFERENCE_FORMATS)

    top = (0, 0, 96, 16)
    seen = np.asarray(picture.convert("L").crop(top), int) - np.asarray(NOISE.crop(top))
    assert picture.size == NOISE.size
    assert np.abs(seen).mean() < (40 if options.get("progressive") else 10)
    assert rest is None or near(picture, (90, 63), rest, 0)


def test_a_png_with_a_wrong_checksum_of_its_pixels_is_shown_whole():
    packed = bytearray(zlib.compress(b"".join(b"\0" + bytes(range(96)) for _ in range(64))))
    packed[-1] ^= 1
    header = struct.pack(">IIBBBBB", 96, 64, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", bytes(packed)) + chunk(b"IEND", b"")

    picture = open_picture(b"\x89PNG\r\n\x1a\n" + parts)

    assert near(picture, (90, 63), (90, 90, 90), 0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("kept", [1, 12, 40])
def test_what_breaks_off_before_anything_is_seen_is_refused(kind, kept):
    whole = saved(Image.new("RGB", (400, 300), (0, 0, 0)), kind)[:kept]

    with pytest.raises(UnreadablePictureError):
        open_picture(whole)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><p>Sign in", "is a web page, not PNG"),
        (b"\xef\xbb\xbf\n  <html>", "is a web page"),
        (b'<?xml version="1.0"?><svg xmlns="x">', "is SVG"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "is AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "is HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "is a film"),
        (saved(NOISE, "BMP"), "is BMP"),
        (saved(NOISE, "TIFF"), "is TIFF"),
        (b'{"error": "no"}', "is text"),
        (b"%PDF-1.7", "is PDF"),
        (b"nothing known", "cannot be read as PNG, JPEG, WebP or GIF"),
    ],
)
def test_what_is_no_picture_that_we_take_is_refused_by_its_name(data, says):
    with pytest.raises(UnreadablePictureError, match=says):
        open_picture(data, REFERENCE_FORMATS)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_the_size_is_known_without_a_look_at_the_pixels(kind):
    assert size_of(saved(NOISE, kind)) == NOISE.size


def test_what_comes_out_is_no_larger_than_asked_for_and_never_enlarged():
    large = saved(Image.new("RGB", (5000, 1000), RED), "JPEG")

    assert open_picture(large, REFERENCE_FORMATS, 2048).size == (2048, 410)
    assert open_picture(large).size == (4096, 819)
    assert open_picture(saved(NOISE), REFERENCE_FORMATS, 2048).size == NOISE.size


def test_a_webp_picture_is_measured_before_it_is_unpacked():
    lossy, lossless = saved(NOISE, "WEBP"), saved(NOISE, "WEBP", lossless=True)
    extended = saved(NOISE, "WEBP", icc_profile=b"x" * 8)
    huge = bytearray(extended)
    huge[24:30] = b"\xff\x3f\0\xff\x3f\0"

    assert {size_of(data) for data in (lossy, lossless, extended)} == {NOISE.size}
    with pytest.raises(UnreadablePictureError, match="16384 x 16384 pixels, too many"):
        open_picture(bytes(huge))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", REFERENCE_FORMATS)
def test_whatever_becomes_of_its_bytes_a_file_is_a_picture_or_refused(kind):
    whole = saved(NOISE.convert("RGB"), kind, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0")
    chance = random.Random(7)
    for _ in range(150):
        data = bytearray(whole[: chance.choice((len(whole), chance.randrange(len(whole))))])
        for _ in range(chance.randrange(1, 8)):
            if data:
                data[chance.randrange(min(len(data), chance.choice((60, len(data)))))] = (
                    chance.randrange(256)
                )
        try:
            picture = open_picture(bytes(data), REFERENCE_FORMATS, 512)
        except UnreadablePictureError:
            continue
        assert (picture.mode, picture.info) == ("RGB", {})
        assert max(picture.size) <= 512


def test_large_pictures_are_unpacked_one_after_another(monkeypatch):
    """However many threads bring one."""
    under_way, most, lock = 0, 0, threading.Lock()
    shown = Source.shown

    def watched(source, side_px):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        try:
            return shown(source, side_px)
        finally:
            with lock:
                under_way -= 1

    monkeypatch.setattr(Source, "shown", watched)
    data = saved(Image.new("L", (6500, 6500)))
    threads = [threading.Thread(target=open_picture, args=(data,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 1


def test_what_a_broken_picture_took_is_let_go_of_before_anyone_hears_of_it():
    data = bytearray(saved(NOISE))
    data[28] = 1  # interlaced: nothing is made of one that breaks off
    pictures = []

    with pytest.raises(UnreadablePictureError) as refused:
        open_picture(bytes(data[:-2000]))
    cause = refused.value.__cause__
    while cause is not None:
        frame = cause.__traceback__
        while frame is not None:
            pictures += [v for v in frame.tb_frame.f_locals.values() if isinstance(v, Image.Image)]
            frame = frame.tb_next
        cause = cause.__context__

    assert pictures == []


def test_ordinary_pictures_do_not_wait_for_large_ones():
    with decoding._large.take(decoding._large._most):
        assert open_picture(saved(Image.new("RGB", (2000, 1500), RED))).size == (2000, 1500)


# -- files that are made to cost --------------------------------------------------------------------


def peak_bytes(data: bytes) -> int:
    """What Python takes at most while the file is taken apart.

    In a process of its own: what other tests left running in this one counts, too.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        return alone.submit(_peak_bytes, data).result()


def _peak_bytes(data: bytes) -> int:
    tracemalloc.start()
    Source(data, "PNG").needed_bytes(512)
    return tracemalloc.get_traced_memory()[1]


@pytest.mark.parametrize("step", [1, 7])
def test_a_png_in_many_small_pieces_is_shown_and_takes_no_more_than_in_one(step):
    whole = saved(NOISE)
    (length,) = struct.unpack_from(">I", whole, 33)
    packed = whole[41 : 41 + length]
    pieces = [chunk(b"IDAT", packed[at : at + step]) for at in range(0, length, step)]
    data = whole[:33] + b"".join(pieces) + chunk(b"IDAT", b"") * 50_000 + chunk(b"IEND", b"")

    assert np.array_equal(np.asarray(open_picture(data).convert("L")), np.asarray(NOISE))
    assert peak_bytes(data) < 10 * length


def test_a_png_of_nothing_but_chunks_is_refused():
    data = with_chunk(saved(NOISE), chunk(b"IDAT", b"") * 200_000)

    with pytest.raises(UnreadablePictureError):
        open_picture(data)


def test_of_what_a_png_says_twice_the_first_counts_and_the_rest_is_not_looked_at(monkeypatch):
    unpacked = []
    once = png._profile
    monkeypatch.setattr(png, "_profile", lambda body: unpacked.append(1) or once(body))
    swapped = profile_that_swaps_red_and_green()
    first = chunk(b"iCCP", b"a\0\0" + zlib.compress(swapped))
    turned, straight = Image.Exif(), Image.Exif()
    turned[0x0112], straight[0x0112] = 6, 1
    exif = [chunk(b"eXIf", one.tobytes().removeprefix(b"Exif\0\0")) for one in (turned, straight)]
    more = chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**20)))
    data = with_chunk(saved(Image.new("RGB", (32, 16), (220, 20, 20))), first, *exif, *[more] * 100)

    shown = open_picture(data)

    assert near(shown, (8, 16), (20, 220, 20), 25)
    assert shown.size == (16, 32)
    assert len(unpacked) == 1


def test_the_palette_of_a_png_is_its_first():
    whole = saved(palette_logo(), transparency=0)
    at = whole.index(b"IDAT") - 4
    other = chunk(b"PLTE", bytes(768)) + chunk(b"tRNS", b"\xff\xff")

    picture = open_picture(whole[:at] + other * 1000 + whole[at:])

    assert near(picture, (2, 2), WHITE, 0)
    assert near(picture, (32, 32), RED)


def test_a_profile_is_unpacked_only_when_there_is_room_for_it(monkeypatch):
    monkeypatch.setattr(png, "_profile", lambda _: pytest.fail("too early"))
    data = saved(NOISE, icc_profile=bytes(2**20))

    source = Source(data, "PNG")

    assert source.needed_bytes(512) > Source(saved(NOISE), "PNG").needed_bytes(512) + 2**20


def test_what_follows_the_last_row_of_a_broken_png_is_not_unpacked(monkeypatch):
    rows = b"".join(b"\0" + bytes(96) for _ in range(64))
    packed = zlib.compress(rows + bytes(64 * 2**20))
    header = struct.pack(">IIBBBBB", 96, 64, 8, 0, 0, 0, 0)
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed)
    pieces, unpacked = [], png._unpacked
    monkeypatch.setattr(png, "_unpacked", lambda data: map(watched, unpacked(data)))

    def watched(piece: bytes) -> bytes:
        pieces.append(len(piece))
        return piece

    _, whole = png.take_apart(file).mended()

    assert whole == 64
    assert sum(pieces) < 2 * 2**20


@pytest.mark.parametrize(
    "more",
    [
        b"\xff\xe5\0\2" * 5000,
        b"\xff\xe1\0\x10Exif\0\0abcdefgh" * 5000,
        b"\xff\xff\xfe\0\3xjunk" * 5000,
        b"\xff\xd9" + b"\xff\xe5\0\2" * 5000,
        b"\xff\xf0" + struct.pack(">H", 20_002) + b"\xff\xe5\0\2" * 5000,
    ],
    ids=["segments", "exif", "comments", "after an end", "within an unknown one"],
)
def test_a_jpeg_of_nothing_but_segments_is_refused_before_it_is_opened(more, monkeypatch):
    whole = saved(NOISE, "JPEG")
    assert size_of(whole) == NOISE.size
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))

    with pytest.raises(UnreadablePictureError):
        open_picture(whole[:2] + more + whole[2:])


def test_a_jpeg_of_nothing_but_scans_is_refused_and_what_follows_its_end_is_none():
    whole = saved(NOISE, "JPEG", progressive=True)
    at = whole.rindex(b"\xff\xda")
    scan = whole[at:-2]

    assert jpeg.scans(whole) == whole.count(b"\xff\xda")
    assert open_picture(whole + scan * 1000).size == NOISE.size
    with pytest.raises(UnreadablePictureError):
        open_picture(whole[:at] + scan * 200 + whole[-2:])
    # Nor does an end that is none hide them.
    hidden = b"\xff\xfe\0\4\xff\xd9"
    with pytest.raises(UnreadablePictureError):
        open_picture(whole[:at] + hidden + scan * 200 + whole[-2:])
