"""GET ``/openapi.json`` and ``/docs``: the API described, for programs and for people.

The page is one file without anything from elsewhere; its script shows the document.
"""

from __future__ import annotations

from functools import cache
from importlib import metadata
from pathlib import Path

from flask import Blueprint, Response

from api.answer import answer
from api.house import house
from schemas.openapi import document

docs = Blueprint("docs", __name__)

PAGE = Path(__file__).with_name("docs.html")
#: the page may talk to this gateway and nobody else
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
)


@docs.get("/openapi.json")
def openapi() -> Response:
    """Show the OpenAPI document."""
    return answer(document(house().settings.base_url, version()))


@docs.get("/docs")
def page() -> Response:
    """Show the page that shows the document."""
    response = Response(PAGE.read_text(encoding="utf-8"), mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    return response


@cache
def version() -> str:
    """Return the version of what is installed."""
    try:
        return metadata.version("limner")
    except metadata.PackageNotFoundError:
        return "0"
