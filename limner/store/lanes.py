"""Slots, leases, recovery: placeholder until the lanes land."""

from __future__ import annotations

from redis import Redis

from limner.store.scripts import Scripts


class Lanes:
    """What workers ask for."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts) -> None:
        self._redis = redis
        self._prefix = prefix
        self._scripts = scripts
