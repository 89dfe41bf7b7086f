"""Where Redis is, in the two spellings: redis-py's, and kombu's for the broker."""

from __future__ import annotations

from limner import embedded
from limner.settings import Settings


def redis_url(settings: Settings) -> str:
    """Return the URL of the operator's Redis, or of the data folder's embedded server."""
    return settings.redis_url or embedded.socket_url(settings.data_dir)


def broker_url(settings: Settings) -> str:
    """Return the same server as kombu spells it: ``redis+socket://`` for a unix socket."""
    url = redis_url(settings)
    if url.startswith("unix://"):
        path, _, database = url.removeprefix("unix://").partition("?db=")
        return f"redis+socket://{path}" + (f"?virtual_host={database}" if database else "")
    return url
