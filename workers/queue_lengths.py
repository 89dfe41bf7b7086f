"""Flower's look at the queues, at the address that every other process has; ``workers/flower.py`` installs it.

Flower asks Redis for the lengths of queues by a client of its own, which knows no user or database
of a socket and takes no option of TLS from an address.
"""

from __future__ import annotations

from typing import Any

from flower.utils import broker

from limner.broker import redis_url
from limner.settings import Settings


class QueueLengths(broker.RedisBase):  # type: ignore[misc]
    """Reads the lengths of queues, whatever form the broker's URL has."""

    def __init__(self, broker_url: str, *args: Any, **options: Any) -> None:
        super().__init__(broker_url, *args, **options)
        self.redis = broker.redis.Redis.from_url(
            redis_url(Settings.load()),
            socket_connect_timeout=self.socket_connect_timeout,
            socket_timeout=self.socket_timeout,
            retry=broker.Retry(broker.NoBackoff(), 0),
        )


def install() -> None:
    """Have Flower read them so."""
    for kind in ("Redis", "RedisSsl", "RedisSocket"):
        setattr(broker, kind, QueueLengths)
