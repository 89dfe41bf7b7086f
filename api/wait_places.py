"""The places to wait in, and room to stand for those who find them taken; created by ``create_app``.

Whoever is refused asks again, and a loop that does not pause would ask a thousand times a second. So one who
finds no place stands for a moment before it is refused, which costs a greenlet, and gets the first place that
is given back meanwhile. Used by ``api/waiting.py``, for all requests that wait.

Places are given back and handed on in one step. So nobody in the line could have a place that is free, and
whoever comes has only itself to try, however many stand.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from itertools import count

from api.peer import HungUp, Watched
from api.places import Hold, Places
from api.watcher import Waiter, Watcher
from limner.errors import Crowded, TooManyAtOnce

#: how many stand at once, of one client and in all; beyond these, one is refused at once
CLIENT_STANDING = 250
STANDING = 1000


# Each is itself, whatever it holds.
@dataclass(eq=False, slots=True)
class _Stander:
    client: str
    waiter: Waiter
    #: its number in the line; those who came before have lower ones
    number: int = 0
    #: a place has been taken for it
    placed: bool = False


class WaitPlaces(Places):
    """Places for one waiting request each, and a line of those who stand."""

    def __init__(self, each: int, most: int, watcher: Watcher) -> None:
        super().__init__(each, most)
        self._watcher = watcher
        self._room = Places(CLIENT_STANDING, STANDING)
        #: as many as may wait can hang up at once, and come again
        self._aside = Places(each, most)
        #: those who stand, by client, in the order in which they came; dicts, to leave from anywhere
        self._lines: dict[str, dict[_Stander, None]] = {}
        self._numbers = count()

    @property
    def standing(self) -> int:
        """The number of requests that stand."""
        return self._room.taken

    def patiently(self, client: str, watched: Watched, most_s: float) -> Hold:
        """Return a hold on one place; who finds none stands for up to ``most_s`` until one is given back.

        ``watched``: of ``peer.watched()``.

        Raises:
            HungUp: the caller hung up while it stood.
            TooManyAtOnce, Crowded: none was given back; or too many stand, or this process ends.
        """
        try:
            return self.held(client)
        except (TooManyAtOnce, Crowded):
            if held := self._stood(client, watched, most_s):
                return held
            raise

    def aside(self, client: str) -> Hold:
        """Return room for a request that gives its place up and goes on for a while; to be closed by the caller.

        Raises:
            TooManyAtOnce, Crowded: too many are there already.
        """
        return self._aside.held(client)

    def give(self, client: str, amount: int) -> None:
        """Give ``amount`` back, to those who stand."""
        placed = []
        with self._lock:
            self._drop(client, amount)
            while self._all < self._most and (stander := self._first()):
                self._place(stander)
                self._out_of_line(stander)
                placed.append(stander)
        for stander in placed:
            stander.waiter.tell()

    def _stood(self, client: str, watched: Watched, most_s: float) -> Hold | None:
        """Return the place that was had by standing; None: there was none, or no room to stand."""
        ends = time.monotonic() + most_s
        try:
            room = self._room.held(client)
        except (TooManyAtOnce, Crowded):
            return None
        with closing(room), self._watcher.following_nothing() as waiter:
            stander = _Stander(client, waiter)
            try:
                with watched(waiter.leave):
                    self._stand(stander, ends)
                if waiter.gone:
                    raise HungUp
            except BaseException:
                self._leave(stander).close()
                raise
            held = self._leave(stander)
        return held if stander.placed else None

    def _stand(self, stander: _Stander, ends: float) -> None:
        with self._lock:
            # One may have been given back since it was refused.
            if self._all < self._most and self._may(stander.client):
                self._place(stander)
                return
            stander.number = next(self._numbers)
            self._lines.setdefault(stander.client, {})[stander] = None
        while (left_s := ends - time.monotonic()) > 0:
            if stander.placed or stander.waiter.gone or self._watcher.ended:
                return
            stander.waiter.wait(left_s)

    def _leave(self, stander: _Stander) -> Hold:
        """Leave the line with what was taken for it, which may be nothing."""
        with self._lock:
            self._out_of_line(stander)
        return Hold(self, stander.client, int(stander.placed))

    # -- while the lock is held ---------------------------------------------------------------------

    def _may(self, client: str) -> bool:
        """Return whether the client's own share has a place left."""
        return self._taken[client] < self._each

    def _first(self) -> _Stander | None:
        """Return who has stood longest, of those whose own share is not used up."""
        firsts = (next(iter(line)) for client, line in self._lines.items() if self._may(client))
        return min(firsts, key=lambda stander: stander.number, default=None)

    def _place(self, stander: _Stander) -> None:
        self._add(stander.client, 1)
        stander.placed = True

    def _out_of_line(self, stander: _Stander) -> None:
        line = self._lines.get(stander.client, {})
        line.pop(stander, None)
        if not line:
            self._lines.pop(stander.client, None)
