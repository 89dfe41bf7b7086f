"""Sign callbacks, and verify them as a receiver would, by Standard Webhooks 1.0.

The dispatcher signs; ``limner callbacks try`` and the tests verify. Times are whole seconds since 1970,
and bodies are bytes: what is signed is what is sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping

SECRET_PREFIX = "whsec_"
#: how far a receiver lets a timestamp differ from its own clock
TOLERANCE_S = 300


def sign(message_id: str, at_s: int, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """Return the three headers of a signed callback, with one signature per secret.

    Raises:
        ValueError: a secret is not ``whsec_`` and base64.
    """
    content = f"{message_id}.{at_s}.".encode() + body
    signatures = (_signature(_key(secret), content) for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(signatures),
    }


def verify(
    headers: Mapping[str, str],
    body: bytes,
    secret: str,
    now_s: float,
    tolerance_s: int = TOLERANCE_S,
) -> bool:
    """Return whether the headers (names in lower case) are a valid signature of this body now."""
    try:
        at_s = int(headers["webhook-timestamp"])
        message_id, signatures = headers["webhook-id"], headers["webhook-signature"]
    except (KeyError, ValueError):
        return False
    if abs(now_s - at_s) > tolerance_s:
        return False
    ours = _signature(_key(secret), f"{message_id}.{at_s}.".encode() + body).encode()
    return any(hmac.compare_digest(ours, theirs.encode()) for theirs in signatures.split())


def _signature(key: bytes, content: bytes) -> str:
    digest = hmac.digest(key, content, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a secret must be whsec_ and base64") from error
