"""Which requests wait for a job, over all processes: it is cancelled when the last one hangs up (cancel.lua).

A process that dies leaves its requests here: their jobs are then not cancelled for want of them, and the
record of them expires.
"""

from __future__ import annotations

from typing import Any

from redis import Redis

from limner.store.connection import guarded

#: since a request last said that it waits; each does so within the hour
KEPT_S = 2 * 3600


class Awaited:
    """The requests that wait for each job."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis
        self._prefix = prefix

    @guarded
    def join(self, job_id: str, request: str) -> None:
        """Note that a request waits for a job."""
        key = f"{self._prefix}awaited:{job_id}"
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.sadd(key, request)
            pipe.expire(key, KEPT_S)
            pipe.execute()

    @guarded
    def leave(self, job_id: str, request: str) -> None:
        """Note that it waits no more."""
        self._redis.srem(f"{self._prefix}awaited:{job_id}", request)
