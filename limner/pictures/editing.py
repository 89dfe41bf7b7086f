"""Process pictures between engine and caller: check, compose, shrink, re-encode.

Called by the workers. Everything a caller gets was encoded here, so no metadata of an engine's files
(ComfyUI embeds its whole graph) reaches callers.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageOps

from limner.errors import BadResult
from limner.pictures.decoding import UnreadablePictureError, alpha_of, open_picture
from limner.plural import counted

PREVIEW_SIDE_MAX_PX = 768
#: size limit of an engine's previews, before they are composed
PREVIEW_OPENED_MAX_PX = 2048
#: a painted grid takes two thirds of the time of level 3 and is 3 % larger; level 6 takes five times as long
PNG_LEVEL = 2
#: quality of finished pictures in lossy formats
QUALITY = 92


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
    """Return the cells decoded.

    Raises:
        BadResult: not ``count``, one cannot be read, has another size, or is blank.
    """
    if len(cells) != count:
        wanted = ("one", "two", "three", "four")[count - 1]
        raise BadResult(f"The engine gave {counted(len(cells), 'picture')} instead of {wanted}.")
    pictures = []
    for number, cell in enumerate(cells, start=1):
        try:
            picture = open_picture(cell)
        except UnreadablePictureError as error:
            raise BadResult(f"Picture {number} of the engine {error}.") from error
        if picture.size != (width, height):
            raise BadResult(f"Picture {number} of the engine has the wrong size.")
        # What a diffusion model returns when its numbers overflow.
        if all(high == 0 for _low, high in picture.getextrema()):  # type: ignore[misc]
            raise BadResult(f"Picture {number} of the engine is black.")
        pictures.append(picture)
    return pictures


def alike(cells: Sequence[Image.Image]) -> tuple[int, ...]:
    """Return the numbers, from 1, of cells with exactly the same pixels as another one.

    An engine that draws them from different seeds never returns that, whatever the prompt.
    """
    numbers: dict[bytes, list[int]] = {}
    for number, cell in enumerate(cells, start=1):
        numbers.setdefault(hashlib.blake2b(cell.tobytes()).digest(), []).append(number)
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


def encode_png(picture: Image.Image) -> Encoded:
    """Encode a finished picture."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=PNG_LEVEL)
    return Encoded(buffer.getvalue(), "png", *picture.size)


def encode(picture: Image.Image, picture_format: str) -> Encoded:
    """Encode a finished picture as ``png``, ``webp`` or ``jpeg``."""
    if picture_format == "png":
        return encode_png(picture)
    buffer = io.BytesIO()
    if picture_format == "webp":
        # Method 2 of 0-6: 4 takes twice as long for files a few percent smaller.
        picture.save(buffer, "WEBP", quality=QUALITY, method=2)
        return Encoded(buffer.getvalue(), "webp", *picture.size)
    picture.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return Encoded(buffer.getvalue(), "jpg", *picture.size)


def region_of(mask: bytes, side_px: int) -> bytes:
    """Return a mask that is transparent where to draw as one that is white there, a PNG file.

    Raises:
        UnreadablePictureError: it cannot be read, or has no transparency.
    """
    buffer = io.BytesIO()
    ImageOps.invert(alpha_of(mask, side_px)).save(buffer, "PNG")
    return buffer.getvalue()


def encode_preview(picture: Image.Image) -> Encoded:
    """Encode an unfinished picture, with its longest side at most ``PREVIEW_SIDE_MAX_PX``."""
    small = picture.copy()
    small.thumbnail((PREVIEW_SIDE_MAX_PX, PREVIEW_SIDE_MAX_PX))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return Encoded(buffer.getvalue(), "jpg", *small.size)


class PreviewGrid:
    """The newest preview of each cell, composed into one picture."""

    def __init__(self, cell_width: int, cell_height: int, count: int = 4) -> None:
        self._width, self._height = cell_width // 2, cell_height // 2
        self._count, self._columns = count, columns_of(count)
        #: created with the first cell's preview: hundreds of drawings may be running at once
        self._whole: Image.Image | None = None

    def show(self, cell: int | None, image: bytes) -> Encoded | None:
        """Return the composed picture after a new preview; None if the engine's bytes are not a picture.

        A broken preview must not fail a drawing.
        """
        try:
            picture = open_picture(image, side_px=PREVIEW_OPENED_MAX_PX)
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
