"""Load a request's body: one JSON object, or a refusal that says what it is instead.

Used by the views of ``draw``. Python's parser is kinder than JSON: it takes NaN and lets a later key
beat an earlier one. Both are refused here.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, NoReturn

from flask import request
from werkzeug.exceptions import ClientDisconnected

from limner.errors import BodyTooLarge, BodyTooSlow, InvalidRequest, NotJson, WrongContentType
from limner.store import Idempotency

BODY_MAX_BYTES = 100 * 1024 * 1024
#: werkzeug cuts a chunked body off at its bound and says nothing, so one byte more is read and looked at
READ_MAX_BYTES = BODY_MAX_BYTES + 1
KEY_HEADER = "Idempotency-Key"
KEY_LENGTH = 255


def json_object() -> dict[str, Any]:
    """Return the request's body.

    Raises:
        WrongContentType, NotJson, BodyTooLarge: it is not one JSON object within the bound.
        BodyTooSlow: it trickles in, or its sender is gone.
    """
    if not request.is_json:
        raise WrongContentType
    if (request.content_length or 0) > BODY_MAX_BYTES:
        raise BodyTooLarge
    try:
        data = request.get_data(cache=False)
    except ClientDisconnected:
        raise BodyTooSlow from None
    if len(data) > BODY_MAX_BYTES:
        raise BodyTooLarge
    try:
        found = _DECODER.decode(data.decode("utf-8-sig"))
    except RecursionError:
        raise NotJson("The body is nested too deeply.") from None
    except UnicodeDecodeError:
        raise NotJson("The body is not UTF-8.") from None
    except ValueError as error:
        raise NotJson(f"The body is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise NotJson("The body must be a JSON object.")
    return found


def idempotency(body: dict[str, Any]) -> Idempotency | None:
    """Return the caller's key with a hash of what was asked, the address included.

    Raises:
        InvalidRequest: the key is empty or too long.
    """
    key = request.headers.get(KEY_HEADER)
    if key is None:
        return None
    if not 1 <= len(key.strip()) <= KEY_LENGTH:
        raise InvalidRequest({KEY_HEADER: [f"Must have 1 to {KEY_LENGTH} characters."]})
    asked = json.dumps([request.path, body], sort_keys=True, separators=(",", ":"))
    return Idempotency(key.strip(), hashlib.sha256(asked.encode()).hexdigest())


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands in an object twice")
    return found


_DECODER = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_no_twins)
