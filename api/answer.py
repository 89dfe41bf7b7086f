"""A JSON answer, what every view ends with; and what all answers say to those who would keep them."""

from __future__ import annotations

from typing import Any

from flask import Response

from limner.compact_json import compact_json

#: what every answer says, also those that are made before the application is asked
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def answer(body: dict[str, Any], status: int = 200) -> Response:
    """Return ``body`` as JSON, keys in the order of the contract."""
    return Response(compact_json(body), int(status), mimetype="application/json")


def keep_to_the_asker(response: Response) -> Response:
    """Have nobody keep an answer, or guess what it is; for ``after_request``.

    A picture says itself how long it may be kept: whoever knows its URL may see it.
    """
    for name, value in PRIVATE.items():
        response.headers.setdefault(name, value)
    return response
