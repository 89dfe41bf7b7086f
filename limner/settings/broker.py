"""The URL of Redis in two forms: redis-py's, and kombu's for the broker."""

from __future__ import annotations

from limner.settings import Settings, redis_socket
from limner.settings.redis_address import RedisAddress


def redis_address(settings: Settings) -> RedisAddress:
    """Return the address of the configured Redis, or of the data folder's embedded server."""
    return RedisAddress.parse(settings.redis_url or redis_socket.socket_url(settings.data_dir))


def redis_url(settings: Settings) -> str:
    """Return the URL of that server for redis-py."""
    return redis_address(settings).url


def broker_url(settings: Settings) -> str:
    """Return the URL of the same server for kombu: ``redis+socket://`` for a Unix socket."""
    return redis_address(settings).broker_url
