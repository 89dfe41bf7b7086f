"""Files: upload one, to name its URL in a prediction's input; look at it, list them, delete it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from http import HTTPStatus

from flask import Blueprint, Response

from api.access.guard import caller
from api.answer import answer
from api.faces.replicate.at import at
from api.forms import File, form
from api.house import House, house
from api.spool import check_room, quota_bytes_of, tell_full
from limner.errors import BodyTooLarge, ImagesDown, InlineFull, InvalidRequest, PictureNotFound
from limner.ids import new_id
from limner.request import REFERENCE_MAX_BYTES
from limner.store.spool import in_blocks
from limner.upload import Upload
from schemas.replicate.file import file_body, files_body

#: as Replicate keeps them
KEEP_S = 86_400.0
LISTED_MOST = 100
NAME_LENGTH = 255
TYPE_LENGTH = 100
_PART = "content"


def add_to(blueprint: Blueprint) -> None:
    """Route to these views."""
    at(blueprint, "POST", "/files", upload)
    at(blueprint, "GET", "/files", uploads)
    at(blueprint, "GET", "/files/<file_id>", file)
    at(blueprint, "DELETE", "/files/<file_id>", delete)


def upload() -> Response:
    """Keep a file for a while."""
    sent = form().files.get(_PART)
    if not sent:
        raise InvalidRequest({_PART: ["Is required: the file, as a part of the form."]})
    return answer(file_body(_kept(house(), sent[-1]), _base()), HTTPStatus.CREATED)


def uploads() -> Response:
    """Show the caller's newest files."""
    return answer(files_body(house().store.uploads.newest(caller().name, LISTED_MOST), _base()))


def file(file_id: str) -> Response:
    """Show a file, without its content."""
    found = house().store.uploads.get(caller().name, file_id)
    if found is None:
        raise PictureNotFound("There is no such file, or it has expired.")
    return answer(file_body(found, _base()))


def delete(file_id: str) -> Response:
    """Delete a file."""
    if not house().store.uploads.drop(caller().name, file_id):
        raise PictureNotFound("There is no such file, or it has expired.")
    return Response(status=HTTPStatus.NO_CONTENT)


def _kept(here: House, sent: File) -> Upload:
    """Store a file in the spool, in its client's quota.

    Raises:
        BodyTooLarge, InlineFull: it is too large, or there is no room for it.
        ImagesDown: the image store is down or full.
    """
    if not sent.data:
        raise InvalidRequest({_PART: ["Must not be empty."]})
    if len(sent.data) > REFERENCE_MAX_BYTES:
        most = f"Must be at most {REFERENCE_MAX_BYTES // 2**20} MB."
        raise BodyTooLarge(errors={_PART: [most]})
    client, text = caller(), base64.b64encode(sent.data)
    room_bytes = in_blocks(len(text))
    check_room(here, client, room_bytes, copied=False)
    key = here.images.put("spool", text, "txt", here.now())
    fields = {
        "id": new_id(),
        "key": key,
        "name": _text(sent.name, NAME_LENGTH) or "file",
        "type": _text(sent.content_type, TYPE_LENGTH) or "application/octet-stream",
        "size": str(len(sent.data)),
        "sha256": hashlib.sha256(sent.data).hexdigest(),
    }
    keep_s = min(KEEP_S, here.settings.preview_keep_days * 86_400)
    quota_bytes = quota_bytes_of(here, client)
    try:
        return here.store.uploads.keep(client.name, fields, room_bytes, quota_bytes, keep_s)
    except InlineFull:
        # What cannot be deleted now is deleted with others of its age.
        with contextlib.suppress(ImagesDown):
            here.images.delete(key)
        tell_full(here, client)
        raise


def _text(said: str, longest: int) -> str:
    """Return what a sender says of a file, as text that can be stored."""
    return "".join(letter for letter in said if letter.isprintable())[:longest]


def _base() -> str:
    return house().settings.base_url
