"""Put uploaded files in the place of their URLs, and find the size of a picture that is to be edited."""

from __future__ import annotations

from dataclasses import replace

from api.access.guard import caller
from api.house import house
from limner.canvas import drawable
from limner.errors import InvalidRequest
from limner.pictures.decoding import size_of
from limner.pictures.inline import decode
from limner.request import SPOOL, Request
from schemas.references import is_inline
from schemas.replicate.file import file_id_in


def with_uploads(request: Request) -> Request:
    """Return the request with the caller's uploaded files, and with the size of the picture that it edits.

    Raises:
        InvalidRequest: a file is gone.
        ImagesDown: the image store is down.
    """
    request = request.with_pictures(lambda some: tuple(_found(one) for one in some))
    if request.operation != "edit" or request.size or request.ar:
        return request
    size = _size_of(request.references[0])
    return replace(request, size=drawable(size)) if size else request


def _found(reference: str) -> str:
    file_id = file_id_in(reference, house().settings.base_url)
    if file_id is None:
        return reference
    upload = house().store.uploads.get(caller().name, file_id)
    if upload is None:
        raise InvalidRequest({"input": ["Names a file that does not exist, or has expired."]})
    return SPOOL + upload.key


def _size_of(reference: str) -> tuple[int, int] | None:
    """Return the size of a picture that is here; None: it is elsewhere, or cannot be read."""
    images = house().images
    if reference.startswith(SPOOL):
        try:
            text = images.get(reference.removeprefix(SPOOL)).decode("ascii", "replace")
        except KeyError:
            return None
    elif is_inline(reference):
        text = reference
    else:
        return None
    try:
        return images.aside(lambda: size_of(decode(text)))
    except ValueError:
        return None
