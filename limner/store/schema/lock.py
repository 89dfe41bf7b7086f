"""The lock under which one process alone brings the data to another schema; used by ``Schema``.

It is a lease: whoever holds it renews it as it works, and when it dies, another begins where the mark stands.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

from redis.exceptions import RedisError

from limner.errors import StaleLease
from limner.ids import new_id
from limner.store.schema.steps import SchemaStep
from limner.store.scripts import Scripts
from limner.version import version


@dataclass(frozen=True, slots=True)
class SchemaMark:
    """What the data say of themselves; without a mark, what is true of those that Limner 0.1.0 left."""

    schema: int = 1
    readable_from: int = 1
    #: the release that wrote the mark; "" if none did
    limner: str = ""
    at_ms: int | None = None

    @classmethod
    def of(
        cls, schema: str | None, readable_from: str | None, limner: str | None, at_ms: str | None
    ) -> Self:
        """Return the mark of these fields as they are stored."""
        if not schema:
            return cls()
        at = int(at_ms) if at_ms else None
        return cls(int(schema), int(readable_from or schema), limner or "", at)


class Way(StrEnum):
    """Which way the data are brought."""

    FORWARD = "forward"
    BACK = "back"


class LockState(StrEnum):
    """What came of asking for the lock."""

    #: nothing is left to do
    THERE = "there"
    TAKEN = "taken"
    #: another process has it
    BUSY = "busy"


class Lock:
    """The lock of one process. The end of the ``with`` block lets go of it."""

    def __init__(self, scripts: Scripts, lock_s: float) -> None:
        self._scripts = scripts
        self._lock_ms = round(lock_s * 1000)
        self._token = new_id()
        self._held = False

    def take(self, schema: int, way: Way) -> tuple[LockState, SchemaMark, bool]:
        """Take it if the data have to be brought to ``schema``; return also their mark, and whether they were used."""
        what, *fields, used = self._scripts(
            "schema_begin", schema, way.value, self._token, self._lock_ms
        )
        self._held = what == LockState.TAKEN
        return LockState(what), SchemaMark.of(*fields), bool(used)

    def go_on(self) -> None:
        """Keep it for as long again.

        Raises:
            StaleLease: it expired, and another process has it.
        """
        self._hold(self._lock_ms)

    def reach(self, step: SchemaStep) -> None:
        """Mark the data as being of this step's schema, and keep the lock.

        Raises:
            StaleLease: it expired, and another process has it.
        """
        self._hold(self._lock_ms, step.schema, step.readable_from, version())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        if self._held:
            # Else it expires by itself.
            with contextlib.suppress(StaleLease, RedisError):
                self._hold(0)

    def _hold(self, last_ms: int, *mark: str | int) -> None:
        if not self._scripts("schema_hold", self._token, last_ms, *(mark or ("", "", ""))):
            raise StaleLease
