"""The OpenAPI 3.1 document of OpenAI's images API as it is served here."""

from __future__ import annotations

from typing import Any


def document(base_url: str, version: str) -> dict[str, Any]:
    """Return the whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Limner", "version": version},
        "paths": {},
        "servers": [{"url": base_url}],
    }
