"""Fresh ids: of jobs, of Celery's messages, and the tokens of leases."""

from __future__ import annotations

import random


def new_id() -> str:
    """Return an id that nobody has, 32 hex digits.

    From the process's own generator, which took its state from the system at start and after a fork.
    Asking the system each time (``uuid4``) lets go of the interpreter's lock each time. An id may be
    guessed by whoever sees very many of them; it opens nothing without its client's token.
    """
    return f"{random.getrandbits(128):032x}"
