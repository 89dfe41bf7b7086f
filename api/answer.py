"""A JSON answer; what every view ends with."""

from __future__ import annotations

import json
from typing import Any

from flask import Response


def answer(body: dict[str, Any], status: int = 200) -> Response:
    """Return ``body`` as JSON, keys in the order of the contract."""
    text = json.dumps(body, separators=(",", ":"))
    return Response(text, int(status), mimetype="application/json")
