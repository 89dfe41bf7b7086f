"""The model that a client chose for its next drawings, where its protocol keeps the choice at the server.

One a client, as the program that the protocol comes from has one for all: the last choice counts.
"""

from __future__ import annotations

from typing import Any

from redis import Redis

from limner.store.connection import guarded

#: from the choice on; a client that comes back later chooses again
KEPT_S = 90 * 86_400


class Chosen:
    """Each client's choice, by face."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis
        self._prefix = prefix

    @guarded
    def choose(self, face: str, client: str, model: str) -> None:
        """Keep a choice."""
        self._redis.set(self._key(face, client), model, ex=KEPT_S)

    @guarded
    def model(self, face: str, client: str) -> str | None:
        """Return the choice, if there is one."""
        found: str | None = self._redis.get(self._key(face, client))
        return found

    def _key(self, face: str, client: str) -> str:
        return f"{self._prefix}chosen:{face}:{client}"
