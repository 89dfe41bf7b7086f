"""Pictures as data URLs, or in bare base64, for hosts that take them inside JSON; used by the drivers."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from engines.remote.starting import opened
from limner.pictures.editing import encode_png

#: no model looks at more
LONGEST_PX = 2048
JPEG_QUALITY = 92


def data_url(path: Path, longest_px: int = LONGEST_PX) -> str:
    """Return a picture file as a JPEG data URL, scaled down to ``longest_px`` if it is larger.

    Raises:
        Rejected: it cannot be read.
    """
    picture = opened(path)
    picture.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return _url("image/jpeg", buffer.getvalue())


def png_url(picture: Image.Image) -> str:
    """Return a picture as a PNG data URL: for masks, and canvases that must not change."""
    return _url("image/png", encode_png(picture).data)


def bare(url: str) -> str:
    """Return the base64 in a data URL, for hosts that take it without the rest."""
    return url.partition(",")[2]


def _url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
