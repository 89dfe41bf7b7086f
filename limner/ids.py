"""What must not be guessed: ids of jobs and messages, the tokens of leases, the seeds of drawings.

All of it comes from the system's generator. A generator of the process's own (``random``) would be as
fast, and whoever has seen some hundred of its numbers knows all that follow, other clients' included.
"""

from __future__ import annotations

import os

#: of a UUID: 128 bits
DIGITS = 32
#: ids fetched in one go: each call of the system lets go of the interpreter's lock, which a busy
#: process must then wait for
POOL_IDS = 256

#: ids that nobody has been given; ``pop`` takes one for one thread, whatever the others do
_pool: list[str] = []


def new_id() -> str:
    """Return an id that nobody has and nobody can guess, 32 hex digits."""
    while True:
        try:
            return _pool.pop()
        except IndexError:
            fresh = os.urandom(POOL_IDS * DIGITS // 2).hex()
            _pool.extend(fresh[at : at + DIGITS] for at in range(0, len(fresh), DIGITS))


def random_number() -> int:
    """Return a number from 0 to 2**128 - 1 that nobody can guess."""
    return int(new_id(), 16)


# A child would hand out the ids that its parent hands out, too.
os.register_at_fork(after_in_child=_pool.clear)
