"""Process pictures between engine and caller: check, compose, shrink, encode.

Called by the workers. A caller gets what was encoded here, or an engine's own file with nothing in it but the picture
(``own_file``): no metadata of an engine's (ComfyUI embeds its whole graph) reaches callers.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageOps

from limner.errors import BadResult
from limner.pictures.decoding import (
    OpenedFile,
    UnreadablePictureError,
    alpha_of,
    open_file,
    open_picture,
)
from limner.pictures.png_file import png_file, png_of
from limner.plural import counted

PREVIEW_SIDE_MAX_PX = 512
#: quality of finished pictures in lossy formats
QUALITY = 92
#: how a format is called by us → its name in Pillow, and the suffix of its files
_KINDS = {"png": ("PNG", "png"), "webp": ("WEBP", "webp"), "jpeg": ("JPEG", "jpg")}
#: bytes a pixel of a file that is kept: with 3, it is as large as what it shows
_PACKED_MOST = 2.8
#: in which pixels cells are compared first, across and down
_SAMPLE = (16, 16)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture ready to be stored."""

    data: bytes
    suffix: str
    width: int
    height: int


def check_cells(
    cells: Sequence[bytes], width: int, height: int, count: int = 4
) -> list[Image.Image]:
    """Return the cells decoded; as ``open_cells``."""
    return [cell.picture for cell in open_cells(cells, width, height, count)]


def open_cells(cells: Sequence[bytes], width: int, height: int, count: int = 4) -> list[OpenedFile]:
    """Return the cells decoded, with the files that they came from.

    Raises:
        BadResult: not ``count``, one cannot be read, has another size, or is blank.
    """
    if len(cells) != count:
        wanted = ("one", "two", "three", "four")[count - 1]
        raise BadResult(f"The engine gave {counted(len(cells), 'picture')} instead of {wanted}.")
    opened = []
    for number, cell in enumerate(cells, start=1):
        try:
            file = open_file(cell)
        except UnreadablePictureError as error:
            raise BadResult(f"Picture {number} of the engine {error}.") from error
        if file.picture.size != (width, height):
            raise BadResult(f"Picture {number} of the engine has the wrong size.")
        # What a diffusion model returns when its numbers overflow.
        if file.picture.getbbox() is None:
            raise BadResult(f"Picture {number} of the engine is black.")
        opened.append(file)
    return opened


def own_file(opened: OpenedFile, picture_format: str) -> Encoded | None:
    """Return an engine's own file, bare of all but the picture, as a finished one; None: it has to be encoded.

    It is kept, pixel by pixel, if it is of the format wanted, shows just what was decoded, and was packed at all.
    """
    kind, suffix = _KINDS[picture_format]
    bare = opened.bare() if opened.kind == kind else None
    width, height = opened.picture.size
    if bare is None or len(bare) > _PACKED_MOST * width * height:
        return None
    return Encoded(bare, suffix, width, height)


def alike(cells: Sequence[Image.Image]) -> tuple[int, ...]:
    """Return the numbers, from 1, of cells with exactly the same pixels as another one.

    An engine that draws them from different seeds never returns that, whatever the prompt.
    """
    numbers: dict[bytes, list[int]] = {}
    # A few pixels tell nearly all apart.
    samples = [cell.resize(_SAMPLE, Image.Resampling.NEAREST).tobytes() for cell in cells]
    for number, (cell, sample) in enumerate(zip(cells, samples, strict=True), start=1):
        pixels = cell.tobytes() if samples.count(sample) > 1 else sample
        numbers.setdefault(pixels, []).append(number)
    return tuple(n for same in numbers.values() if len(same) > 1 for n in same)


def columns_of(count: int) -> int:
    """Return how many of ``count`` cells stand side by side in a grid: four in two rows, fewer in one."""
    return 2 if count == 4 else count


