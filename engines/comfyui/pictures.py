"""Fit pictures to the sizes that the server draws at, and its pictures to the size asked for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageOps

from limner.errors import Rejected
from limner.pictures.decoding import UnreadablePictureError, open_picture

Size = tuple[int, int]


def opened(path: Path) -> Image.Image:
    """Return a caller's picture.

    Raises:
        Rejected: it cannot be read.
    """
    try:
        return open_picture(path.read_bytes())
    except (OSError, UnreadablePictureError):
        raise Rejected("reference", "A reference image cannot be read.") from None


def filling(picture: Image.Image, size: Size) -> Image.Image:
    """Return a picture that fills this size, cropped around its centre."""
    return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)


def within(picture: Image.Image, size: Size) -> Image.Image:
    """Return a picture that is no larger than this size, in its own shape."""
    picture.thumbnail(size, Image.Resampling.LANCZOS)
    return picture


def stretched(picture: Image.Image, size: Size, *, mask: bool = False) -> Image.Image:
    """Return a canvas in this size with nothing cropped, or its mask: grey, and with its edges kept."""
    if mask:
        return picture.convert("L").resize(size, Image.Resampling.NEAREST)
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


def blended(pictures: Iterable[Image.Image]) -> Image.Image:
    """Return the mean of several pictures of one size."""
    first, *others = pictures
    for place, picture in enumerate(others, start=2):
        first = Image.blend(first, picture, 1 / place)
    return first
