"""Make the canvas and the mask of an edit, and put back what an engine was not to change.

A region keeps the picture's size; its mask is the caller's, white where to draw. A zoom or a pan sets the
picture on a larger canvas and masks the rest. Called by ``workers.drawing``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from PIL import Image, ImageChops, ImageFilter

from limner.canvas import Size, panned, zoomed
from limner.engine import Box, Edit
from limner.errors import Rejected
from limner.pictures.decoding import UnreadablePictureError, open_picture
from limner.pictures.png_file import png_file
from limner.request import Change

#: how far into a region the new picture fades in, pixels
FADE_PX = 6
#: how blurred the picture is that fills the new room of a canvas, as a part of its longest side
FILL_BLUR = 1 / 12


@dataclass(frozen=True)
class EditCanvas:
    """A canvas and its mask: white where to draw. ``kept``: the box of the parent's picture, if it is larger."""

    picture: Image.Image
    mask: Image.Image
    kept: Box | None = None

    def saved(self, folder: Path) -> Edit:
        """Write both files into ``folder``, for the engine."""
        canvas, mask = folder / "canvas.png", folder / "mask.png"
        canvas.write_bytes(png_file(self.picture))
        mask.write_bytes(png_file(self.mask))
        return Edit(canvas, mask, self.kept)

    @classmethod
    def of(cls, edit: Edit) -> Self:
        """Return what ``saved`` wrote."""
        with Image.open(edit.canvas) as canvas, Image.open(edit.mask) as mask:
            return cls(canvas.convert("RGB"), mask.convert("L"), edit.kept)

    def restored(self, cell: Image.Image) -> Image.Image:
        """Return ``cell``, of the canvas's size, with the canvas where the mask is black."""
        mask = self.mask
        if self.kept is None:
            # Inside the region only: beside it, nothing may change.
            soft = mask.filter(ImageFilter.GaussianBlur(FADE_PX))
            mask = ImageChops.darker(mask, soft.point([max(0, 2 * v - 255) for v in range(256)]))
        return Image.composite(cell, self.picture, mask)


def canvas_of(
    change: Change, picture: Path, mask: Path | None, size: Size | None = None
) -> EditCanvas:
    """Return the canvas for a change of a picture; ``mask`` is the caller's, for a region.

    ``size``: that of the canvas, if the picture is the caller's own, too.

    Raises:
        Rejected: the picture cannot be read, or the mask marks nothing.
    """
    try:
        parent = open_picture(picture.read_bytes())
    except (OSError, UnreadablePictureError):
        raise Rejected("reference", "The picture to go on from cannot be read.") from None
    if change.scale is not None:
        return _larger(parent, *zoomed(parent.size, change.scale))
    if change.direction is not None:
        return _larger(parent, *panned(parent.size, change.direction))
    assert mask is not None, "a region has a mask"
    if size and parent.size != size:
        parent = parent.resize(size, Image.Resampling.LANCZOS)
    return EditCanvas(parent, _mask(mask, parent.size))


def _larger(parent: Image.Image, size: Size, kept: Box) -> EditCanvas:
    left, top, right, bottom = kept
    # A model that is shown the colours around goes on from them better than from grey.
    blur = ImageFilter.GaussianBlur(max(size) * FILL_BLUR)
    picture = parent.resize(size, Image.Resampling.BILINEAR).filter(blur)
    inner = parent
    if parent.size != (right - left, bottom - top):
        inner = parent.resize((right - left, bottom - top), Image.Resampling.LANCZOS)
    picture.paste(inner, (left, top))
    mask = Image.new("L", size, 255)
    mask.paste(0, kept)
    return EditCanvas(picture, mask, kept)


def _mask(path: Path, size: Size) -> Image.Image:
    try:
        given = open_picture(path.read_bytes())
    except (OSError, UnreadablePictureError):
        raise Rejected("reference", "The mask cannot be read.") from None
    grey = given.convert("L").resize(size, Image.Resampling.BILINEAR)
    mask = grey.point([255 if value >= 128 else 0 for value in range(256)])
    if mask.getbbox() is None:
        raise Rejected("reference", "The mask is black: white marks what to draw.")
    return mask
