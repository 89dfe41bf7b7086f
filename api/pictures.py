"""GET ``/images/…``: pictures and their thumbnails, to whoever knows the unguessable URL (DESIGN 2.6)."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, request, send_file
from PIL import Image

from api.house import house
from limner.errors import InvalidRequest, PictureNotFound
from limner.images import CONTENT_TYPES

pictures = Blueprint("pictures", __name__)

PROCESS = "x-oss-process"
THUMBNAIL = "style/scale512"
THUMBNAIL_PX = 512
#: a picture never changes under its name; 30 days is as long as it is kept by default
CACHE_CONTROL = "public, max-age=2592000, immutable"
#: thumbnails kept in memory; each is some 300 KB at most
THUMBNAILS_KEPT = 64


@pictures.get("/images/<path:key>")
def picture(key: str) -> Response:
    """Show one picture, or its thumbnail."""
    path, content_type = _find(key)
    wanted = request.args.get(PROCESS)
    if wanted not in (None, "", THUMBNAIL):
        raise InvalidRequest({PROCESS: [f"Must be {THUMBNAIL}."]})
    small = thumbnail(path) if wanted else None
    etag = f"{path.stem}-{THUMBNAIL_PX}" if small else path.stem
    response = send_file(io.BytesIO(small) if small else path, content_type, etag=etag)
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@lru_cache(maxsize=THUMBNAILS_KEPT)
def thumbnail(path: Path) -> bytes | None:
    """Return the picture with its longest side ``THUMBNAIL_PX``; None: it is no larger anyway."""
    with Image.open(path) as image:
        if max(image.size) <= THUMBNAIL_PX:
            return None
        kind = image.format
        image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
        small = io.BytesIO()
        image.save(small, kind)
        return small.getvalue()


def _find(key: str) -> tuple[Path, str]:
    """Return a picture's file and content type; what callers sent inline is not shown."""
    content_type = CONTENT_TYPES.get(key.rpartition(".")[2])
    try:
        path = house().images.path(key)
    except KeyError:
        raise PictureNotFound from None
    if key.startswith("spool/") or content_type is None or not path.is_file():
        raise PictureNotFound
    return path, content_type
