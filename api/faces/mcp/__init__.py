"""The Model Context Protocol: agents call the gateway's tools at ``POST /mcp``.

By hand, on the types of no library: the official server needs an event loop of its own (asyncio, ASGI), and what
the stateless revision asks of a server is one view.
"""

from __future__ import annotations

import re

from flask import Response

from api.answer import answer
from api.face import Face, Refusal
from api.faces.mcp.endpoint import mcp
from limner.errors import NotJson
from schemas.mcp.arguments import FACE as NAME
from schemas.mcp.messages import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    PARSE_ERROR,
    RpcError,
    error_body,
)


def _refuse(why: Refusal) -> Response:
    code = INTERNAL_ERROR if why.status >= 500 else INVALID_REQUEST
    if isinstance(why.error, NotJson):
        code = PARSE_ERROR
    error = RpcError(code, why.message, {"errors": why.fields} if why.fields else None)
    return answer(error_body(None, error), why.status)


FACE = Face(
    name=NAME,
    words=("prompt", "negative"),
    blueprints=(mcp,),
    paths=re.compile(r"/mcp(/|$)"),
    refuse=_refuse,
    open_to_pages=True,
    names={"references": "images"},
)
