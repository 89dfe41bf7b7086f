"""The picture in a result, which a model can look at."""

from __future__ import annotations

from api.house import House
from limner.errors import ImagesDown
from limner.job import Job
from limner.pictures.decoding import UnreadablePictureError
from limner.pictures.image_store import CONTENT_TYPES

#: Base64 makes it a third longer, and clients take at most a megabyte in one event.
LOOK_MAX_BYTES = 700_000
#: longest sides; nearly every picture is small enough in the first
_SIDES_PX = (512, 256, 128)


def picture_of(here: House, job: Job) -> tuple[bytes, str] | None:
    """Return the job's newest picture, small, and its content type; None: there is none, or not now."""
    if job.picture is None:
        return None
    try:
        key = here.images.key_of(job.picture.url)
        for side_px in _SIDES_PX:
            data = here.images.thumbnail(key, side_px)
            if len(data) <= LOOK_MAX_BYTES:
                return data, CONTENT_TYPES[key.rpartition(".")[2]]
    except (KeyError, ImagesDown, UnreadablePictureError):
        # Its link may still work; the rest of the result does not depend on it.
        return None
    return None
