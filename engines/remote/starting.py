"""Pictures that a drawing starts from: one fitted to a size, several blended, a canvas with its hole filled.

Used by the drivers of diffusion models, for which no server does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageFilter, ImageOps, ImageStat

from limner.errors import Rejected
from limner.pictures.decoding import UnreadablePictureError, open_picture

Size = tuple[int, int]

#: blurs that carry the kept colours into the empty part, from the widest to the narrowest
_BLURS_PX = (256, 128, 64, 32, 16, 8, 4)


def opened(path: Path) -> Image.Image:
    """Return the picture in a file.

    Raises:
        Rejected: it cannot be read.
    """
    try:
        return open_picture(path.read_bytes()).convert("RGB")
    except (OSError, UnreadablePictureError):
        raise Rejected("reference", "A reference image cannot be read.") from None


def fitted(path: Path, size: Size) -> Image.Image:
    """Return the picture in a file in this size, cropped to its ratio.

    Raises:
        Rejected: it cannot be read.
    """
    picture = opened(path)
    if picture.size == size:
        return picture
    return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)


def blended(paths: Sequence[Path], size: Size) -> Image.Image:
    """Return the mean of one picture or more, in this size.

    Raises:
        Rejected: one cannot be read.
    """
    mean = fitted(paths[0], size)
    for number, path in enumerate(paths[1:], start=2):
        mean = Image.blend(mean, fitted(path, size), 1 / number)
    return mean


def filled(canvas: Image.Image, mask: Image.Image) -> Image.Image:
    """Return the canvas whose part under the white of the mask has the colours around it.

    A model that starts from an empty canvas would continue its emptiness.
    """
    keep = ImageOps.invert(mask.convert("L"))
    if not keep.getbbox():
        return canvas
    kept = canvas.convert("RGBA")
    kept.putalpha(keep)
    mean = tuple(round(part) for part in ImageStat.Stat(canvas.convert("RGB"), keep).mean)
    whole = Image.new("RGBA", canvas.size, (*mean, 255))
    premultiplied = kept.convert("RGBa")
    for radius in _BLURS_PX:
        whole.alpha_composite(
            premultiplied.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        )
    whole.alpha_composite(kept)
    return whole.convert("RGB")
