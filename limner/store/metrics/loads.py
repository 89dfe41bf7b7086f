"""Clients' loads: how many jobs of each wait and run; read by ``limner top``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from limner.store.connection import guarded

#: how many clients are read in one round trip
STEP = 500


@dataclass(frozen=True, slots=True)
class Load:
    """How many jobs of a client wait, and how many are submitted or drawing."""

    waiting: int
    running: int


class Loads:
    """Reads the loads of any number of clients."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis
        self._prefix = prefix

    @guarded
    def of(self, clients: Sequence[str]) -> dict[str, Load]:
        """Return the load of each of these clients that has any."""
        found: dict[str, Load] = {}
        for start in range(0, len(clients), STEP):
            some = clients[start : start + STEP]
            with self._redis.pipeline(transaction=False) as pipe:
                for client in some:
                    pipe.scard(f"{self._prefix}waits:{client}")
                    pipe.scard(f"{self._prefix}runs:{client}")
                counts = pipe.execute()
            rows = zip(some, counts[::2], counts[1::2], strict=True)
            found |= {name: Load(waits, runs) for name, waits, runs in rows if waits or runs}
        return found
