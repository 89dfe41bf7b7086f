"""What an answer, or an error of redis-py, says about the server; used by the store's connections."""

from __future__ import annotations

import re
from typing import Any

from redis.exceptions import RedisError

#: the server is none that takes writes: a primary that was demoted, or a replica. Servers before 7.0 put
#: the script's name in front.
_ELSEWHERE = re.compile(r"\b(READONLY|UNBLOCKED|MASTERDOWN)\b")
#: a server that is alive but cannot be written to: its disk is full, its replicas are gone, a script
#: blocks it, it has just become a replica
_REFUSALS = re.compile(r"\b(MISCONF|NOREPLICAS|MASTERDOWN|BUSY|TRYAGAIN|OOM|READONLY|UNBLOCKED)\b")
#: what it may say besides when another server has taken its place
_STRANGERS = re.compile(
    r"\b(NOAUTH|WRONGPASS|NOPERM|LOADING|MOVED|CLUSTERDOWN)\b|no permissions|can't run",
    re.IGNORECASE,
)


def said(error: RedisError) -> str:
    """Return the beginning of what the server said, with the code that redis-py takes away."""
    return f"{getattr(error, 'status_code', None) or ''} {error}"[:300]


def is_no_primary(error: RedisError) -> bool:
    """Return whether only a server says so that is no primary."""
    return bool(_ELSEWHERE.search(said(error)))


def refusal(error: RedisError) -> str | None:
    """Return the code by which a server refuses to write; None: it is another error."""
    match = _REFUSALS.search(said(error))
    return match[1] if match else None


def is_of_the_server(error: RedisError) -> bool:
    """Return whether the error is about the server, and not about our command."""
    return refusal(error) is not None or bool(_STRANGERS.search(said(error)))


def pairs(answer: Any) -> dict[str, Any]:
    """Return an answer of names and values as text → value, by either protocol; nothing if it is none."""
    if isinstance(answer, list):
        answer = dict(zip(answer[::2], answer[1::2], strict=False))
    if not isinstance(answer, dict):
        return {}
    return {_text(name): _text(value) for name, value in answer.items()}


def _text(part: Any) -> Any:
    return part.decode(errors="replace") if isinstance(part, bytes) else part
