"""Build the protocol's responses: JSON without a space, in which relays replace text as it stands."""

from __future__ import annotations

from typing import Any

from flask import Response

from limner.compact_json import compact_json


def shown(body: dict[str, Any] | list[dict[str, Any]], status: int = 200) -> Response:
    """Return a body as a response."""
    return Response(compact_json(body), status, mimetype="application/json")
