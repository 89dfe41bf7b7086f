"""Ask Sentinels where the primary is; used by ``limner/store/primary.py`` and ``limner/store/lookout.py``."""

from __future__ import annotations

import math
import time
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, ConnectionError, ResponseError, TimeoutError
from redis.retry import Retry

from limner.settings.redis_address import RedisAddress
from limner.store.answers import pairs

#: host and port
Place = tuple[str, int]
#: for each Sentinel to connect, and to answer
ANSWER_S = 1.0
#: so long nobody waits for a Sentinel that was silent, if another one answers
AGAIN_S = 5.0


class Sentinels:
    """The Sentinels of one address. For one thread at a time."""

    def __init__(
        self, address: RedisAddress, silent: dict[Place, float], most_s: float = math.inf
    ) -> None:
        """Ask nobody yet.

        ``silent``: since when which Sentinel is, for all who ask in this process. ``most_s``: for all
        of them to answer, seconds.
        """
        self._address = address
        self._silent = silent
        self._most_s = most_s
        self._clients: dict[Place, Any] = {}

    def ask(self) -> Place:
        """Return where the primary is, by the Sentinel that knows the latest failover.

        They learn of one from each other, which takes seconds; a former primary that came back meanwhile
        still says that it is one. So all are asked, and whoever was silent comes last.

        Raises:
            ConnectionError: none knows; ``limner.store.connection`` explains the reasons.
        """
        why, latest, place = "no Sentinel answers", -1, None
        over, ends = time.monotonic() + self._most_s, math.inf
        silent = dict(self._silent)
        each = sorted(self._address.sentinels, key=lambda one: silent.get(one, -math.inf))
        for number, one in enumerate(each):
            now = time.monotonic()
            if now >= over or now > ends:
                break
            if place and silent.get(one, -math.inf) + AGAIN_S > now:
                continue
            # None may use up what the others need.
            answer_s = min(ANSWER_S, (over - now) / (len(each) - number))
            try:
                where, state = self._asked(one, answer_s)
            except (AuthenticationError, ResponseError) as error:
                why = f"a Sentinel says: {error}"
                continue
            except TimeoutError:
                self._silent[one] = time.monotonic()
                continue
            except ConnectionError:
                continue
            self._silent.pop(one, None)
            ends = min(ends, time.monotonic() + ANSWER_S)
            if where is None:
                why = "no Sentinel watches servers of this name"
            elif isinstance(where, Exception):
                why = f"a Sentinel says: {where}"
            elif (epoch := _epoch(state)) > latest:
                latest, place = epoch, (str(where[0]), int(where[1]))
        if place is None:
            raise ConnectionError(why)
        return place

    def _asked(self, one: Place, answer_s: float) -> tuple[Any, Any]:
        """Return what one says: where the primary is, and its state; or the errors in their place."""
        if not (client := self._clients.get(one)):
            client = self._clients[one] = self._client(one, answer_s)
        with client.pipeline(transaction=False) as asked:
            # Without redis-py's parsers of the answers, which fail at what they do not expect.
            asked.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._address.master)
            asked.execute_command("SENTINEL", "MASTER", self._address.master)
            where, state = asked.execute(raise_on_error=False)
        return where, state

    def _client(self, one: Place, answer_s: float) -> Any:
        address = self._address
        options: dict[str, Any] = dict(address.tls or {})
        if address.tls is not None:
            options["ssl"] = True
        host, port = one
        return Redis(
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

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()


def _epoch(state: Any) -> int:
    """Return the number of the failover that a Sentinel knows as the last."""
    known = pairs(state).get("config-epoch", "")
    return int(known) if str(known).isdigit() else 0
