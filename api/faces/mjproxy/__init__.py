"""midjourney-proxy's protocol at ``/mj``, and at its three addresses that name a speed."""

from __future__ import annotations

import re
from http import HTTPStatus

from flask import Response

from api.face import Face, Refusal
from api.faces.mjproxy.routes import blueprints
from api.faces.mjproxy.shown import shown
from limner import errors
from limner.forbidden import WordsForbidden
from schemas.mjproxy.answer import FAILED, FULL, REFUSED, banned_body, refused_body
from schemas.mjproxy.body import FACE as NAME
from schemas.mjproxy.openapi import document

#: what this protocol's servers say with 200 and a code: relays switch a channel off, or try others, for less
_SAID_WITH_A_CODE = (
    errors.InvalidRequest,
    errors.JobNotFound,
    errors.JobConflict,
    errors.ParentGone,
    errors.IdempotencyConflict,
    errors.LaneNotAllowed,
    errors.BudgetSpent,
    errors.InlineFull,
    errors.WaitingFull,
)


def _refuse(why: Refusal) -> Response:
    if isinstance(why.error, WordsForbidden):
        return shown(banned_body(why.message, why.fields, why.error.prompt, why.error.word))
    if isinstance(why.error, _SAID_WITH_A_CODE):
        code = FULL if isinstance(why.error, errors.WaitingFull) else REFUSED
        return shown(refused_body(code, why.message, why.fields))
    later = why.status >= HTTPStatus.INTERNAL_SERVER_ERROR or why.status in (408, 429)
    body = refused_body(FAILED if later else REFUSED, why.message, why.fields)
    return shown(body, why.status)


FACE = Face(
    name=NAME,
    words=("prompt", "prompt"),
    blueprints=blueprints(),
    paths=re.compile(r"/mj(?:-(?:fast|relax|turbo))?(?:/|$)"),
    refuse=_refuse,
    document=document,
    open_to_pages=True,
    names={"callback_url": "notifyHook", "references": "base64Array", "mask": "maskBase64"},
)
