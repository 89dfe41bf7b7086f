"""What tells that a request was made before: the caller's own key, or a client library's count of its tries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

_DAY_MS = 24 * 3600 * 1000
_HOUR_MS = 3600 * 1000


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's ``Idempotency-Key`` and the hash of the body it came with."""

    key: str
    body_hash: str

    kept_ms: ClassVar[int] = _DAY_MS
    #: as accept.lua takes it
    try_number: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a client library that repeats its requests without a key, and counts how often."""

    body_hash: str
    #: whether it was tried before
    again: bool

    #: libraries try three times by default, and wait ten minutes for each answer
    kept_ms: ClassVar[int] = _HOUR_MS

    @property
    def key(self) -> str:
        """What tells the request from others."""
        return self.body_hash

    @property
    def try_number(self) -> str:
        """As accept.lua takes it."""
        return "again" if self.again else "first"
