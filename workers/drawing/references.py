"""Turn a job's reference images into validated picture files; called by the drawing worker.

A reference is an http(s) URL, fetched through the same guard as callbacks unless it is that of a picture of
ours, or ``spool:<key>``: the text that a caller sent inline, still in base64. An engine gets a PNG that we encoded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from limner.errors import Rejected
from limner.log import event
from limner.pictures.decoding import REFERENCE_FORMATS, UnreadablePictureError, open_picture
from limner.pictures.image_store import Images
from limner.pictures.inline import decode
from limner.pictures.png_file import png_file
from limner.request import REFERENCE_MAX_BYTES, SPOOL
from net.outgoing import FetchFailed

log = logging.getLogger(__name__)

#: what a caller learns of a failed fetch: nothing about our network
_UNREACHABLE = "cannot be fetched"
_CLAUSES = {
    "too_large": "is larger than 10 MB",
    "timeout": "took too long to fetch",
    "redirects": "redirects too often",
    "not_allowed": "is at an address that is not allowed",
}
#: longest side of a picture given to an engine
SIDE_MAX_PX = 2048

#: URL, size limit in bytes → the bytes; raises FetchFailed
Fetch = Callable[[str, int], bytes]


#: what callers know each kind of picture as
_KNOWN_AS = {
    "reference": "Reference image",
    "style": "Style reference",
    "object": "Object reference",
    "edited": "Image",
}


def prepare_references(
    references: Sequence[str], folder: Path, images: Images, fetch: Fetch, kind: str = "reference"
) -> list[Path]:
    """Write each reference into ``folder`` as an upright PNG and return the paths, in order.

    ``kind``: ``reference``, ``style``, ``object``, ``mask`` or ``edited``.

    Raises:
        Rejected: one cannot be used; the message says which one (from 1) and why.
    """
    return [
        _prepared(
            # There is one mask at most.
            "The mask" if kind == "mask" else f"{_KNOWN_AS[kind]} {number}",
            reference,
            folder / f"{kind}-{number}.png",
            images,
            fetch,
        )
        for number, reference in enumerate(references, start=1)
    ]


def _prepared(name: str, reference: str, path: Path, images: Images, fetch: Fetch) -> Path:
    # One picture at a time: this one's memory is released before the next one waits for room.
    try:
        data = _read(reference, images, fetch)
        if len(data) > REFERENCE_MAX_BYTES:
            raise UnreadablePictureError("is larger than 10 MB")
        picture = open_picture(data, REFERENCE_FORMATS, SIDE_MAX_PX)
    except UnreadablePictureError as error:
        event(log, "reference.rejected", picture=name, why=str(error))
        raise Rejected("reference", f"{name} {error}.") from error
    except FetchFailed as error:
        event(log, "reference.rejected", picture=name, why=error.why)
        clause = _CLAUSES.get(error.why, _UNREACHABLE)
        raise Rejected("reference", f"{name} {clause}.") from error
    path.write_bytes(png_file(picture))
    return path


def _read(reference: str, images: Images, fetch: Fetch) -> bytes:
    try:
        if not reference.startswith(SPOOL):
            # Reaching ourselves over the network may be impossible, and is not allowed.
            key = images.own_key(reference)
            return images.get(key) if key else fetch(reference, REFERENCE_MAX_BYTES)
        return decode(images.get(reference.removeprefix(SPOOL)).decode())
    except KeyError:
        raise UnreadablePictureError("has been deleted") from None
    except ValueError as error:
        raise UnreadablePictureError("is not base64") from error
