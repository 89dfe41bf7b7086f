"""Ask Sentinels where the primary is; used by ``limner/store/primary.py`` and ``limner/store/lookout.py``."""

from __future__ import annotations

import time
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
        self._answer_s = answer_s
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
        """Return where the primary is, by the Sentinel that knows the latest failover.

        They learn of one from each other, which takes seconds; a former primary that came back meanwhile
        still says that it is one.

        Raises:
            ConnectionError: none knows; ``limner.store.connection`` explains the reasons.
        """
        why, latest, place = "no Sentinel answers", -1, None
        ends = time.monotonic() + self._answer_s
        for sentinel in list(self._each):
            if place and time.monotonic() > ends:
                break
            with sentinel.pipeline(transaction=False) as asked:
                asked.sentinel_get_master_addr_by_name(self._master).sentinel_master(self._master)
                try:
                    where, state = asked.execute(raise_on_error=False)
                except (AuthenticationError, ResponseError) as error:
                    why = f"a Sentinel says: {error}"
                    continue
                except (ConnectionError, TimeoutError):
                    # Whoever answers is asked before it the next time.
                    self._each.remove(sentinel)
                    self._each.append(sentinel)
                    continue
            if where is None:
                why = "no Sentinel watches servers of this name"
            elif isinstance(where, Exception):
                why = f"a Sentinel says: {where}"
            elif (epoch := _epoch(state)) > latest:
                latest, place = epoch, (str(where[0]), int(where[1]))
        if place is None:
            raise ConnectionError(why)
        return place

    def close(self) -> None:
        """Close every connection."""
        for sentinel in self._each:
            sentinel.close()


def _epoch(state: Any) -> int:
    """Return the number of the failover that a Sentinel knows as the last."""
    return int(state.get("config-epoch", 0)) if isinstance(state, dict) else 0
