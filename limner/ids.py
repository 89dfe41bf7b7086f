"""Unguessable values: ids of jobs and messages, lease tokens, seeds.

They come from the system's random generator. Python's own (``random``) would be as fast, but whoever
has seen a few hundred of its numbers can predict all that follow, including other clients'.
"""

from __future__ import annotations

import os

#: 128 bits, as in a UUID
DIGITS = 32
#: ids fetched at once: each system call releases the interpreter lock, and a busy process then has to
#: wait for it
POOL_IDS = 256

#: unused ids; ``pop`` is atomic, so no two threads get the same one
_pool: list[str] = []


def new_id() -> str:
    """Return a unique, unguessable id, 32 hex digits."""
    while True:
        try:
            return _pool.pop()
        except IndexError:
            fresh = os.urandom(POOL_IDS * DIGITS // 2).hex()
            _pool.extend(fresh[at : at + DIGITS] for at in range(0, len(fresh), DIGITS))


def random_number() -> int:
    """Return an unguessable number from 0 to 2**128 - 1."""
    return int(new_id(), 16)


# A forked child would hand out the same ids as its parent.
os.register_at_fork(after_in_child=_pool.clear)
