"""Which jobs change, as they change; read by an API process that has waiting callers.

``lib_moves.lua`` publishes them. Redis keeps nothing for a subscriber that is away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import TimeoutError

from limner.errors import StoreDown
from limner.store.connection import guarded

#: how long a reader waits for the next one, seconds
BEAT_S = 1.0
#: for Redis to confirm a subscription
CONFIRM_S = 2.0


class Changed(NamedTuple):
    """A job that has changed."""

    job_id: str
    #: whose it is; "": a former release's script does not say
    client: str


class Changes:
    """Every job's changes."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis
        self._channel = f"{prefix}changed"

    @contextmanager
    def subscribed(self) -> Iterator[Callable[[], Changed | None]]:
        """Yield what returns the next change, or None after ``BEAT_S`` without one.

        Raises:
            StoreDown: Redis cannot be reached, or its ACL does not permit it.
        """
        with self._redis.pubsub() as pubsub:
            guarded(pubsub.subscribe)(self._channel)
            confirmed = guarded(_next)(pubsub, CONFIRM_S)
            if confirmed is None:
                raise StoreDown("Redis does not confirm a subscription")
            yield guarded(lambda: _changed(_next(pubsub, BEAT_S)))


def _next(pubsub: Any, within_s: float) -> Any:
    """Return the next message; None: there was none within ``within_s`` seconds."""
    # Not ``get_message``: it waits by ``select``, which would stop an event loop.
    try:
        read = pubsub.connection.read_response(
            disconnect_on_error=False, push_request=True, timeout=within_s
        )
    except TimeoutError:
        return None
    return pubsub.handle_message(read)


def _changed(message: Any) -> Changed | None:
    if not message or message["type"] != "message":
        return None
    job_id, _, client = str(message["data"]).partition(" ")
    return Changed(job_id, client)
