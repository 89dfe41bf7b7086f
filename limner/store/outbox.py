"""Events to tell: placeholder until the outbox lands."""

from __future__ import annotations

from redis import Redis

from limner.store.scripts import Scripts


class Outbox:
    """What posters ask for."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts) -> None:
        self._redis = redis
        self._prefix = prefix
        self._scripts = scripts
