"""GET ``/images/…``: pictures and their thumbnails, to whoever knows the unguessable URL."""

from __future__ import annotations

import re

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from api.house import house
from limner.errors import InvalidRequest, PictureNotFound
from limner.pictures.addresses import SHOWN
from limner.pictures.image_store import CONTENT_TYPES
from limner.pictures.thumbnails import SIDES_PX

pictures = Blueprint("pictures", __name__)

PROCESS = "x-oss-process"
#: the two ways to ask for a thumbnail that callers of the documented API know
_SCALE = re.compile(r"(?:style/scale|image/resize,(?:m_lfit,)?l_)(\d{1,5})")
_SHOWN = tuple(f"{kind}/" for kind in SHOWN)
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE)
#: a picture never changes under its URL; 30 days is how long it is kept by default
CACHE_CONTROL = "public, max-age=2592000, immutable"


@pictures.get("/images/<path:key>")
def picture(key: str) -> Response:
    """Return a picture or its thumbnail, whole or a range of it."""
    side_px = _side_px(request.args.get(PROCESS))
    images = house().images
    _, _, name = key.rpartition("/")
    stem, _, suffix = name.rpartition(".")
    if suffix not in CONTENT_TYPES or not key.startswith(_SHOWN):
        raise PictureNotFound
    # Checked separately only if the picture itself may not be read below: buckets are slow.
    if (side_px or request.if_none_match or request.if_match) and not images.has(key):
        raise PictureNotFound
    response = Response(content_type=CONTENT_TYPES[suffix])
    response.set_etag(f"{stem}-{side_px}" if side_px else stem)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.make_conditional(request)
    # What the caller already has is neither read nor resized.
    if response.status_code != 200:
        return response
    try:
        data = images.thumbnail(key, side_px) if side_px else images.get(key)
    except KeyError:
        raise PictureNotFound from None
    return _whole_or_part(response, data)


def _side_px(wanted: str | None) -> int | None:
    """Return the longest side asked for; None: the picture in full size."""
    if not wanted:
        return None
    found = _SCALE.fullmatch(wanted)
    if found and int(found[1]) in SIDES_PX:
        return int(found[1])
    styles = ", ".join(f"style/scale{side}" for side in SIDES_PX)
    raise InvalidRequest({PROCESS: [f"Must be one of {styles}."]})


def _whole_or_part(response: Response, data: bytes) -> Response:
    """Set the response's body to the picture, or to the single range that was asked for.

    Source: RFC 9110, 14.2. A range that is malformed, one of several, or of another version of the
    picture is ignored.
    """
    length = len(data)
    asked = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if request.headers.get("If-Range", response.headers["ETag"]) != response.headers["ETag"]:
        asked = None
    if asked is None or not any(asked.groups()):
        response.set_data(data)
        return response
    first, last = asked.groups()
    if first:
        start, stop = int(first), min(int(last) + 1 if last else length, length)
        if last and int(last) < int(first):
            response.set_data(data)
            return response
    else:
        start, stop = max(length - int(last), 0), length
    if start >= stop:
        raise RequestedRangeNotSatisfiable(length)
    response.status_code = 206
    response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{length}"
    response.set_data(data[start:stop])
    return response
