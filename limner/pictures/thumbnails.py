"""Thumbnails, made on first request and stored in the image store; used by the API."""

from __future__ import annotations

import io
import logging

from limner.errors import ImagesDown
from limner.log import event
from limner.pictures.decoding import open_picture, size_of
from limner.pictures.image_store import Images
from limner.pictures.png_file import png_file

log = logging.getLogger(__name__)

#: the sizes on offer (longest side): a fixed list, so that nobody can fill the store
SIDES_PX = (128, 256, 512, 1024)
_FORMATS = {"jpg": "JPEG", "webp": "WEBP"}


def thumbnail(images: Images, key: str, side_px: int) -> bytes:
    """Return a picture with its longest side ``side_px``, in its own format; never enlarged.

    Thumbnails of drawings are stored; previews are small, and gone tomorrow.

    Raises:
        KeyError: there is no such picture.
        ImagesDown: the store does not answer.
    """
    kind, day, name = key.split("/")
    stem, _, suffix = name.rpartition(".")
    if kind != "drawings":
        return _shrunk(images.get(key), suffix, side_px)
    kept_at = f"thumbs/{day}/{stem}-{side_px}.{suffix}"
    try:
        return images.get(kept_at)
    except KeyError:
        small = _shrunk(images.get(key), suffix, side_px)
    try:
        images.put_as(kept_at, small)
    except ImagesDown as error:
        event(log, "thumbnail.not_kept", level=logging.WARNING, why=error.message)
    return small


def _shrunk(data: bytes, suffix: str, side_px: int) -> bytes:
    size = size_of(data)
    if size and max(size) <= side_px:
        return data
    # Through the decoder: it limits the memory that all threads of the process use together.
    picture = open_picture(data, side_px=side_px)
    if suffix == "png":
        return png_file(picture)
    small = io.BytesIO()
    picture.save(small, _FORMATS[suffix])
    return small.getvalue()
