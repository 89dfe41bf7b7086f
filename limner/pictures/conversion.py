"""Pictures as callers of other protocols ask for them: in a format, a quality and a size of their own.

Called by the API, outside its event loop. A picture that is already as wanted is passed on as it is.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageOps

from limner.pictures.decoding import open_picture, size_of
from limner.pictures.editing import QUALITY, Encoded, encode_png
from limner.pictures.image_store import Images

PictureFormat = Literal["png", "jpeg", "webp"]
_SUFFIXES: dict[PictureFormat, str] = {"png": "png", "jpeg": "jpg", "webp": "webp"}


@dataclass(frozen=True, slots=True)
class PictureForm:
    """How a caller wants its pictures."""

    picture_format: PictureFormat = "png"
    #: 0-100, of lossy formats; None: ours
    quality: int | None = None
    #: exact, in pixels; None: as it was drawn
    size: tuple[int, int] | None = None

    @property
    def suffix(self) -> str:
        """The suffix of such a picture's file."""
        return _SUFFIXES[self.picture_format]

    def fits(self, suffix: str, size: tuple[int, int] | None) -> bool:
        """Return whether a picture of ours is as wanted."""
        lossless = self.quality is None or suffix == "png"
        return suffix == self.suffix and lossless and self.size in (None, size)


def converted(images: Images, key: str, form: PictureForm) -> Encoded:
    """Return a stored picture in the form wanted: scaled to cover its size, and cut at the edges.

    Raises:
        KeyError: there is no such picture.
        ImagesDown: the store does not answer.
        UnreadablePictureError: it is broken.
    """
    data = images.get(key)
    suffix, size = key.rpartition(".")[2], size_of(data)
    if size and form.fits(suffix, size):
        return Encoded(data, suffix, *size)
    return _encoded(open_picture(data), form)


def kept_converted(images: Images, key: str, form: PictureForm) -> str:
    """Store a drawing in the form wanted beside itself, once, and return the key; it goes when the drawing goes.

    Raises: as ``converted`` does.
    """
    kind, day, name = key.split("/")
    # As hard to guess as the drawing's own, and the same whenever the same is asked for.
    asked = f"{name} {form.picture_format} {form.quality} {form.size}"
    stem = hashlib.blake2b(asked.encode(), digest_size=16).hexdigest()
    kept_at = f"{kind}/{day}/{stem}.{form.suffix}"
    if not images.has(kept_at):
        images.put_as(kept_at, converted(images, key, form).data)
    return kept_at


def _encoded(picture: Image.Image, form: PictureForm) -> Encoded:
    if form.size and form.size != picture.size:
        picture = ImageOps.fit(picture, form.size, Image.Resampling.LANCZOS)
    quality = QUALITY if form.quality is None else form.quality
    if form.picture_format == "png":
        return encode_png(picture)
    buffer = io.BytesIO()
    if form.picture_format == "webp":
        picture.save(buffer, "WEBP", quality=quality, method=2)
    else:
        # Pillow's 0 means its default.
        picture.save(buffer, "JPEG", quality=max(1, quality))
    return Encoded(buffer.getvalue(), form.suffix, *picture.size)
