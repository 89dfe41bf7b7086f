"""Build the JSON response that every view returns, and set every response's caching headers."""

from __future__ import annotations

from typing import Any

from flask import Response

from limner.compact_json import sendable_json

#: headers of every response, including those made before the application is called
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def answer(body: dict[str, Any], status: int = 200) -> Response:
    """Return ``body`` as a JSON response, with its keys in the documented order."""
    return Response(sendable_json(body), int(status), mimetype="application/json")


def keep_to_the_asker(response: Response) -> Response:
    """Forbid caching and content sniffing; for ``after_request``.

    Pictures set their own caching headers: whoever knows a picture's URL may see it.
    """
    for name, value in PRIVATE.items():
        response.headers.setdefault(name, value)
    return response
