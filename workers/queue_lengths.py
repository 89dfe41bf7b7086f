"""Let Flower read queue lengths from the broker that every other process uses; for ``workers/flower.py``.

Flower asks Redis for queue lengths through a client of its own, which supports neither a user or
database with a Unix socket nor TLS options in a URL.
"""

from __future__ import annotations

from typing import Any

from flower.utils import broker

from limner.settings import Settings
from limner.settings.broker import redis_url


class QueueLengths(broker.RedisBase):  # type: ignore[misc]
    """Reads queue lengths, whatever form the broker's URL has."""

    def __init__(self, broker_url: str, *args: Any, **options: Any) -> None:
        super().__init__(broker_url, *args, **options)
        self.redis = broker.redis.Redis.from_url(
            redis_url(Settings.load()),
            socket_connect_timeout=self.socket_connect_timeout,
            socket_timeout=self.socket_timeout,
            retry=broker.Retry(broker.NoBackoff(), 0),
        )


def install() -> None:
    """Make Flower use this class."""
    for kind in ("Redis", "RedisSsl", "RedisSocket"):
        setattr(broker, kind, QueueLengths)
