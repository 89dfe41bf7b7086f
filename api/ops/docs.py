"""GET ``/openapi.json`` and ``/docs``: the API's reference, for programs and for people.

The page is one self-contained file; its script renders the document.
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response

from api.answer import answer
from api.house import house
from limner.version import version
from schemas.limner.openapi import document

docs = Blueprint("docs", __name__)

PAGE = Path(__file__).with_name("docs.html")
#: the page may connect to this gateway only
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
)


@docs.get("/openapi.json")
def openapi() -> Response:
    """Return the OpenAPI document."""
    return answer(document(house().settings.base_url, version()))


@docs.get("/docs")
def page() -> Response:
    """Return the page that renders the document."""
    response = Response(PAGE.read_text(encoding="utf-8"), mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    return response
