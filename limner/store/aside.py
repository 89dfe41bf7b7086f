"""Foreign messages found on the broker's queues, stored for operators to read.

Written by the workers (``workers/vetting.py``), and read by ``limner messages``. The list is limited in
number, length and time; the total is one of the metrics.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis import Redis

from limner.store.connection import guarded
from limner.store.scripts import Scripts

KEPT_MAX = 200
KEPT_S = 7 * 86_400.0
#: how much of each message is stored, bytes
TEXT_MAX = 2048
#: how often messages of one queue and reason are logged
LOG_EVERY_S = 60.0


class Why(StrEnum):
    """Why a message is foreign."""

    TOO_LARGE = "too_large"
    NO_MESSAGE = "no_message"
    UNKNOWN_TASK = "unknown_task"
    OTHER_QUEUE = "other_queue"
    BAD_ARGUMENTS = "bad_arguments"
    BAD_OPTIONS = "bad_options"


#: for operators, one line each
ABOUT = {
    Why.TOO_LARGE: "larger than any message of ours",
    Why.NO_MESSAGE: "not a message as Celery writes it",
    Why.UNKNOWN_TASK: "for a task that Limner does not have",
    Why.OTHER_QUEUE: "for a task that belongs on another queue",
    Why.BAD_ARGUMENTS: "with arguments that the task does not take",
    Why.BAD_OPTIONS: "with an ETA, an expiry, links or limits, which Limner's tasks do not have",
}


@dataclass(frozen=True, slots=True)
class Stranger:
    """One message that was set aside."""

    at_ms: int
    queue: str
    why: str
    #: its total length; ``text`` is the beginning
    size_bytes: int
    text: str


class Aside:
    """The messages that were set aside."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts

    @guarded
    def put(self, queue: str, why: Why, message: bytes) -> int:
        """Set a message aside; return how many like it to log now, or 0."""
        entry = {
            "queue": queue,
            "why": why.value,
            "bytes": len(message),
            "text": message[:TEXT_MAX].decode("utf-8", "backslashreplace"),
        }
        return int(
            self._scripts(
                "set_aside",
                queue,
                why.value,
                json.dumps(entry),
                KEPT_MAX,
                round(KEPT_S * 1000),
                round(LOG_EVERY_S * 1000),
            )
        )

    @guarded
    def list(self, most: int) -> list[Stranger]:
        """Return the newest ``most`` messages, newest first."""
        return [_read(row) for row in self._redis.lrange(self._prefix + "aside", 0, most - 1)]

    @guarded
    def drop(self) -> int:
        """Delete them all, and clear the warning; return how many there were."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.llen(self._prefix + "aside")
            pipe.delete(self._prefix + "aside", self._prefix + "aside_last")
            return int(pipe.execute()[0])


def _read(row: str) -> Stranger:
    at_ms, _, text = row.partition(" ")
    entry = json.loads(text)
    return Stranger(int(at_ms), entry["queue"], entry["why"], entry["bytes"], entry["text"])
