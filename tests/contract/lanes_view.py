"""The whole of Redis at one moment, for tests that say what a call must leave alone, or must leave behind."""

from __future__ import annotations

from typing import Any

from limner.store import Store

MINUTE_MS = 60_000
READ = {
    "string": lambda pipe, key: pipe.get(key),
    "hash": lambda pipe, key: pipe.hgetall(key),
    "list": lambda pipe, key: pipe.lrange(key, 0, -1),
    "set": lambda pipe, key: pipe.smembers(key),
    "zset": lambda pipe, key: pipe.zrange(key, 0, -1, withscores=True),
}


def everything(store: Store, *but: str) -> dict[str, Any]:
    """Return each key with what it holds and when it expires, except keys that begin with ``but``."""
    keys = sorted(key for key in store.redis.keys("*") if not key.startswith(but))
    with store.redis.pipeline(transaction=True) as pipe:
        for key in keys:
            pipe.type(key)
        kinds = pipe.execute()
        for key, kind in zip(keys, kinds, strict=True):
            READ[kind](pipe, key)
            pipe.pexpiretime(key)
        found = pipe.execute()
    return dict(zip(keys, zip(found[::2], found[1::2], strict=True), strict=True))


def left_ms(store: Store) -> dict[str, int]:
    """Return each key of ours with how long it is kept, in ms; -1: for ever."""
    keys = sorted(store.redis.keys("limner:*"))
    with store.redis.pipeline(transaction=True) as pipe:
        for key in keys:
            pipe.pttl(key)
        return dict(zip(keys, pipe.execute(), strict=True))


def is_about(left: int, most: int) -> bool:
    """Whether what is left is a time that was set a moment ago."""
    return most - MINUTE_MS < left <= most
