"""The living workers, each with its lanes and engines; read by the operators' overview."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redis import Redis

from limner.request import Lane
from limner.store.connection import guarded

#: workers of a lane that are named
NAMED = 50


@dataclass(frozen=True, slots=True)
class WorkerNow:
    """One worker process with a heartbeat within its lease."""

    name: str
    lanes: tuple[Lane, ...]
    engines: tuple[str, ...]


class Crew:
    """Reads the workers."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis
        self._prefix = prefix

    @guarded
    def living(self, now_ms: int) -> tuple[WorkerNow, ...]:
        """Return the workers by name, at most ``NAMED`` of each lane."""
        with self._redis.pipeline(transaction=False) as pipe:
            for lane in Lane:
                key = f"{self._prefix}workers:{lane.value}"
                pipe.zrangebyscore(key, now_ms, "+inf", start=0, num=NAMED)
            of_lane = dict(zip(Lane, map(set, pipe.execute()), strict=True))
            names = sorted(set().union(*of_lane.values()))
            for name in names:
                pipe.hget(f"{self._prefix}worker:{name}", "engines")
            engines = pipe.execute() if names else []
        return tuple(
            WorkerNow(
                name,
                tuple(lane for lane in Lane if name in of_lane[lane]),
                tuple((carried or "").split()),
            )
            for name, carried in zip(names, engines, strict=True)
        )
