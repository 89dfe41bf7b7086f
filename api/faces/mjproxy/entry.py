"""Who calls, and how fast it wants its drawing: the four ways to send the secret, and the path's prefix."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request

from api.access.guard import admit, caller
from api.asking import lane_for
from limner.request import Lane
from schemas.mjproxy.body import FACE

SECRET = "mj-api-secret"
#: where the prefix ends, all is as under /mj; the name of each one's blueprint says its speed
PREFIXES: Mapping[str, str] = {
    "mjproxy": "/mj",
    "mjproxy_fast": "/mj-fast/mj",
    "mjproxy_turbo": "/mj-turbo/mj",
    "mjproxy_relax": "/mj-relax/mj",
}
_LANES = {"mjproxy_fast": Lane.FAST, "mjproxy_turbo": Lane.FAST, "mjproxy_relax": Lane.RELAXED}
#: what a relay sends as Authorization beside the real secret
_NO_SECRET = "midjourney-proxy"


def let_in() -> None:
    """Identify the caller; for ``before_request``.

    Raises:
        TokenRejected, TokensSlowed, TooFast: as ``admit`` says.
    """
    admit(request.headers.get(SECRET, "").strip() or _authorization())


def _authorization() -> str:
    said = request.headers.get("Authorization", "").strip()
    scheme, _, rest = said.partition(" ")
    secret = rest.strip() if scheme.lower() == "bearer" else said
    return "" if secret == _NO_SECRET else secret


def lane_of(said: Lane | None, parent: Lane | None = None) -> Lane:
    """Return the lane: the path's, else what the body says, else a parent's, else the caller's default."""
    wanted = _LANES.get(request.blueprint or "") or said
    if wanted is None and parent in caller().lanes:
        wanted = parent
    return lane_for(FACE, wanted)
