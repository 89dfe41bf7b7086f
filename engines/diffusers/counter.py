"""The drawing process's counter: workers come and go, hand in orders, and are told how far theirs is.

A thread for each of them reads what it says, and sees when it is gone; then what it ordered is abandoned.
Used by ``child``.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from engines.diffusers.wire import connection_over, receive, send

#: how long a worker that takes nothing may keep the others waiting
GUEST_S = 5.0
#: how often those who wait are told that there is something to wait for
AGAIN_S = 0.3
#: whoever starts this process has so long to come
FIRST_S = 10.0
#: at most so many connections: each lane's slots, over a reload
GUESTS = 256


class Ticket:
    """One order, and the line to whoever gave it."""

    def __init__(self, guest: Guest, order: dict[str, Any], counter: Counter) -> None:
        self.order = order
        self._guest = guest
        self._counter = counter
        #: not a step of it is done yet
        self.loads = True

    def left(self) -> bool:
        """Return whether nobody wants it any more."""
        return self._guest.gone.is_set()

    def tell(self, event: str, *parts: bytes, **more: Any) -> None:
        """Send news of it, and let those who wait know that it goes on."""
        self.loads = self.loads and event == "taken"
        self._guest.say({"event": event, **more}, parts)
        self._counter.tell_waiting(again_s=AGAIN_S)


class Guest:
    """A worker's connection."""

    def __init__(self, line: socket.socket) -> None:
        self.gone = threading.Event()
        self._pipe: Connection = connection_over(line, GUEST_S)
        self._saying = threading.Lock()

    def orders(self) -> Any:
        """Yield the orders that come, until it is gone."""
        try:
            while True:
                # Its limit is for the middle of a message, not for the time between two.
                if self._pipe.poll(None):
                    yield receive(self._pipe).header["order"]
        except (EOFError, OSError, ValueError, KeyError):
            self.gone.set()

    def say(self, header: dict[str, Any], parts: Sequence[bytes] = ()) -> None:
        """Send a message; a guest that takes none is gone."""
        if self.gone.is_set():
            return
        try:
            with self._saying:
                send(self._pipe, header, parts)
        except (OSError, ValueError):
            self.gone.set()

    def close(self) -> None:
        """Hang up; once nobody speaks any more."""
        with self._saying:
            self._pipe.close()


class Counter:
    """Takes orders, first come, first served."""

    def __init__(self, listener: socket.socket, linger_s: float, idle_s: float) -> None:
        """``linger_s``: how long to stay without a worker; ``idle_s``: without work, 0 for ever."""
        self._listener = listener
        self._linger_s, self._idle_s = linger_s, idle_s
        self._changed = threading.Condition()
        self._waiting: list[Ticket] = []
        self._current: Ticket | None = None
        self._guests = 0
        self._closed = False
        # Nobody has come yet.
        self._alone_s = time.monotonic() + max(0.0, FIRST_S - linger_s)
        self._worked_s = self._told_s = time.monotonic()
        threading.Thread(target=self._receive, daemon=True).start()

    def next(self, wait_s: float) -> Ticket | None:
        """Return the next order, or None if none comes in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, wait_s)
            self._current = self._waiting.pop(0) if self._waiting else None
            current = self._current
        if current:
            self.tell_waiting()
        return current

    def over(self, _ticket: Ticket) -> None:
        """Note that the current order is done."""
        with self._changed:
            self._current = None
            self._worked_s = time.monotonic()

    def unused(self) -> bool:
        """Return whether nobody has been here, or nothing has been ordered, for long enough to leave."""
        now = time.monotonic()
        with self._changed:
            if self._waiting or self._current:
                return False
            if not self._guests and now - self._alone_s >= self._linger_s:
                return True
            return bool(self._idle_s) and now - self._worked_s >= self._idle_s

    def close(self) -> bool:
        """Take nobody and nothing more, unless an order has just come; return whether it is closed.

        Whoever comes now is not greeted, and starts another process.
        """
        with self._changed:
            self._closed = not self._waiting
            return self._closed

    def tell_waiting(self, again_s: float = 0.0) -> None:
        """Tell those who wait how many are ahead of them, unless they were told less than ``again_s`` ago."""
        now = time.monotonic()
        with self._changed:
            if now - self._told_s < again_s:
                return
            self._told_s = now
            self._waiting = [ticket for ticket in self._waiting if not ticket.left()]
            waiting, current = list(self._waiting), self._current
        for ahead, ticket in enumerate(waiting, start=1 if current else 0):
            loads = current is not None and current.loads
            if ahead:
                ticket._guest.say({"event": "queued", "ahead": ahead, "loads": loads})

    def _receive(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                full = self._closed or self._guests >= GUESTS
                self._guests += not full
            if full:
                line.close()
            else:
                threading.Thread(target=self._attend, args=(Guest(line),), daemon=True).start()

    def _attend(self, guest: Guest) -> None:
        guest.say({"event": "hello"})
        for order in guest.orders():
            with self._changed:
                if self._closed:
                    break
                self._waiting.append(Ticket(guest, order, self))
                self._changed.notify_all()
            self.tell_waiting()
        guest.gone.set()
        with contextlib.suppress(OSError):
            guest.close()
        with self._changed:
            self._guests -= 1
            if not self._guests:
                self._alone_s = time.monotonic()
