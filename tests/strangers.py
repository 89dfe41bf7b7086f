"""What others push onto our queues: good messages with one thing wrong, and what is no message at all."""

from __future__ import annotations

import base64
import json
import random
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

from limner.errors import StoreDown
from limner.message import TASK
from limner.store import Store
from limner.store.connection import guarded

Path = tuple[str, ...]
LINKS = ("callbacks", "errbacks", "chain", "chord")

NOT_MESSAGES: list[bytes] = [
    b"garbage",
    b"",
    b"{}",
    b"[1]",
    b"null",
    b"5",
    b'"text"',
    b"\xff\xfe\x00",
    b"[" * 60_000,
    b"1" * 9_000,
    b'{"body": "x", "headers": {}, "properties": {}}',
    b'{"properties": null}',
    b'{"__type__": "uuid", "__value__": {"hex": 1}}',
]

#: values that some field does not have
ODD: list[Any] = [
    None,
    True,
    0,
    1e308,
    "",
    "x",
    "\ud800",
    "2999-01-01T00:00:00+00:00",
    "2001-01-01T00:00:00",
    [],
    [[]],
    {},
    {"x": 1},
    {"__type__": "datetime", "__value__": "x"},
]


def message(task: str, queue: str, args: Any = (), kwargs: Any = None, **headers: Any) -> dict:
    """What Celery's ``send_task`` renders, as kombu pushes it."""
    task_id = str(uuid.uuid4())
    return {
        "body": body(list(args), kwargs or {}, dict.fromkeys(LINKS)),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "py",
            "task": task,
            "id": task_id,
            **dict.fromkeys(("shadow", "eta", "expires", "group", "group_index", "parent_id")),
            "retries": 0,
            "timelimit": [None, None],
            "root_id": task_id,
            "argsrepr": repr(args),
            "kwargsrepr": repr(kwargs),
            "origin": "gen1@somewhere",
            "ignore_result": False,
            "replaced_task_nesting": 0,
            "stamped_headers": None,
            "stamps": {},
        }
        | headers,
        "properties": {
            "correlation_id": task_id,
            "reply_to": str(uuid.uuid4()),
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }


def body(*parts: Any) -> str:
    return base64.b64encode(json.dumps(parts).encode()).decode()


def paths(fields: dict, above: Path = ()) -> Iterator[Path]:
    """Where a message's fields are."""
    for name, value in fields.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from paths(value, (*above, name))


def changed(fields: dict, path: Path, value: Any) -> dict:
    """A copy with one field changed; ``...``: without it."""
    copy = json.loads(json.dumps(fields))
    at = copy
    for name in path[:-1]:
        at = at[name]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return copy


def strange_variants(good: dict) -> Iterator[bytes]:
    """Every field of a good message taken away or made odd in turn, and its body as well."""
    for path in paths(good):
        for value in (..., *ODD):
            yield json.dumps(changed(good, path, value)).encode()
    links: dict = {}
    for parts in (
        *((value, {}, links) for value in ODD),
        *(([], value, links) for value in ODD),
        *(([], {}, value) for value in ODD),
        ([], {}),
        ([], {}, {"callbacks": [{"task": "imagine", "args": []}]}),
        ([], {}, {"id": None}),
    ):
        yield json.dumps(changed(good, ("body",), body(*parts))).encode()
    for text in ("%%%", "AAAA", "bm90IGpzb24="):
        yield json.dumps(changed(good, ("body",), text)).encode()
    for name in [
        "compression",
        "is_eager",
        "called_directly",
        "update",
        "properties",
        "utc",
        "chord",
    ]:
        yield json.dumps(changed(good, ("headers", name), "gzip")).encode()


class Stranger(threading.Thread):
    """Pushes strange messages and tasks sent by hand onto the queues, as long as a soak runs."""

    def __init__(self, store: Store, jobs: dict[str, str], chance: random.Random) -> None:
        super().__init__(daemon=True)
        self._store = store
        self._jobs = jobs
        self._chance = chance
        self.count: Counter[str] = Counter()
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(self._chance.uniform(0.05, 0.4)):
            queue = self._chance.choice(("fast", "fast", "callbacks"))
            kind = self._chance.choice((self._by_hand, self._odd, self._no_message))
            try:
                self._push(queue, kind(queue))
            except StoreDown:
                self.count["missed"] += 1
            else:
                self.count[kind.__name__.strip("_")] += 1

    @guarded
    def _push(self, queue: str, raw: bytes) -> None:
        self._store.redis.lpush(queue, raw)

    def _by_hand(self, queue: str) -> bytes:
        """A task for a job that waits, is drawn, has ended, or never was."""
        job = self._chance.choice([*list(self._jobs)[-20:], "0" * 32])
        return json.dumps(message(TASK, queue, [job])).encode()

    def _odd(self, queue: str) -> bytes:
        good = message("tick" if queue == "callbacks" else TASK, queue)
        path = self._chance.choice(list(paths(good)))
        return json.dumps(changed(good, path, self._chance.choice(ODD))).encode()

    def _no_message(self, _queue: str) -> bytes:
        return self._chance.choice(NOT_MESSAGES)
