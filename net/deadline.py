"""Deadlines that end whatever a peer drags out; one thread enforces all of a process."""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType
from typing import ClassVar, Self

from net.answers import PatientResponse
from net.cut import Cut

#: the precision of deadlines
WATCH_S = 0.1


class Deadline:
    """The time one request may take; when it is over, its socket is shut down, whatever it is doing.

    Socket timeouts apply to each ``recv``, so a peer that sends a byte now and then never triggers them.
    """

    _current: ClassVar[threading.local] = threading.local()

    def __init__(self, total_s: float) -> None:
        self._started = time.monotonic()
        self.ends = self._started + total_s
        #: the address that was dialled
        self.address: str | None = None
        #: whether the connection had been used before
        self.reused = False
        #: the response, once its head has arrived complete and in time
        self.answer: PatientResponse | None = None
        self._cut = Cut()

    @classmethod
    def current(cls) -> Deadline | None:
        """Return this thread's current deadline."""
        return getattr(cls._current, "deadline", None)

    @property
    def passed(self) -> bool:
        """Whether the watchdog has ended it."""
        return self._cut.done

    @property
    def left_s(self) -> float:
        """Seconds left; never zero, because a socket would take that as no timeout."""
        return max(0.001, self.ends - time.monotonic())

    @property
    def late(self) -> bool:
        """Whether it is over, even if the watchdog has not acted yet: whatever fails now, fails for that."""
        return self.passed or time.monotonic() >= self.ends

    @property
    def age_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._started

    def __enter__(self) -> Self:
        self._current.deadline = self
        _watchdog.watch(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._current.deadline = None
        self._cut.close()
        _watchdog.forget(self)

    def use(self, sock: socket.socket, address: str, *, reused: bool) -> None:
        """Set the socket that the request now uses."""
        self.address, self.reused = address, reused
        self._cut.hold(sock)

    def hear(self, answer: PatientResponse) -> None:
        """Note the peer's response."""
        # To a reader of the head, shutting the socket down looks as if the peer had closed it.
        if not self.passed:
            self.answer = answer

    @property
    def status(self) -> int | None:
        """The response's status, as soon as there is one."""
        return self.answer.status if self.answer else None

    def cut_to(self, left_s: float) -> None:
        """Shorten the time left to this, if it is longer."""
        self.ends = min(self.ends, time.monotonic() + left_s)

    def end(self) -> None:
        """Shut the socket down; called by the watchdog."""
        self._cut()


class _Watchdog:
    """One thread that enforces all deadlines of the process; it sleeps while there are none."""

    def __init__(self) -> None:
        self._watched: set[Deadline] = set()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, deadline: Deadline) -> None:
        with self._lock:
            self._watched.add(deadline)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
        if not self._wake.is_set():
            self._wake.set()

    def forget(self, deadline: Deadline) -> None:
        with self._lock:
            self._watched.discard(deadline)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(WATCH_S)
            now = time.monotonic()
            with self._lock:
                over = [deadline for deadline in self._watched if deadline.ends <= now]
                self._watched.difference_update(over)
                if not self._watched:
                    self._wake.clear()
            for deadline in over:
                deadline.end()


_watchdog = _Watchdog()
