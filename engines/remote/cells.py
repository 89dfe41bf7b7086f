"""Turn a server's pictures into cells of the size that the brief asks for; used by the drivers.

Servers round sizes to what their models support, or offer only a few. The gateway promises exact sizes,
so pictures are cropped to the ratio around their centre and resized.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from limner.errors import BadResult, Rejected
from limner.pictures.decoding import UnreadablePictureError, open_picture, shown_size_of, size_of
from limner.pictures.editing import encode_png

Four = tuple[bytes, bytes, bytes, bytes]


def cell(data: bytes, width: int, height: int) -> bytes:
    """Return the picture in this size; unchanged if it has it already.

    Only one of another size is decoded: the worker decodes what it gets, and says what is wrong with it.

    Raises:
        BadResult: the bytes are not a picture.
    """
    if shown_size_of(data) == (width, height):
        return data
    picture = _opened(data)
    if picture.size == (width, height):
        return data
    return encode_png(_fitted(picture, width, height)).data


def quarters(grid: bytes, width: int, height: int) -> Four:
    """Return the four cells of a 2x2 picture: top left, top right, bottom left, bottom right.

    Raises:
        BadResult: the bytes are not a picture, or one too small to contain four.
    """
    whole = _opened(grid)
    across, down = whole.width // 2, whole.height // 2
    if not across or not down:
        raise BadResult("The engine's grid is too small.")

    def quarter(column: int, row: int) -> bytes:
        # From the far edges, so that an odd pixel in the middle belongs to no cell.
        left = column * (whole.width - across)
        top = row * (whole.height - down)
        part = whole.crop((left, top, left + across, top + down))
        return encode_png(_fitted(part, width, height)).data

    return quarter(0, 0), quarter(1, 0), quarter(0, 1), quarter(1, 1)


def from_base64(text: Any) -> bytes:
    """Decode base64, bare or as a data URL.

    Raises:
        BadResult: it is neither.
    """
    if not isinstance(text, str):
        raise BadResult("The engine's picture is missing.")
    try:
        return base64.b64decode(text.rpartition(",")[2], validate=False)
    except (binascii.Error, ValueError):
        raise BadResult("The engine's picture is not base64.") from None


def to_png(path: Path, width: int, height: int) -> bytes:
    """Return a picture file as a PNG of this size, for an engine to start from.

    Raises:
        Rejected: it cannot be read.
    """
    try:
        picture = open_picture(path.read_bytes())
    except (OSError, UnreadablePictureError):
        raise Rejected("reference", "A reference image cannot be read.") from None
    return encode_png(_fitted(picture, width, height)).data


def looks_whole(data: bytes) -> bool:
    """Return whether the bytes begin like a picture; cheap, for previews."""
    return size_of(data) is not None


def _opened(data: bytes) -> Image.Image:
    try:
        return open_picture(data)
    except UnreadablePictureError as error:
        raise BadResult(f"The engine's picture {error}.") from None


def _fitted(picture: Image.Image, width: int, height: int) -> Image.Image:
    if picture.size == (width, height):
        return picture
    return ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