def grid(cells: Sequence[Image.Image]) -> Image.Image:
    """Return the picture made of all cells, which have one size; a single cell is its own grid."""
    if len(cells) == 1:
        return cells[0]
    width, height = cells[0].size
    columns = columns_of(len(cells))
    whole = Image.new("RGB", (width * columns, height * (len(cells) // columns)))
    for index, cell in enumerate(cells):
        whole.paste(cell, ((index % columns) * width, (index // columns) * height))
    return whole


def encode_grid(cells: Sequence[Image.Image], picture_format: str) -> Encoded:
    """Encode the finished picture made of several cells."""
    if picture_format != "png":
        return encode(grid(cells), picture_format)
    columns, (width, height) = columns_of(len(cells)), cells[0].size
    rows = [cells[at : at + columns] for at in range(0, len(cells), columns)]
    return Encoded(png_of(rows), "png", width * columns, height * len(rows))


def encode_png(picture: Image.Image) -> Encoded:
    """Encode a finished picture."""
    return Encoded(png_file(picture), "png", *picture.size)


def encode(picture: Image.Image, picture_format: str) -> Encoded:
    """Encode a finished picture as ``png``, ``webp`` or ``jpeg``."""
    if picture_format == "png":
        return encode_png(picture)
    buffer = io.BytesIO()
    if picture_format == "webp":
        # Method 2 of 0-6: 4 takes twice as long for files a few percent smaller.
        picture.save(buffer, "WEBP", quality=QUALITY, method=2)
    else:
        picture.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return Encoded(buffer.getvalue(), _KINDS[picture_format][1], *picture.size)


def region_of(mask: bytes, side_px: int) -> bytes:
    """Return a mask that is transparent where to draw as one that is white there, a PNG file.

    Raises:
        UnreadablePictureError: it cannot be read, or has no transparency.
    """
    return png_file(ImageOps.invert(alpha_of(mask, side_px)))


def encode_preview(picture: Image.Image) -> Encoded:
    """Encode an unfinished picture, with its longest side at most ``PREVIEW_SIDE_MAX_PX``."""
    small = picture
    if max(picture.size) > PREVIEW_SIDE_MAX_PX:
        small = picture.copy()
        # Whole numbers of pixels become one, which is quick; then what is left is interpolated.
        most = (PREVIEW_SIDE_MAX_PX, PREVIEW_SIDE_MAX_PX)
        small.thumbnail(most, Image.Resampling.BILINEAR, reducing_gap=1.0)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return Encoded(buffer.getvalue(), "jpg", *small.size)


class PreviewGrid:
    """The newest preview of each cell, composed into one picture."""

    def __init__(self, cell_width: int, cell_height: int, count: int = 4) -> None:
        self._count, self._columns = count, columns_of(count)
        rows = count // self._columns
        # Half of each, or less if all together would still be larger than what is shown.
        most = max(cell_width * self._columns, cell_height * rows) / PREVIEW_SIDE_MAX_PX
        self._width, self._height = (round(px / max(2, most)) for px in (cell_width, cell_height))
        #: created with the first cell's preview: hundreds of drawings may be running at once
        self._whole: Image.Image | None = None

    def show(self, cell: int | None, image: bytes) -> Encoded | None:
        """Return the composed picture after a new preview; None if the engine's bytes are not a picture.

        A broken preview must not fail a drawing.
        """
        try:
            picture = open_picture(image, side_px=PREVIEW_SIDE_MAX_PX)
        except UnreadablePictureError:
            return None
        if cell is None or self._count == 1:
            return encode_preview(picture)
        if cell >= self._count:
            # Of an engine that always draws four.
            return None
        columns = self._columns
        if self._whole is None:
            size = (self._width * columns, self._height * (self._count // columns))
            self._whole = Image.new("RGB", size, (127, 127, 127))
        small = picture.resize((self._width, self._height))
        self._whole.paste(small, ((cell % columns) * self._width, (cell // columns) * self._height))
        return encode_preview(self._whole)
