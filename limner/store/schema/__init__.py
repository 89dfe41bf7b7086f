"""Which schema the data in Redis have: brought to this Limner's at every start, or refused if they are newer.

The data carry a mark. A newer Limner brings older data to its own schema, step by step, one process at a time; an
older one goes on beside it for as long as the mark says that it may. Called at the start of each process, before
it draws or answers, with each tick, and by the commands.
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Sequence
from typing import Any

from redis import Redis

from limner.errors import StaleLease, StoreUnfit
from limner.log import event
from limner.store.connection import guarded
from limner.store.schema.lock import Lock, LockState, SchemaMark, Way
from limner.store.schema.steps import LOCK_S, STEPS, Hand, SchemaStep
from limner.store.scripts import Scripts
from limner.version import version

log = logging.getLogger(__name__)

#: how often a process that waits for another's migration looks
LOOK_S = 0.2


class Schema:
    """The mark of the data, and the way from one schema to another."""

    def __init__(
        self,
        redis: Redis,
        prefix: str,
        scripts: Scripts,
        steps: Sequence[SchemaStep] = STEPS,
        lock_s: float = LOCK_S,
    ) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts
        self._lock_s = lock_s
        self.steps = tuple(steps)
        #: this Limner's
        self.ours = self.steps[-1].schema

    @guarded
    def mark(self) -> tuple[SchemaMark, bool]:
        """Return what the data say of themselves, and whether a process migrates them now.

        Raises:
            StoreDown: Redis cannot be reached.
        """
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(self._prefix + "schema", "version", "readable_from", "limner", "at")
            pipe.exists(self._prefix + "schema_lock")
            fields, busy = pipe.execute()
        return SchemaMark.of(*fields), bool(busy)

    def check(self) -> None:
        """Return if this Limner may use the data as they are.

        Raises:
            StoreUnfit: they are of a newer one.
            StoreDown: Redis cannot be reached.
        """
        self._refuse_newer(self.mark()[0])

    def settle(self, wait_s: float = math.inf) -> None:
        """Bring the data to this Limner's schema if they are of an older one, once over all processes.

        ``wait_s``: how long to wait while another does it.

        Raises:
            StoreUnfit: they are of a newer Limner; or another migrates them for longer than we wait.
            StoreDown: Redis cannot be reached.
        """
        self._bring(self.ours, Way.FORWARD, wait_s)

    def back(self, schema: int) -> SchemaMark:
        """Take the data back to an older schema, for the Limner that has it; return what they were.

        Raises:
            StoreUnfit: they are of a newer Limner than this, which alone knows the way.
            StoreDown: Redis cannot be reached.
        """
        return self._bring(schema, Way.BACK, math.inf)

    @guarded
    def _bring(self, schema: int, way: Way, wait_s: float) -> SchemaMark:
        waited = False
        until_s = time.monotonic() + wait_s
        while True:
            # Whoever lost the lock begins again behind the one that has it now.
            with contextlib.suppress(StaleLease), Lock(self._scripts, self._lock_s) as lock:
                taken, mark, used = lock.take(schema, way)
                self._refuse_newer(mark)
                if way is Way.BACK and mark.schema > self.ours:
                    raise StoreUnfit(
                        f"the data are of schema {mark.schema}: only Limner {mark.limner} knows the way back from it"
                    )
                if taken is LockState.TAKEN:
                    self._walk(lock, mark, schema, tell=used)
                if taken is not LockState.BUSY:
                    return mark
            if time.monotonic() >= until_s:
                raise StoreUnfit(
                    "another process migrates the data in Redis: wait until it has done so"
                )
            # What waits for a moment only may be one of many.
            if not waited and wait_s == math.inf:
                event(log, "migration.awaited", schema=schema)
                waited = True
            time.sleep(LOOK_S)

    def _walk(self, lock: Lock, mark: SchemaMark, schema: int, *, tell: bool) -> None:
        """Go from the schema that the data have to another; ``tell``: there is something to bring."""
        hand = Hand(self._redis, self._prefix, self._scripts, lock.go_on)
        if tell:
            event(log, "migration.begun", before=mark.schema, schema=schema)
        for step in self.steps[mark.schema : schema]:
            step.forward(hand)
            lock.reach(step)
        for step in reversed(self.steps[schema : mark.schema]):
            step.back(hand)
            lock.reach(self.steps[step.schema - 2])
        if tell:
            event(log, "data.migrated", before=mark.schema, schema=schema)

    def _refuse_newer(self, mark: SchemaMark) -> None:
        if mark.readable_from > self.ours:
            raise StoreUnfit(
                f"Redis holds data of Limner {mark.limner} (schema {mark.schema}), which only a Limner of schema "
                f"{mark.readable_from} or newer can use; this one, {version()}, is of schema {self.ours}: upgrade "
                "it, or take the data back first with that one's `limner schema back`"
            )
