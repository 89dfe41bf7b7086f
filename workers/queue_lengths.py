"""Let Flower read queue lengths from the broker that every other process uses; for ``workers/flower.py``.

Flower asks Redis for queue lengths through a client of its own, which supports neither a user or
database with a Unix socket, nor TLS options in a URL, nor a list of Sentinels.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from flower.utils import broker

from limner.settings import Settings
from limner.settings.broker import redis_address
from limner.store.lookout import primary_of


class QueueLengths(broker.RedisBase):  # type: ignore[misc]
    """Reads queue lengths, whatever form the broker's URL has."""

    async def queues(self, names: Iterable[str]) -> Any:
        """Return the length of each queue."""
        address = redis_address(Settings.load())
        # Sentinels are asked at the first time, and after a failover: Flower's loop goes on meanwhile.
        place = await asyncio.to_thread(primary_of(address).place)
        self.redis = broker.redis.Redis.from_url(
            (address.at(*place) if place else address).url,
            socket_connect_timeout=self.socket_connect_timeout,
            socket_timeout=self.socket_timeout,
            retry=broker.Retry(broker.NoBackoff(), 0),
        )
        return await super().queues(names)


def install() -> None:
    """Make Flower use this class."""
    broker.Broker.__new__ = lambda _kind, *args, **options: QueueLengths(*args, **options)
