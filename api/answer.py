"""A JSON answer; what every view ends with."""

from __future__ import annotations

from typing import Any

from flask import Response

from limner.compact_json import compact_json


def answer(body: dict[str, Any], status: int = 200) -> Response:
    """Return ``body`` as JSON, keys in the order of the contract."""
    return Response(compact_json(body), int(status), mimetype="application/json")
