"""How the lanes were in the last hour, minute by minute; noted with each tick, read by ``limner top`` and the console.

Metrics of longer times are for Prometheus: this is for whoever looks at the gateway alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from limner.request import Lane
from limner.store.connection import guarded
from limner.store.scripts import Scripts

#: minutes that are read; twice as many are kept
MINUTES = 60


@dataclass(frozen=True, slots=True)
class Minute:
    """A lane at one moment, about a minute after the one before."""

    at_ms: int
    waiting: int
    #: how long the job at the head of the lane had waited; 0: none waited
    oldest_ms: int
    #: jobs that were given a slot until then, since counting began
    started: int

    @classmethod
    def of(cls, text: str) -> Minute:
        """Parse an entry of ``remember.lua``."""
        return cls(*map(int, text.split()))


class History:
    """Writes and reads the minutes of each lane."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts

    @guarded
    def note(self) -> bool:
        """Note how the lanes are now; False: this minute was noted before."""
        return bool(self._scripts("remember", *(lane.value for lane in Lane)))

    @guarded
    def last_hour(self, now_ms: int) -> Mapping[Lane, Sequence[Minute]]:
        """Return the minutes of the last hour, oldest first."""
        with self._redis.pipeline(transaction=False) as pipe:
            for lane in Lane:
                pipe.lrange(f"{self._prefix}history:{lane.value}", 0, MINUTES - 1)
            rows = pipe.execute()
        return {
            lane: [
                one for one in map(Minute.of, reversed(row)) if 0 <= now_ms - one.at_ms <= 3600_000
            ]
            for lane, row in zip(Lane, rows, strict=True)
        }
