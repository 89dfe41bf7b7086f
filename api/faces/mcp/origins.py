"""Which web pages may call the endpoint: the protocol asks servers to check.

So no page whose host's name was rebound reaches a gateway on its visitor's machine.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request

from api.house import house
from limner.errors import NotForStrangers
from schemas.mcp.arguments import FACE

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def check() -> None:
    """Return if no page sent the request, or one of this gateway's origin, of this machine, or of the settings.

    Raises:
        NotForStrangers: another page sent it.
    """
    origin = request.headers.get("Origin", "").strip()
    if not origin or _known(origin):
        return
    raise NotForStrangers(
        "Pages of this origin may not call the endpoint: name it in limner.toml, [faces.mcp] origins."
    )


def _known(origin: str) -> bool:
    settings = house().settings
    base = urlsplit(settings.base_url)
    if origin in (f"{base.scheme}://{base.netloc}", *settings.face(FACE).origins):
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.hostname in _LOOPBACK
