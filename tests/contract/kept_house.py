"""A busy house as it was, to be put back again and again; for the tests of what becomes of its keys.

The fixture ``kept`` makes one (``conftest.py``).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from limner.store import Store
from tests.conftest import MovingClock
from tests.contract.busy_house import House, busy

#: seconds in which the walk comes round
SETTLE = 8


def kind_of(name: str) -> str:
    """The kind of a key, with a colon if there are several keys of it."""
    kind, colon, _ = name.removeprefix("limner:").partition(":")
    return kind + colon


@dataclass
class Kept:
    """A busy house as it was, to be put back."""

    #: key → what is in it, and how long it is kept, ms; 0: for ever
    dumps: dict[str, tuple[bytes, int]]
    now_ms: int
    hands: dict[str, str]
    posting: list[Any]
    #: when it began, and how long after that its keys were looked at: all times of which the first keys are older
    began_s: float
    took_ms: float

    def names(self, kind: str) -> list[str]:
        return sorted(name for name in self.dumps if kind_of(name) == kind)

    def passed_ms(self) -> float:
        """How long ago it began, by the server's clock, which nobody moves."""
        return (time.monotonic() - self.began_s) * 1000


def keep(redis_url: str) -> Kept:
    """Make a busy house, and keep it as it is."""
    began_s = time.monotonic()
    store = Store(redis_url, clock=(clock := MovingClock()))
    redis: Any = store.redis
    redis.flushall()
    house = busy(store, clock)
    names = sorted(redis.keys("*"))
    with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.execute_command("DUMP", name, NEVER_DECODE=True)
            pipe.pttl(name)
        rows = pipe.execute()
    store.close()
    dumps = {
        name: (dump, max(0, left))
        for name, dump, left in zip(names, rows[::2], rows[1::2], strict=True)
    }
    took_ms = (time.monotonic() - began_s) * 1000
    return Kept(dumps, clock.now_ms, dict(house.hands), list(house.posting), began_s, took_ms)


def put_back(kept: Kept, redis_url: str) -> House:
    """A house as it was, of processes that have just started."""
    clock = MovingClock(kept.now_ms)
    store = Store(redis_url, clock=clock)
    with store.redis.pipeline(transaction=False) as pipe:
        pipe.flushall()
        for name, (dump, left) in kept.dumps.items():
            pipe.restore(name, left, dump)
        pipe.execute()
    house = House(store, clock, dict(kept.hands), list(kept.posting))
    house.tokens = iter(f"again{n}" for n in range(10_000))
    house.store.clock.tell("here", lambda: clock.now_ms / 1000)
    return house


def lose(kept: Kept, redis_url: str, lost: list[str]) -> House:
    """A house that has lost these keys, after everybody has looked after everything for a while."""
    house = put_back(kept, redis_url)
    if lost:
        house.store.redis.delete(*lost)
    house.settle(SETTLE)
    return house
