"""The spool's accounts: how many bytes of the image store each client's inline pictures take.

A job's files are charged by ``accept``, in the script that keeps the job. From its end on they are
*spent*: kept for follow-ups until they are old or the client needs the room. Files that no job has
any more wait in a list until whoever looks after the store (``workers/spool.py``) has deleted them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis

from limner.store.connection import guarded
from limner.store.scripts import Scripts

#: what a file takes at least, and in whole multiples: a block of the disk
BLOCK_BYTES = 4096
#: jobs looked at by one script: nothing else runs in Redis meanwhile
MEND_STEP = 200
#: a reckoning that nobody went on with for so long begins anew
MEND_KEPT_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Charge:
    """What a new job puts into the spool: its files' keys and bytes, and its client's quota."""

    keys: tuple[str, ...] = ()
    size_bytes: int = 0
    quota_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Spooled:
    """Bytes that one client's inline pictures take."""

    #: of jobs that have not ended
    live_bytes: int = 0
    #: of jobs that have: they make room when they are in the way
    spent_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Mended:
    """What one step of reckoning an account found."""

    #: it was the last one
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
        """Return whether a job with so many bytes would be taken; only ``accept`` says for sure."""
        return bool(self._scripts("spool_room", client, size_bytes, quota_bytes))

    @guarded
    def of(self, client: str) -> Spooled:
        """Return what one client's inline pictures take."""
        names = (f"live|{client}", f"spent|{client}")
        live, spent = self._redis.hmget(self._prefix + "spooled", *names)
        return Spooled(int(live or 0), int(spent or 0))

    @guarded
    def to_drop(self, keep_s: float, most: int) -> list[str]:
        """Reckon off what ended more than ``keep_s`` seconds ago; return files to be deleted."""
        keys: list[str] = self._scripts("spool_tick", round(keep_s * 1000), most)
        return keys

    @guarded
    def dropped(self, keys: Iterable[str]) -> None:
        """Say that these files are deleted."""
        self._redis.zrem(self._prefix + "drops", *keys)

    @guarded
    def missed(self, keys: Iterable[str]) -> None:
        """Say that these files could not be deleted: the others come first from now on."""
        self._scripts("spool_missed", *keys)

    @guarded
    def mend_some(self, client: str) -> Mended:
        """Go on reckoning one client's account anew from its jobs."""
        done, wrong = self._scripts("spool_mend", client, MEND_STEP, MEND_KEPT_MS)
        return Mended(bool(done), wrong)

    def mend(self, client: str) -> int:
        """Reckon one client's account anew from its jobs; return how much of it was wrong.

        Raises:
            StoreDown: Redis is away.
        """
        wrong = 0
        while True:
            step = self.mend_some(client)
            wrong += step.wrong
            if step.done:
                return wrong


def by_client(sums: Mapping[str, str]) -> dict[str, Spooled]:
    """Read the hash ``spooled``: every client that has inline pictures in the store."""
    names = sorted({name.partition("|")[2] for name in sums})
    return {
        name: Spooled(int(sums.get(f"live|{name}", 0)), int(sums.get(f"spent|{name}", 0)))
        for name in names
    }


def in_blocks(size_bytes: int) -> int:
    """Return what a file of so many bytes takes on a disk."""
    return -(-size_bytes // BLOCK_BYTES) * BLOCK_BYTES
