"""The Stable Diffusion web UI's API at ``/sdapi/v1``: the part of it that Open WebUI and SillyTavern use."""

from __future__ import annotations

import re

from flask import Response

from api.answer import answer
from api.face import Face, Refusal
from api.faces.sdapi.drawing import drawing
from api.faces.sdapi.looking import looking
from schemas.sdapi.answer import error_body
from schemas.sdapi.asked import FACE as NAME
from schemas.sdapi.openapi import document


def _refuse(why: Refusal) -> Response:
    kind = "HTTPException" if why.status < 500 else "RuntimeError"
    return answer(error_body(kind, why.message, why.fields), why.status)


FACE = Face(
    name=NAME,
    words=("prompt", "negative_prompt"),
    blueprints=(drawing, looking),
    paths=re.compile(r"/(?:sdapi|internal)(?:/|$)"),
    refuse=_refuse,
    document=document,
    open_to_pages=True,
    names={"references": "init_images"},
)
