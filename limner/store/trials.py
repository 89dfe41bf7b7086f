"""Test events on their way: asked for by clients in the API, posted where callbacks are posted, answered.

A test that nobody takes up is forgotten after ``ASKED_MS``. A client has one at a time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis

from limner.compact_json import compact_json
from limner.store.connection import guarded

#: longer than a test may take
ASKED_MS = 30_000
#: for whoever asked to fetch the answer
ANSWERED_MS = 60_000
#: on their way, of all clients
TRIALS_MOST = 1000


@dataclass(frozen=True, slots=True)
class Trial:
    """One test event to be posted."""

    id: str
    client: str
    url: str


class Trials:
    """The test events of all clients."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis
        self._prefix = prefix

    @guarded
    def ask(self, trial: Trial) -> bool:
        """Have a test event posted; False: the client's last one is on its way still."""
        ours = self._redis.set(self._asked(trial.client), trial.id, nx=True, px=ASKED_MS)
        if not ours:
            return False
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.rpush(self._prefix + "trials", _written(trial))
            pipe.ltrim(self._prefix + "trials", -TRIALS_MOST, -1)
            pipe.execute()
        return True

    @guarded
    def take(self, timeout_s: float) -> Trial | None:
        """Return the next one, or None after so many seconds. It is the taker's alone."""
        found = self._redis.blpop([self._prefix + "trials"], timeout_s)
        return Trial(*json.loads(found[1])) if found else None

    @guarded
    def give_back(self, trial: Trial) -> None:
        """Leave one that was taken to another taker, before all others."""
        self._redis.lpush(self._prefix + "trials", _written(trial))

    @guarded
    def awaited(self, trial: Trial) -> bool:
        """Whether somebody waits for it still."""
        return bool(self._redis.get(self._asked(trial.client)) == trial.id)

    @guarded
    def answer(self, trial: Trial, outcome: Mapping[str, Any]) -> None:
        """Tell whoever asked."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(f"{self._prefix}trial:{trial.id}", compact_json(outcome), px=ANSWERED_MS)
            pipe.delete(self._asked(trial.client))
            pipe.execute()

    @guarded
    def answered(self, trial_id: str) -> dict[str, Any] | None:
        """Return the outcome; None: not yet."""
        text = self._redis.get(f"{self._prefix}trial:{trial_id}")
        return None if text is None else dict(json.loads(text))

    def _asked(self, client: str) -> str:
        return f"{self._prefix}trying:{client}"


def _written(trial: Trial) -> str:
    return compact_json([trial.id, trial.client, trial.url])
