"""Read the bodies of ``generations`` and ``edits``, JSON or a form, and tell which try of a client it is."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from flask import request

from api.body import KEY_HEADER, idempotency, json_object
from api.forms import MULTIPART, File, form
from api.house import house
from limner.errors import BodyTooLarge, InvalidRequest
from limner.pictures.decoding import REFERENCE_FORMATS
from limner.pictures.decoding.kinds import kind_of
from limner.request import REFERENCE_MAX_BYTES
from limner.store import Idempotency, Try

#: how often the libraries of OpenAI have sent this request before
RETRY_COUNT = "x-stainless-retry-count"
_IMAGES = ("image", "image[]", "images", "images[]")
_MASK = "mask"

Body = dict[str, Any]


def body_of_edit() -> Body:
    """Return an edit's body with its pictures as base64 or URLs, however it was sent.

    Raises:
        RequestError: it cannot be read, or a file is no picture.
    """
    return _of_form() if request.mimetype == MULTIPART else _of_json(json_object())


def key_of(body: Body) -> Idempotency | Try | None:
    """Return what tells whether this request was made before; None: its client does not say.

    Raises:
        InvalidRequest: the caller's own key is empty or too long.
    """
    if KEY_HEADER in request.headers:
        return idempotency(body)
    count = request.headers.get(RETRY_COUNT, "").strip()
    if not (count.isascii() and count.isdigit()) or len(count) > 3:
        return None
    return Try(house().images.aside(_told, request.path, body), again=int(count) > 0)


def of_part(key: Idempotency | Try | None, number: int) -> Idempotency | Try | None:
    """Return the key of one of the jobs that a request makes; 0 is the first."""
    if key is None or number == 0:
        return key
    if isinstance(key, Try):
        return Try(f"{key.body_hash}-{number}", key.again)
    return Idempotency(f"{key.key}\n{number}", key.body_hash)


def _told(path: str, body: Body) -> str:
    """Return what tells a request from others."""
    # Pictures by their hashes: as parts of one text, they would be copied again and again.
    short = {name: _short(value) for name, value in body.items()}
    return _hash(json.dumps([path, short], sort_keys=True, separators=(",", ":")))


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return [_short(one) for one in value]
    return _hash(value) if isinstance(value, str) else value


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _of_form() -> Body:
    sent = form()
    body: Body = {name: values[-1] for name, values in sent.fields.items()}
    files = [file for name in _IMAGES for file in sent.files.get(name, ())]
    texts = [text for name in _IMAGES for text in sent.fields.get(name, ()) if text]
    for name in _IMAGES:
        body.pop(name, None)
    body["image"] = [*(_inline("image", file) for file in files), *texts]
    if masks := sent.files.get(_MASK):
        body[_MASK] = _inline(_MASK, masks[-1])
    return body


def _of_json(body: Body) -> Body:
    found = dict(body)
    given = [one for name in _IMAGES if (one := found.pop(name, None)) is not None]
    found["image"] = [_link(one) for some in given for one in _listed(some)]
    if found.get(_MASK) is not None:
        found[_MASK] = _link(found[_MASK])
    return found


def _listed(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _link(given: Any) -> Any:
    """Return the URL of a picture that is given as an object."""
    return given.get("image_url") if isinstance(given, dict) else given


def _inline(name: str, file: File) -> str:
    if len(file.data) > REFERENCE_MAX_BYTES:
        most = f"Must be at most {REFERENCE_MAX_BYTES // 2**20} MB."
        raise BodyTooLarge(errors={name: [most]})
    if kind_of(file.data) not in REFERENCE_FORMATS:
        raise InvalidRequest({name: ["Must be a PNG, JPEG, WebP or GIF file."]})
    return base64.b64encode(file.data).decode()
