"""GET ``/console/assets/…`` and ``/console/texts/…``: the console's modules, its style, and its texts.

Their addresses contain a hash of them all, so that browsers keep them, and fetch them anew after an update.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, abort

from api.answer import answer
from api.console.texts import FOLDER as TEXTS
from api.console.texts import LANGUAGES, table

assets = Blueprint("console_assets", __name__, url_prefix="/console")

STATIC = Path(__file__).with_name("static")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_FOR_GOOD = "public, max-age=31536000, immutable"


@cache
def stamp() -> str:
    """Return the hash that stands in the addresses."""
    found = hashlib.sha256()
    for path in sorted([*STATIC.rglob("*"), *TEXTS.rglob("*.json")]):
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


@cache
def _files() -> dict[str, bytes]:
    paths = [path for path in STATIC.rglob("*") if path.suffix in _TYPES]
    return {path.relative_to(STATIC).as_posix(): path.read_bytes() for path in paths}


@assets.get("/assets/<version>/<path:name>")
def file(version: str, name: str) -> Response:
    """Return a module, the style or a drawing."""
    data = _files().get(name)
    if data is None:
        abort(404)
    response = Response(data, content_type=f"{_TYPES[Path(name).suffix]}; charset=utf-8")
    return _kept(response, version)


@assets.get("/texts/<version>/<language>.json")
def texts(version: str, language: str) -> Response:
    """Return all texts of a language."""
    if language not in LANGUAGES:
        abort(404)
    return _kept(answer(dict(table(language))), version)


def _kept(response: Response, version: str) -> Response:
    """Let a browser keep it, unless its address is of another version."""
    if version == stamp():
        response.headers["Cache-Control"] = _FOR_GOOD
    return response
