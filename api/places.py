"""What a process holds for its callers at once, bounded for each client and for all; created by ``create_app``.

Used for bodies being received (``api/body.py``), for what takes long before a job is accepted, and for requests
that wait (``api/wait_places.py``).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from limner.errors import Crowded, TooManyAtOnce


class Hold:
    """What one request holds; given back once, however often ``close`` is called."""

    def __init__(self, places: Places, client: str, amount: int = 0) -> None:
        """``amount``: what was taken for it already."""
        self._places = places
        self._client = client
        self._amount = amount

    def grow(self, amount: int) -> None:
        """Hold ``amount`` more.

        Raises:
            TooManyAtOnce, Crowded: the client's share, or the whole, is taken.
        """
        self._places.take(self._client, amount)
        self._amount += amount

    def close(self) -> None:
        """Give everything back."""
        amount, self._amount = self._amount, 0
        if amount:
            self._places.give(self._client, amount)


class Places:
    """So many of something: ``each`` for one client, ``most`` for all. Safe from any thread."""

    def __init__(self, each: int, most: int) -> None:
        self._each = each
        self._most = most
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()
        self._all = 0

    @property
    def taken(self) -> int:
        """The amount that is held now."""
        return self._all

    def held(self, client: str, amount: int = 1) -> Hold:
        """Return a hold on ``amount``, to be closed by the caller.

        Raises:
            TooManyAtOnce, Crowded: the client's share, or the whole, is taken.
        """
        held = Hold(self, client)
        held.grow(amount)
        return held

    @contextmanager
    def hold(self, client: str, amount: int = 1) -> Iterator[Hold]:
        """Hold ``amount`` within the block. Raises as ``held`` does."""
        held = self.held(client, amount)
        try:
            yield held
        finally:
            held.close()

    def take(self, client: str, amount: int) -> None:
        """Take ``amount``; used by ``Hold``."""
        # Neither blocks nor waits inside, so it is also safe under an event loop.
        with self._lock:
            self._add(client, amount)

    def _add(self, client: str, amount: int) -> None:
        """Do that while the lock is held."""
        if self._taken[client] + amount > self._each:
            raise TooManyAtOnce
        if self._all + amount > self._most:
            raise Crowded
        self._taken[client] += amount
        self._all += amount

    def give(self, client: str, amount: int) -> None:
        """Give ``amount`` back; used by ``Hold``."""
        with self._lock:
            self._drop(client, amount)

    def _drop(self, client: str, amount: int) -> None:
        """Do that while the lock is held."""
        self._all -= amount
        self._taken[client] -= amount
        if not self._taken[client]:
            del self._taken[client]
