"""Load a request's body: one JSON object, or a refusal that says what is wrong with it.

Used by the views of ``draw``. Python's parser is more lenient than JSON: it accepts NaN, and the last
of several equal keys wins. Both are refused here.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, NoReturn, Protocol, TypeVar

from flask import request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from api.access.guard import caller
from api.encoding import unpacked
from api.house import house
from api.places import Hold
from limner.errors import (
    BodyBroken,
    BodyTooLarge,
    BodyTooSlow,
    InvalidRequest,
    NotJson,
    WrongContentType,
    WrongEncoding,
)
from limner.json_depth import is_deep, is_dense
from limner.store import Idempotency

BODY_MAX_BYTES = 100 * 1024 * 1024
#: werkzeug silently truncates a chunked body at its limit, so the limit is one byte more than ours
READ_MAX_BYTES = BODY_MAX_BYTES + 1
#: bodies of one client that are being received or read, together, and those of all clients
CLIENT_BODIES_BYTES = 256 * 1024 * 1024
BODIES_BYTES = 1024 * 1024 * 1024
#: what is read at once, and what a body is charged before its first byte
PIECE_BYTES = 64 * 1024
#: no documented body nests deeper than two levels
DEPTH_MAX = 64
#: brackets and commas, those in texts included; the longest documented body has some thousands
VALUES_MAX = 100_000
KEY_HEADER = "Idempotency-Key"
KEY_LENGTH = 255

Asked_co = TypeVar("Asked_co", covariant=True)


class Reader(Protocol[Asked_co]):
    """What reads a body, or refuses it: a schema of ``schemas/``."""

    def read(self, body: dict[str, Any], /) -> Asked_co:
        """Return what is asked for."""


def asked(schema: Reader[Asked_co]) -> tuple[Asked_co, Idempotency | None]:
    """Return what the request's body asks for, and the caller's key with a hash of it.

    Raises:
        RequestError: the body or the key is wrong, as ``json_object``, the schema and
            ``idempotency`` say.
    """
    body = json_object()
    return schema.read(body), idempotency(body)


def json_object(sender: str | None = None) -> dict[str, Any]:
    """Return the request's body; ``sender``: who sends it, if it is no client.

    Raises:
        WrongContentType, WrongEncoding: its headers declare something else.
        BodyBroken, NotJson, BodyTooLarge: it is not a JSON object within the size limit.
        BodyTooSlow: it arrives too slowly, or the sender hung up.
    """
    found = json_value(sender)
    if not isinstance(found, dict):
        raise NotJson("The body must be a JSON object.")
    return found


def json_value(sender: str | None = None) -> Any:
    """Return the request's body, whatever JSON it is; raises as ``json_object`` does."""
    if not request.is_json:
        raise WrongContentType
    with house().bodies.hold(sender or caller().name, PIECE_BYTES) as held:
        return _value_of(received(held))


def has_body() -> bool:
    """Say whether the request has a body, for views that need none."""
    return bool(request.content_length) or "chunked" in request.headers.get("Transfer-Encoding", "")


def _value_of(received: bytes) -> Any:
    data = unpacked(received, request.headers.get("Content-Encoding", ""), BODY_MAX_BYTES)
    if is_dense(data, VALUES_MAX):
        raise NotJson("The body has too many values.")
    if is_deep(data, DEPTH_MAX):
        raise NotJson("The body is nested too deeply.")
    try:
        return _DECODER.decode(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise NotJson("The body is not UTF-8.") from None
    except ValueError as error:
        raise NotJson(f"The body is not JSON: {error}.") from None


def idempotency(body: dict[str, Any]) -> Idempotency | None:
    """Return the caller's Idempotency-Key with a hash of the request, its path included.

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


def _pieces(held: Hold) -> bytes:
    """Return the body, charged piece by piece to the client that sends it.

    Raises:
        TooManyAtOnce, Crowded: its bodies, or all, take too much memory now.
    """
    pieces: list[bytes] = []
    while piece := request.stream.read(PIECE_BYTES):
        pieces.append(piece)
        held.grow(len(piece))
    return b"".join(pieces)


def received(held: Hold) -> bytes:
    """Return the request's whole body, as it was sent.

    Raises:
        WrongEncoding, BodyBroken, BodyTooLarge, BodyTooSlow, TooManyAtOnce, Crowded: it cannot be had.
    """
    said_bytes = request.content_length or 0
    if said_bytes > BODY_MAX_BYTES:
        raise BodyTooLarge
    if request.headers.get("Transfer-Encoding", "chunked").strip().lower() != "chunked":
        # gunicorn undoes the chunking and nothing else.
        raise WrongEncoding("The body may be sent in chunks, and in no other transfer coding.")
    try:
        data = _pieces(held)
    except ClientDisconnected:
        raise BodyTooSlow from None
    except ParseException:
        # gunicorn's message about a chunk quotes the caller's bytes.
        raise BodyBroken("The body's chunks are malformed.") from None
    if len(data) > BODY_MAX_BYTES:
        raise BodyTooLarge
    if len(data) < said_bytes:
        # gunicorn does not report a sender that hangs up, and half a body may be valid JSON.
        raise BodyTooSlow
    return data


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _whole(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:
        raise ValueError("a number has too many digits") from None


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same name twice")
    return found


_DECODER = json.JSONDecoder(
    parse_int=_whole, parse_constant=_no_constant, object_pairs_hook=_no_twins
)
