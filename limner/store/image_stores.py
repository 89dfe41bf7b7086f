"""Which image store the gateway has, and which one each running process uses.

Hosts that do not share one would lose pictures without a word: what one stores, the other does not find. So each
store has an identity (``limner/pictures``), every process that has it in use says so again and again, and all read here
whether they agree. Keys: see ``limner/store/image_store.lua``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis

from limner.store.connection import guarded
from limner.store.scripts import Clock, Scripts

#: how long what a process says counts; it is said again every ten seconds
FRESH_MS = 60_000
#: of a host's name and of a path
TEXT_MAX = 300


@dataclass(frozen=True, slots=True)
class StoreUse:
    """An image store in use by a process."""

    identity: str
    host: str
    #: its path or URL there, for operators
    place: str
    #: what is free on a folder's disk
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class StoresInUse:
    """The gateway's image store, by its identity, and all that are in use now."""

    #: None: none was ever used
    identity: str | None = None
    uses: tuple[StoreUse, ...] = ()

    def free_bytes(self) -> dict[str, int]:
        """Return what is free on the disk of each host's image folder; least, of processes that differ."""
        free: dict[str, int] = {}
        for use in self.uses:
            if use.free_bytes is not None:
                free[use.host] = min(use.free_bytes, free.get(use.host, use.free_bytes))
        return free

    def strangers_to(self, identity: str | None) -> tuple[StoreUse, ...]:
        """Return the uses of other stores than that one."""
        return tuple(use for use in self.uses if use.identity != identity)


class ImageStores:
    """What processes say of their image stores."""

    def __init__(
        self, redis: Redis, prefix: str, scripts: Scripts, clock: Clock | None = None
    ) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts
        self._clock = clock

    @guarded
    def tell(self, process: str, use: StoreUse) -> str:
        """Say what a process uses, for a minute; return the identity of the gateway's store.

        The first one ever told becomes that.
        """
        told = [use.identity, use.host[:TEXT_MAX], use.place[:TEXT_MAX], use.free_bytes]
        return str(self._scripts("image_store", process, json.dumps(told), use.identity, FRESH_MS))

    @guarded
    def leave(self, process: str) -> None:
        """Forget what a process that ends has used."""
        self._scripts("image_store", process, "", "", FRESH_MS)

    @guarded
    def adopt(self, identity: str) -> None:
        """Make the store of that identity the gateway's."""
        self._redis.set(self._prefix + "image_store", identity)

    @guarded
    def measured(self, sizes_bytes: Mapping[str, int], deleted_bytes: int) -> None:
        """Note how much the store has of each kind (empty: it is not known), and how much was deleted as too much."""
        with self._redis.pipeline(transaction=True) as pipe:
            if sizes_bytes:
                pipe.hset(self._prefix + "image_sizes", mapping=dict(sizes_bytes))
            if deleted_bytes:
                pipe.hincrby(self._prefix + "numbers", "pictures_deleted", deleted_bytes)
            pipe.execute()

    @guarded
    def sizes_bytes(self) -> dict[str, int]:
        """Return how much the store had of each kind when it was last measured; nothing if it never was."""
        found = self._redis.hgetall(self._prefix + "image_sizes")
        return {kind: int(size) for kind, size in found.items()}

    @guarded
    def read(self) -> StoresInUse:
        """Return the gateway's store and those in use."""
        seconds, micros = self._redis.time()
        now_ms = self._clock() if self._clock else seconds * 1000 + micros // 1000
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(self._prefix + "image_store")
            pipe.zrangebyscore(self._prefix + "image_stores_seen", now_ms - FRESH_MS, "+inf")
            pipe.hgetall(self._prefix + "image_stores")
            identity, fresh, told = pipe.execute()
        return StoresInUse(identity, tuple(_uses(fresh, told)))


def _uses(fresh: list[str], told: Mapping[str, str]) -> Iterator[StoreUse]:
    for process in fresh:
        try:
            identity, host, place, free_bytes = json.loads(told[process])
        except (KeyError, ValueError):
            continue  # not as this release writes it
        yield StoreUse(identity, host, place, free_bytes)
