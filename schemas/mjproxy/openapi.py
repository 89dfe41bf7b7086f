"""The OpenAPI 3.1 document of midjourney-proxy's protocol as it is served here."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def document(base_url: str, version: str) -> Json:
    """Return the whole document."""
    return {"openapi": "3.1.0", "info": {"title": "Limner", "version": version}, "paths": {}}
