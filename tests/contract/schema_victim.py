"""A process that migrates, to be started more than once and to be killed: ``python -m tests.contract.schema_victim URL``.

Its step writes when it begins and when it ends, and takes until it is told to end. Its log goes to standard output.
"""

from __future__ import annotations

import logging
import sys
import time

from limner.store import Store
from limner.store.schema import Schema
from limner.store.schema.steps import STEPS, Hand, SchemaStep

TRAIL, GO = "trail", "go"
#: soon over, when its holder is killed
LOCK_S = 1.0


def slow(hand: Hand) -> None:
    """Add something, in no hurry."""
    hand.redis.rpush(TRAIL, "began")
    while not hand.redis.exists(GO):
        hand.go_on()
        time.sleep(0.02)
    hand.redis.rpush(TRAIL, "ended")


def main(url: str) -> None:
    """Bring the data one schema further than ours."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s", force=True)
    store = Store(url)
    newest = SchemaStep(len(STEPS) + 1, "9.0.0", "a slow one", readable_from=1, forward=slow)
    schema = Schema(store.redis, "limner:", store.clients._scripts, (*STEPS, newest), LOCK_S)
    schema.settle()


if __name__ == "__main__":
    main(sys.argv[1])
