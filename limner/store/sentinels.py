"""Ask Sentinels where the primary is; used by ``limner/store/primary.py`` and ``limner/store/lookout.py``."""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, ConnectionError, ResponseError, TimeoutError
from redis.retry import Retry

from limner.settings.redis_address import RedisAddress

#: host and port
Place = tuple[str, int]
#: for each Sentinel to connect, and to answer
ANSWER_S = 1.0


class Sentinels:
    """The Sentinels of one address. For one thread at a time."""

    def __init__(self, address: RedisAddress, answer_s: float = ANSWER_S) -> None:
        self._master = address.master
        options: dict[str, Any] = dict(address.tls or {})
        if address.tls is not None:
            options["ssl"] = True
        self._each: list[Any] = [
            Redis(
                host=host,
                port=port,
                username=address.sentinel_username,
                password=address.sentinel_password,
                socket_timeout=answer_s,
                socket_connect_timeout=answer_s,
                decode_responses=True,
                retry=Retry(NoBackoff(), 0),
                **options,
            )
            for host, port in address.sentinels
        ]

    def ask(self) -> Place:
        """Return where the primary is, by the first Sentinel that knows.

        Raises:
            ConnectionError: none knows; ``limner.store.connection`` explains the reasons.
        """
        why = "no Sentinel answers"
        for sentinel in list(self._each):
            try:
                place = sentinel.sentinel_get_master_addr_by_name(self._master)
            except (AuthenticationError, ResponseError) as error:
                why = f"a Sentinel says: {error}"
            except (ConnectionError, TimeoutError):
                pass
            else:
                if place:
                    # The next question begins with one that answers.
                    self._each.remove(sentinel)
                    self._each.insert(0, sentinel)
                    return str(place[0]), int(place[1])
                why = "no Sentinel watches servers of this name"
        raise ConnectionError(why)

    def close(self) -> None:
        """Close every connection."""
        for sentinel in self._each:
            sentinel.close()
