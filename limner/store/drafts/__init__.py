"""Keep drafts of follow-ups until they are submitted; called by the faces whose buttons open a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis import Redis

from limner.draft import Draft
from limner.store.connection import guarded
from limner.store.scripts import Scripts

#: of one client; the oldest goes first
DRAFTS_MOST = 200
DRAFT_KEPT_MS = 24 * 3600 * 1000


class Drafts:
    """The drafts of all clients."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts

    @guarded
    def keep(self, client: str, draft: Draft) -> None:
        """Store a draft for a day, or until the client has ``DRAFTS_MOST`` newer ones."""
        self._scripts("keep_draft", client, draft.id, draft.to_json(), DRAFTS_MOST, DRAFT_KEPT_MS)

    @guarded
    def find(self, client: str, ids: Sequence[str]) -> dict[str, Draft]:
        """Return those of these drafts that the client has, by their ids."""
        if not ids:
            return {}
        texts = self._redis.hmget(f"{self._prefix}draft:{client}", ids)
        return {
            draft_id: Draft.from_json(draft_id, text)
            for draft_id, text in zip(ids, texts, strict=True)
            if text
        }

    @guarded
    def drop(self, client: str, draft_id: str) -> None:
        """Forget a draft."""
        with self._redis.pipeline() as pipe:
            pipe.hdel(f"{self._prefix}draft:{client}", draft_id)
            pipe.zrem(f"{self._prefix}drafts:{client}", draft_id)
            pipe.execute()
