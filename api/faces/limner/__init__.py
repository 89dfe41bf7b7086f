"""The gateway's own protocol."""

from __future__ import annotations

import re

from flask import Response

from api.face import Face, Refusal
from api.faces.limner.callbacks import callbacks
from api.faces.limner.draw import draw
from api.faces.limner.follow import follow
from api.faces.limner.jobs import jobs
from api.faces.limner.live import live
from api.refusal import refusal
from limner.faces import LIMNER
from schemas.limner.openapi import document


def _refuse(why: Refusal) -> Response:
    return refusal(why.status, why.code, why.message, why.fields)


FACE = Face(
    name=LIMNER,
    blueprints=(draw, follow, jobs, live, callbacks),
    paths=re.compile(r"/draw(/|$)"),
    refuse=_refuse,
    document=document,
)
