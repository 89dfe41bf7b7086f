"""The spool's accounts: how many bytes of the image store each client's inline pictures take.

``accept`` charges a job's files in the script that stores the job. Once the job has ended they are
*spent*: kept for follow-ups until they expire or the client needs the room. Files that belong to no job
any more are in a list until ``workers/spool.py`` has deleted them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis

from limner.store.connection import guarded
from limner.store.scripts import Scripts

#: sizes are rounded up to whole blocks of the disk
BLOCK_BYTES = 4096
#: most jobs handled by one script: nothing else runs in Redis meanwhile
MEND_STEP = 200
#: how long an unfinished recalculation can be continued
MEND_KEPT_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Charge:
    """What a new job adds to the spool: its files' keys and bytes, and its client's quota."""

    keys: tuple[str, ...] = ()
    size_bytes: int = 0
    quota_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Spooled:
    """The size of one client's inline pictures, bytes."""

    #: those of jobs that have not ended
    live_bytes: int = 0
    #: those of ended jobs: they make room when needed
    spent_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Mended:
    """The result of one step of recalculating an account."""

    #: whether it was the last step
    done: bool
    wrong: int


class Spool:
    """The accounts of all clients."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts

    @guarded
    def has_room(self, client: str, size_bytes: int, quota_bytes: int) -> bool:
        """Return whether a job with so many bytes would fit; only ``accept`` decides."""
        return bool(self._scripts("spool_room", client, size_bytes, quota_bytes))

    @guarded
    def of(self, client: str) -> Spooled:
        """Return the size of one client's inline pictures."""
        names = (f"live|{client}", f"spent|{client}")
        live, spent = self._redis.hmget(self._prefix + "spooled", *names)
        return Spooled(int(live or 0), int(spent or 0))

    @guarded
    def to_drop(self, keep_s: float, most: int) -> list[str]:
        """Write off what ended more than ``keep_s`` seconds ago; return the files to delete."""
        keys: list[str] = self._scripts("spool_tick", round(keep_s * 1000), most)
        return keys

    @guarded
    def dropped(self, keys: Iterable[str]) -> None:
        """Remove these files from the list: they have been deleted."""
        self._redis.zrem(self._prefix + "drops", *keys)

    @guarded
    def missed(self, keys: Iterable[str]) -> None:
        """Move these files to the end of the list: they could not be deleted."""
        self._scripts("spool_missed", *keys)

    @guarded
    def mend_some(self, client: str) -> Mended:
        """Continue to recalculate one client's account from its jobs."""
        done, wrong = self._scripts("spool_mend", client, MEND_STEP, MEND_KEPT_MS)
        return Mended(bool(done), wrong)

    def mend(self, client: str) -> int:
        """Recalculate one client's account from its jobs; return how many entries were wrong.

        Raises:
            StoreDown: Redis is down.
        """
        wrong = 0
        while True:
            step = self.mend_some(client)
            wrong += step.wrong
            if step.done:
                return wrong


def by_client(sums: Mapping[str, str]) -> dict[str, Spooled]:
    """Parse the hash ``spooled``: every client with inline pictures in the store."""
    names = sorted({name.partition("|")[2] for name in sums})
    return {
        name: Spooled(int(sums.get(f"live|{name}", 0)), int(sums.get(f"spent|{name}", 0)))
        for name in names
    }


def in_blocks(size_bytes: int) -> int:
    """Return the size of a file on disk, in whole blocks."""
    return -(-size_bytes // BLOCK_BYTES) * BLOCK_BYTES
