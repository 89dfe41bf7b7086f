"""Fit pictures from the server's size to the size asked for; called by ``engine``."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from limner.errors import BadResult
from limner.pictures.decoding import UnreadablePictureError, open_picture


def fitted(data: bytes, width: int, height: int) -> bytes:
    """Return the picture in the size asked for, scaled down and cropped to its centre.

    Raises:
        BadResult: it cannot be read.
    """
    try:
        picture = open_picture(data)
    except UnreadablePictureError as error:
        raise BadResult(f"A picture of the engine {error}.") from None
    return data if picture.size == (width, height) else png(ImageOps.fit(picture, (width, height)))


def png(picture: Image.Image) -> bytes:
    """Encode quickly: the picture is decoded again soon."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
