"""GET ``/openapi/<face>.json``: the reference of each protocol that has one."""

from __future__ import annotations

from flask import Blueprint, Response

from api.answer import answer
from api.face import face_named
from api.house import house
from limner.errors import FaceNotServed
from limner.version import version

documents = Blueprint("documents", __name__)


@documents.get("/openapi/<name>.json")
def of_face(name: str) -> Response:
    """Return the OpenAPI document of one face."""
    face = face_named(name)
    if face is None or face.document is None:
        raise FaceNotServed
    return answer(face.document(house().settings.base_url, version()))
