"""Turn a job's reference images into checked picture files; called by the drawing worker.

A reference is an http(s) URL, fetched through the guard that callbacks use, or ``spool:<key>``: the
text a caller sent inline, still in base64. What an engine gets is a PNG that we wrote.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from limner.errors import Rejected
from limner.images import Images
from limner.job import REFERENCE_MAX_BYTES, SPOOL
from limner.log import event
from limner.pictures import (
    REFERENCE_FORMATS,
    REFERENCE_SIDE_MAX_PX,
    UnreadablePictureError,
    open_picture,
)
from workers.outgoing import FetchFailed

log = logging.getLogger(__name__)

#: what a caller learns of a failed fetch: no more of our network than that it failed
_UNREACHABLE = "cannot be fetched"
_CLAUSES = {
    "too_large": "is larger than 10 MB",
    "timeout": "took too long to fetch",
    "not_allowed": "is at an address that is not allowed",
}
_DATA_URL = re.compile(r"data:[^,]{0,200},", re.IGNORECASE)

_URL_SAFE = str.maketrans("-_", "+/")

#: URL, most bytes → the bytes; raises FetchFailed
Fetch = Callable[[str, int], bytes]


def prepare_references(
    references: Sequence[str], folder: Path, images: Images, fetch: Fetch
) -> list[Path]:
    """Write each reference into ``folder`` as an upright PNG and return the paths, in order.

    Raises:
        Rejected: one cannot be used; the message says which (counting from 1) and why.
    """
    paths = []
    for number, reference in enumerate(references, start=1):
        try:
            data = _read(reference, images, fetch)
            if len(data) > REFERENCE_MAX_BYTES:
                raise UnreadablePictureError("is larger than 10 MB")
            picture = open_picture(data, REFERENCE_FORMATS)
        except UnreadablePictureError as error:
            event(log, "reference.rejected", number=number, why=str(error))
            raise Rejected("reference", f"Reference image {number} {error}.") from error
        except FetchFailed as error:
            event(log, "reference.rejected", number=number, why=error.why)
            raise Rejected(
                "reference", f"Reference image {number} {_CLAUSES.get(error.why, _UNREACHABLE)}."
            ) from error
        picture.thumbnail((REFERENCE_SIDE_MAX_PX, REFERENCE_SIDE_MAX_PX))
        path = folder / f"reference-{number}.png"
        picture.save(path, "PNG", compress_level=1)
        paths.append(path)
    return paths


def _read(reference: str, images: Images, fetch: Fetch) -> bytes:
    if not reference.startswith(SPOOL):
        return fetch(reference, REFERENCE_MAX_BYTES)
    try:
        text = images.get(reference.removeprefix(SPOOL)).decode("ascii")
    except KeyError:
        raise UnreadablePictureError("is not kept any more") from None
    except UnicodeDecodeError as error:
        raise UnreadablePictureError("is not base64") from error
    try:
        # Callers send both alphabets, with and without padding and line breaks.
        letters = "".join(_DATA_URL.sub("", text, count=1).split()).translate(_URL_SAFE).rstrip("=")
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadablePictureError("is not base64") from error
